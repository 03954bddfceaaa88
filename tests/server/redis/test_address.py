"""Redis' URL: what it may say, and that nothing shows its password."""

from __future__ import annotations

import pytest

from server.redis.address import Address, Kind, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://localhost", Address(hosts=(("localhost", 6379),))),
        ("redis://10.0.0.1:7000/3", Address(hosts=(("10.0.0.1", 7000),), db=3)),
        ("redis://[::1]:7000", Address(hosts=(("::1", 7000),))),
        ("redis://:s%40crit@host", Address(hosts=(("host", 6379),), password="s@crit")),
        (
            "rediss://me:pw@host?ca=/ca.pem",
            Address(tls=True, hosts=(("host", 6379),), username="me", password="pw", ca="/ca.pem"),
        ),
        ("redis://host?timeout=2.5", Address(hosts=(("host", 6379),), timeout_s=2.5)),
        ("unix:///run/redis.sock?db=2", Address(path="/run/redis.sock", db=2)),
        (
            "redis+sentinel://:pw@a,b:7001/podium/1?sentinel_password=other",
            Address(
                kind=Kind.SENTINEL,
                hosts=(("a", 26379), ("b", 7001)),
                service="podium",
                db=1,
                password="pw",
                sentinel_password="other",
            ),
        ),
        ("rediss+cluster://a:1,b:2", Address(kind=Kind.CLUSTER, tls=True, hosts=(("a", 1), ("b", 2)))),
    ],
)
def test_a_url_says_where_redis_is(url: str, address: Address) -> None:
    found = parse(url)
    assert {name: getattr(found, name) for name in Address.__struct_fields__} == {
        name: getattr(address, name) for name in Address.__struct_fields__
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("localhost:6379", "begins with"),
        ("http://s3cret@host", "begins with"),
        ("redis://", "names its host"),
        ("redis://:s3cret@", "names its host"),
        ("redis://host:port", "HOST:PORT"),
        ("redis://host:99999", "HOST:PORT"),
        ("redis://a,b", "several hosts"),
        ("redis://host/one", "is a number"),
        ("redis://host/1/2", "number of the database"),
        ("redis://host?s3cret=1", "parameters are"),
        ("redis://host?ca=/x", "rediss"),
        ("redis://host?timeout=forever", "timeout"),
        ("redis://host?timeout=0", "timeout"),
        ("redis://host?timeout=inf", "timeout"),
        ("redis+sentinel://a:1", "service"),
        ("redis+cluster://a:1/3", "cluster does not have"),
        ("redis+cluster://" + ",".join(f"h{n}" for n in range(17)), "names its host"),
        ("unix://relative/path", "unix:///"),
        ("redis://[::1", "URL"),
    ],
)
def test_a_url_that_says_something_else_is_refused_without_being_repeated(url: str, expected: str) -> None:
    with pytest.raises(ValueError, match=expected) as error:
        parse(url)
    assert "s3cret" not in str(error.value)


def test_an_address_never_shows_a_password() -> None:
    url = "redis+sentinel://me:first@a,[::1]:7/podium/1?sentinel_password=second&sentinel_username=you"
    shown = f"{parse(url)} {parse(url)!r}"
    assert "redis+sentinel://a:26379,[::1]:7/podium/1" in shown
    assert "first" not in shown and "second" not in shown
