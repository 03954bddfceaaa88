"""Where webhooks may go."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from server.webhooks.address import BadAddress, Resolver, check, parse


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/", "file:///etc/passwd", "https://", "https:///x", "//example.org", "example.org", ""),
        *("https://user:secret@example.org/", "https://user@example.org/", "https://example.org/#x"),
        *("https://example.org/a b", "https://example.org/\r\nX: y", "https://example.org/ä", "https://exa mple.org/"),
        *("https://example.org:0/", "https://example.org:99999/", "https://example.org:x/", "https://[::1"),
        *("https://.example.org/", f"https://{'a' * 64}.org/", "https://example.org\\@10.0.0.1/"),
        *(f"https://example.org/{'x' * 2000}", "https://exa%6dple.org/"),
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        parse(url)


def test_a_url_is_taken_apart_for_the_request() -> None:
    target = parse("https://example.org:8443/hook/1?key=2")
    assert (target.tls, target.host, target.port) == (True, "example.org", 8443)
    assert (target.path, target.authority) == ("/hook/1?key=2", "example.org:8443")
    assert (parse("http://[fd00::1]").path, parse("http://[fd00::1]").authority) == ("/", "[fd00::1]")
    assert parse("https://example.org?x").path == "/?x"


PUBLIC = ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"]
PRIVATE = [
    *("127.0.0.1", "127.8.8.8", "10.1.2.3", "172.16.0.1", "192.168.1.1", "::1", "fd12::1"),
    *("::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1"),
]
# The cloud's metadata, "this network", everybody at once, and ways around.
NEVER = [
    *("169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "240.0.0.1"),
    *("255.255.255.255", "100.64.0.1", "2002:a00:1::", "2001:0:1::", "64:ff9b::a9fe:a9fe", "fec0::1"),
    *("fd00:ec2::254", "fd20:ce::254"),
]


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("scheme", ["https", "http"])
@pytest.mark.parametrize("address", [*PUBLIC, *PRIVATE, *NEVER])
def test_only_the_world_outside_is_reached_unless_it_is_allowed(address: str, scheme: str, private: bool) -> None:
    target = parse(f"{scheme}://example.org/")
    found = ipaddress.ip_address(address)
    allowed = (address in PUBLIC and scheme == "https") or (address in PRIVATE and private)
    if allowed:
        assert check(target, [found], private) == [found]
    else:
        with pytest.raises(BadAddress):
            check(target, [found], private)


async def test_a_name_is_judged_by_what_it_resolves_to(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["10.0.0.1", "93.184.216.34", "169.254.169.254"]

    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, 443)) for answer in answers]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    resolver = Resolver()
    try:
        target = parse("https://inside.example.org/")
        assert list(map(str, await resolver.resolve(target, False))) == ["93.184.216.34"]
        assert list(map(str, await resolver.resolve(target, True))) == ["10.0.0.1", "93.184.216.34"]
        answers[1:2] = []
        with pytest.raises(BadAddress):
            await resolver.resolve(target, False)
    finally:
        resolver.close()


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost"])
async def test_other_spellings_of_this_machine_are_seen_through(host: str) -> None:
    resolver = Resolver()
    try:
        with pytest.raises((BadAddress, OSError)):
            await resolver.resolve(parse(f"https://{host}/"), False)
    finally:
        resolver.close()
