"""What a mail says, whatever people call themselves and their conferences."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import cast

import pytest
from msgspec.structs import replace

from protocol.names import Role
from server.mail.address import BadAddress, normal
from server.mail.letter import Told, message
from server.mail.outbox import Mail

_MAIL = Mail(
    id="m_1",
    attendee="at_1",
    kind="invitation",
    occasion=1,
    created=10**12,
    due=0,
    attempts=1,
    state="sending",
    error="",
    finished=0,
)
_TOLD = Told(
    mail=_MAIL,
    conference="abc-defg-hij",
    email="anna@example.org",
    name="Anna",
    role=Role.VIEWER,
    link="https://podium.example/join",
    inviter="Olga",
    note="",
    subject="",
    body="",
    title="Reading circle",
    starts=10**12,
    ends=None,
    before=None,
    sequence=0,
    workspace="The company",
    zone="UTC",
    now=10**12 - 60_000,
)
_HEADERS = {"subject", "from", "to", "date", "message-id", "auto-submitted", "mime-version", "content-type"}

_HOSTILE = (
    "=?utf-8?q?=0d=0aBcc:_eve@example.net?=",
    "=?utf-8?q?=0aBcc:_eve@example.net?=",
    "=?utf-8?b?//8=?=",
    "=?utf-8?q?a=22=2C_=3Ceve@example.net=3E?=",
    "a\r\nBcc: eve@example.net",
    'a", <eve@example.net>, "b',
    "a: eve@example.net;",
    "<;>" * 20 + '", eve@example.net' + " \u00e9" * 40,
    "=\x00?utf-8?q?=0aBcc:_eve@example.net?=",
)


def read(told: Told) -> EmailMessage:
    """The mail as a mail program reads it."""
    data = message(told, "Podium <podium@example.com>").as_bytes()
    return email.message_from_bytes(data, policy=email.policy.default)


@pytest.mark.parametrize("text", _HOSTILE)
@pytest.mark.parametrize("field", ["name", "title", "workspace", "inviter"])
def test_what_people_call_anything_makes_no_header_and_no_recipient(field: str, text: str) -> None:
    sender = "podium@example.com"
    made = message(replace(_TOLD, **{field: text}), sender).as_bytes()
    found = email.message_from_bytes(made, policy=email.policy.default)
    assert {name.lower() for name in found} == _HEADERS
    assert [address.addr_spec for address in found["to"].addresses] == ["anna@example.org"]
    assert [address.addr_spec for address in found["from"].addresses] == [sender]


def test_a_name_is_shown_as_it_is_as_far_as_a_header_can() -> None:
    found = read(replace(_TOLD, name="Dr. Ånna O'Hara-Łoś", title="Why is 1 = ? a question"))
    assert found["to"].addresses[0].display_name == "Dr. Ånna O'Hara-Łoś"
    assert found["subject"] == "Invitation: Why is 1 = ? a question"


@pytest.mark.parametrize("address", ["=?x?q?a?=@example.org", "=?utf-8?q?x?=@example.org"])
def test_an_encoded_word_is_no_address(address: str) -> None:
    with pytest.raises(BadAddress):
        normal(address)


def test_whoever_reads_of_a_change_is_not_told_to_come_by_a_link_that_ends_before_it() -> None:
    # How long a link is good is signed into it: that of the invitation ends after the time that was planned then.
    said = message(replace(_TOLD, mail=replace(_MAIL, kind="changed")), "podium@example.com")
    text = cast(EmailMessage, said.get_body(("plain",))).get_content()
    assert "link is the same" not in text
    assert "Take the link of this mail" in " ".join(text.split()) and _TOLD.link in text
