"""Whose request it is when reverse proxies stand in between.

`X-Forwarded-For` is a list that anybody can begin: only what trusted proxies appended counts, so it is read from its
end, and the first address that is not a trusted proxy is the client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


class Proxies:
    """The reverse proxies that are believed."""

    def __init__(self, networks: Iterable[str]) -> None:
        self._networks = tuple(ipaddress.ip_network(network) for network in networks)

    def client(self, peer: str, forwarded_for: str) -> str:
        """The client's address, for a connection from `peer` with this `X-Forwarded-For`.

        An IPv6 client is counted by its /64, of which it has every address.
        """
        if self._networks:
            hops = [hop.strip() for hop in forwarded_for.split(",") if hop.strip()]
            while hops and self._trusted(peer):
                peer = hops.pop()
        return _group(peer)

    def _trusted(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def _group(peer: str) -> str:
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
