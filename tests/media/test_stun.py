"""STUN checks: who is believed, and that nobody gets more bytes than he sent."""

from __future__ import annotations

import hmac
import secrets
import struct
import zlib

import aioice.stun
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media import stun

PASSWORD = b"a password of 22 chars"
KEY = stun.Key(PASSWORD)


def check(
    username: str = "ours:theirs", password: bytes = PASSWORD, use_candidate: bool = False, fingerprint: bool = True
) -> bytes:
    """A Binding request as aioice, a foreign implementation, writes it."""
    message = aioice.stun.Message(
        message_method=aioice.stun.Method.BINDING,
        message_class=aioice.stun.Class.REQUEST,
        transaction_id=secrets.token_bytes(12),
    )
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 5
    if use_candidate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(password)
    data: bytes = bytes(message)
    if not fingerprint:
        data = data[:2] + struct.pack("!H", len(data) - 20 - 8) + data[4:-8]
    return data


@pytest.mark.parametrize("fingerprint", [True, False])
@pytest.mark.parametrize("use_candidate", [True, False])
def test_an_authentic_check_is_believed(use_candidate: bool, fingerprint: bool) -> None:
    request = stun.parse(check(use_candidate=use_candidate, fingerprint=fingerprint))
    assert request is not None
    assert request.ufrag == "ours" and request.use_candidate is use_candidate
    assert stun.is_authentic(request, KEY)


def test_a_check_made_with_another_password_is_not_believed() -> None:
    request = stun.parse(check(password=b"somebody else's password"))
    assert request is not None and not stun.is_authentic(request, KEY)


def test_a_check_changed_on_the_way_is_not_believed() -> None:
    data = check(fingerprint=False)
    changed = data.replace(b"ours:theirs", b"ours:theirz")
    request = stun.parse(changed)
    assert request is not None and not stun.is_authentic(request, KEY)


def test_what_follows_the_integrity_is_not_read() -> None:
    data = check(fingerprint=False)
    extra = struct.pack("!HH", 0x0025, 0)
    request = stun.parse(data[:2] + struct.pack("!H", len(data) - 20 + 4) + data[4:] + extra)
    assert request is not None and not request.use_candidate


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::7"])
def test_the_answer_is_understood_by_a_foreign_stack_and_is_not_longer_than_the_question(host: str) -> None:
    data = check()
    request = stun.parse(data)
    assert request is not None
    answer = stun.success(request, host, 4711, KEY)
    assert answer is not None and len(answer) <= len(data)
    message = aioice.stun.parse_message(answer)
    message.check_message_integrity(PASSWORD)
    assert message.transaction_id == request.transaction
    assert message.attributes["XOR-MAPPED-ADDRESS"][0] == host
    assert message.attributes["XOR-MAPPED-ADDRESS"][1] == 4711


def test_a_request_shorter_than_its_answer_is_not_answered() -> None:
    body = struct.pack("!HH4s", 6, 3, b"a:b\0")
    head = struct.pack("!HHI12s", 1, len(body) + 24, stun.MAGIC, bytes(12))
    data = head + body + struct.pack("!HH", 8, 20) + hmac.digest(PASSWORD, head + body, "sha1")
    request = stun.parse(data)
    assert request is not None and stun.is_authentic(request, KEY)
    assert stun.success(request, "2001:db8::7", 4711, KEY) is None


def with_checksum(data: bytes) -> bytes:
    return data[:-4] + struct.pack("!I", zlib.crc32(data[:-8]) ^ 0x5354554E)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(20),
        check()[:-1],
        check() + b"\0",
        check()[:-4] + bytes(4),  # wrong FINGERPRINT
        check(username="no colon"),
        b"\x01\x01" + check()[2:],  # a response
        check()[:4] + bytes(4) + check()[8:],  # no magic cookie
        with_checksum(check()[:22] + b"\xff\xff" + check()[24:]),  # USERNAME reaches beyond the end
    ],
    ids=["empty", "zeroes", "short", "long", "fingerprint", "username", "response", "cookie", "length"],
)
def test_what_is_no_well_formed_check_is_nothing(data: bytes) -> None:
    assert stun.parse(data) is None


@given(st.binary(max_size=300))
def test_random_bytes_are_nothing(data: bytes) -> None:
    assert stun.parse(data) is None


@given(st.integers(20, 90), st.binary(min_size=1, max_size=6))
def test_a_mangled_check_is_never_authentic(at: int, noise: bytes) -> None:
    data = check(fingerprint=False)
    mangled = data[:at] + noise + data[at + len(noise) :]
    if mangled[: len(data)] == data:
        return
    request = stun.parse(mangled[: len(data)])
    assert request is None or not stun.is_authentic(request, KEY)


def test_a_key_gives_the_digests_of_the_standard() -> None:
    for message in (b"", b"x" * 63, bytes(200)):
        assert KEY.digest(message) == hmac.digest(PASSWORD, message, "sha1")


@pytest.mark.parametrize("use_candidate", [True, False])
def test_a_check_like_the_one_before_it_is_read_as_that(use_candidate: bool) -> None:
    former, data = stun.parse(check(use_candidate=use_candidate)), check(use_candidate=use_candidate)
    request = stun.parse(data, former)
    assert request == stun.parse(data) and request is not None and stun.is_authentic(request, KEY)


@pytest.mark.parametrize(
    "data",
    [check(use_candidate=True), check("ours:others"), check("hers:theirs"), check(fingerprint=False)],
    ids=["nominates", "their ufrag", "our ufrag", "no fingerprint"],
)
def test_a_check_unlike_the_one_before_it_is_read_anew(data: bytes) -> None:
    assert stun.parse(data, stun.parse(check())) == stun.parse(data)


@given(st.integers(0, 103), st.binary(min_size=1, max_size=6))
def test_a_mangled_check_is_read_alike_with_and_without_one_before_it(at: int, noise: bytes) -> None:
    data = check()
    mangled = (data[:at] + noise + data[at + len(noise) :])[: len(data)]
    assert stun.parse(mangled, stun.parse(check())) == stun.parse(mangled)
