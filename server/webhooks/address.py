"""Where webhooks may go: to the world outside, not to what only this server can reach.

Whoever names a URL could otherwise have the server ask its own neighbours: a database without a password, the cloud's
metadata. So the name is resolved here, what it resolves to is checked, and the connection goes to exactly that address
(a name that means something else a moment later is of no use). Receivers on the operator's own network are allowed by
an option, there also by plain HTTP. Link-local addresses and the others where clouds keep their secrets are never
allowed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import msgspec

MAX_URL = 2000
# Of a name with more addresses the first ones are tried.
MAX_ADDRESSES = 4

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Printable ASCII alone: nothing that could end the line of a request or a header.
_URL = re.compile(r"https?://[!-~]+")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}|[0-9A-Fa-f:.]{2,45}")
# RFC 6052: an IPv4 address behind a translator.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Private by their prefixes, and a cloud's own: EC2 has its metadata, its time and its names there, Google its metadata.
_CLOUD = (ipaddress.ip_network("fd00:ec2::/32"), ipaddress.ip_network("fd20:ce::/64"))
# All that is given out of IPv6 for the world.
_UNICAST = ipaddress.ip_network("2000::/3")


class BadAddress(ValueError):
    """This is no address for a webhook; the sentence says why."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A URL taken apart. `path` is what stands in the request line, `authority` in `Host`."""

    tls: bool
    host: str
    port: int
    path: str
    authority: str


def parse(url: str) -> Target:
    """A URL as the target it names. Raises `BadAddress`."""
    if len(url) > MAX_URL:
        raise BadAddress(f"The URL is longer than {MAX_URL} characters.")
    if not _URL.fullmatch(url):
        raise BadAddress("A webhook's URL begins with https:// and holds no blanks.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise BadAddress("The URL cannot be understood.") from None
    host = parts.hostname or ""
    try:
        # A label of a name has 1 to 63 characters.
        named = _NAME.fullmatch(host) is not None and bool(host.encode("idna"))
    except UnicodeError:
        named = False
    if not named:
        raise BadAddress("The URL names no host.")
    if parts.username is not None or parts.fragment or "\\" in url:
        raise BadAddress("A webhook's URL has no user, no password and no fragment.")
    tls = parts.scheme == "https"
    usual = 443 if tls else 80
    if port == 0:
        raise BadAddress("The URL cannot be understood.")
    bracketed = f"[{host}]" if ":" in host else host
    return Target(
        tls=tls,
        host=host,
        port=port or usual,
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        authority=bracketed if port in (None, usual) else f"{bracketed}:{port}",
    )


def allowed(target: Target, address: Address, private: bool) -> bool:
    """Whether a webhook may go to this target at this address; `private`: also within one's own network."""
    meant = _meant(address)
    if meant is None or meant.is_link_local or meant.is_multicast or meant.is_unspecified:
        return False
    if any(meant in network for network in _CLOUD):
        return False
    # First: `::1` counts as reserved, and everything reserved as private.
    if meant.is_loopback:
        return private
    if meant.is_reserved:
        return False
    if meant.is_private:
        return private
    # What is neither is shared by a provider's customers (RFC 6598), or was private once (RFC 3879).
    public = meant.is_global if isinstance(meant, ipaddress.IPv4Address) else meant in _UNICAST
    return public and target.tls


def _meant(address: Address) -> Address | None:
    """The address that packets end up at; None for tunnels, which nobody needs here."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None or address.teredo is not None:
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def check(target: Target, found: list[Address], private: bool) -> list[Address]:
    """Those of the addresses that are allowed. Raises `BadAddress` when there is none."""
    good = [address for address in found if allowed(target, address, private)]
    if good:
        return good[:MAX_ADDRESSES]
    if not target.tls and any(address.is_global for address in found):
        raise BadAddress("A webhook goes by https://; by http:// only within one's own network, where that is allowed.")
    raise BadAddress(
        "A webhook goes to public addresses; the option webhook_private allows those of one's own network, too."
    )


class Resolver:
    """Names to addresses, in threads of its own: a name server that is silent must hold up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="webhook names")

    async def resolve(self, target: Target, private: bool) -> list[Address]:
        """The addresses of a target that a webhook may go to. Raises `BadAddress`, `OSError`."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, resolve, target)
        return check(target, found, private)

    def close(self) -> None:
        """Resolve nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def resolve(target: Target) -> list[Address]:
    """All addresses of a target; blocks. Raises `OSError`."""
    try:
        return [ipaddress.ip_address(target.host)]
    except ValueError:
        answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    # A scope (`fe80::1%eth0`) belongs to link-local addresses, which are refused in any case.
    return list(dict.fromkeys(ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
