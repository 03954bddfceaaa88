"""The addresses of this machine, for links, certificates and the `doctor`."""

from __future__ import annotations

import ipaddress

import ifaddr


def interface_addresses() -> tuple[str, ...]:
    """The IP addresses of this machine's interfaces, without loopback and link-local ones, IPv4 first."""
    found: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = []
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            address = ipaddress.ip_address(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
            if not (address.is_loopback or address.is_link_local) and address not in found:
                found.append(address)
    return tuple(str(address) for address in sorted(found, key=lambda a: a.version))
