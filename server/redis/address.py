"""Where Redis is, as one URL says it:

    redis://[user:password@]host[:6379][/db]                      one server
    unix:///path/to/socket[?db=0]                                  one server on this machine
    redis+sentinel://[user:password@]host[:26379],…/service[/db]   whoever Sentinel names as the primary
    redis+cluster://[user:password@]host[:6379],…                  a Redis Cluster

`rediss` in place of `redis` is TLS. Names and passwords are percent-encoded. What may follow after `?` is in `_MORE`.
"""

from __future__ import annotations

import enum
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

REDIS_PORT, SENTINEL_PORT = 6379, 26379
MAX_HOSTS = 16
# A commit takes a millisecond; a server that needs a second is not there.
TIMEOUT_S = 1.0


class Kind(enum.StrEnum):
    """How the server is found that takes the commands."""

    SINGLE = "single"
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed URL. Its text shows everything but the passwords.

    `hosts` are servers, or Sentinels, or some of a cluster; empty for a socket at `path`. `service` is Sentinel's name
    of the primary. `ca`, `cert` and `key` are files for TLS. `timeout_s`: how long an answer may take.
    """

    kind: Kind = Kind.SINGLE
    tls: bool = False
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    service: str = ""
    db: int = 0
    username: str = ""
    password: str = ""
    sentinel_username: str = ""
    sentinel_password: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""
    timeout_s: float = TIMEOUT_S

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        scheme = ("rediss" if self.tls else "redis") + ("" if self.kind is Kind.SINGLE else f"+{self.kind}")
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        service = f"/{self.service}" if self.service else ""
        return f"{scheme}://{hosts}{service}/{self.db}"

    __repr__ = __str__


_SCHEMES = {
    "redis": (Kind.SINGLE, False),
    "rediss": (Kind.SINGLE, True),
    "redis+sentinel": (Kind.SENTINEL, False),
    "rediss+sentinel": (Kind.SENTINEL, True),
    "redis+cluster": (Kind.CLUSTER, False),
    "rediss+cluster": (Kind.CLUSTER, True),
}
_MORE = ("ca", "cert", "key", "sentinel_username", "sentinel_password", "db", "timeout")


def parse(url: str) -> Address:
    """The address that a URL names. Raises `ValueError` with what it should have been; never with the URL itself,
    which may hold a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("a URL, such as redis://localhost:6379") from None
    more = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = set(more) - set(_MORE)
    if unknown or parts.fragment:
        raise ValueError("a Redis URL whose parameters are of " + ", ".join(_MORE))
    db = more.pop("db", "")
    timeout_s = _seconds(more.pop("timeout", ""))
    if parts.scheme == "unix":
        if parts.netloc or not parts.path.strip("/") or more:
            raise ValueError("a socket as unix:///path/to/socket")
        return Address(path=unquote(parts.path), db=_db(db), timeout_s=timeout_s)
    if parts.scheme not in _SCHEMES:
        raise ValueError("a URL that begins with unix:// or one of " + ", ".join(f"{each}://" for each in _SCHEMES))
    kind, tls = _SCHEMES[parts.scheme]
    if not tls and {"ca", "cert", "key"} & set(more):
        raise ValueError("a rediss:// URL, where it names certificates")
    who, _, where = parts.netloc.rpartition("@")
    username, _, password = who.partition(":")
    path = [unquote(piece) for piece in parts.path.split("/")[1:] if piece]
    service = path.pop(0) if kind is Kind.SENTINEL and path else ""
    if kind is Kind.SENTINEL and not service:
        raise ValueError("a Sentinel URL that names the service, as in redis+sentinel://host:26379/podium")
    found_db = _db(path.pop(0) if path else db)
    if path or (kind is Kind.CLUSTER and found_db):
        raise ValueError("a Redis URL that ends with the number of the database, which a cluster does not have")
    return Address(
        kind=kind,
        tls=tls,
        hosts=_hosts(where, SENTINEL_PORT if kind is Kind.SENTINEL else REDIS_PORT, several=kind is not Kind.SINGLE),
        service=service,
        db=found_db,
        username=unquote(username),
        password=unquote(password),
        timeout_s=timeout_s,
        **more,
    )


def _db(text: str) -> int:
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 4:
        raise ValueError("a Redis URL whose database is a number")
    return int(text)


def _seconds(text: str) -> float:
    try:
        found = float(text or TIMEOUT_S)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 60:
        raise ValueError("a Redis URL whose timeout is from 0.1 to 60 seconds")
    return found


def _hosts(text: str, port: int, *, several: bool) -> tuple[tuple[str, int], ...]:
    found = []
    for each in text.split(","):
        try:
            one = urlsplit(f"//{each}")
            found.append((one.hostname or "", one.port if one.port is not None else port))
        except ValueError:
            raise ValueError("a Redis URL with HOST:PORT") from None
    if not all(host and number > 0 for host, number in found) or len(found) > MAX_HOSTS:
        raise ValueError("a Redis URL that names its host")
    if len(found) > 1 and not several:
        raise ValueError("a redis+sentinel:// or redis+cluster:// URL, where it names several hosts")
    return tuple(found)
