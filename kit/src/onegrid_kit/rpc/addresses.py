"""The network address of a caller, behind as many proxies as the installation has."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import unquote

__all__ = ["FORWARDED_FOR", "address_of"]

FORWARDED_FOR = "x-forwarded-for"
"""The metadata to which each proxy appends the address of whom it forwards."""


def address_of(peer: str, forwarded: Sequence[str], proxies: int) -> str:
    """The address of a gRPC peer, or of the caller for whom this many proxies forward; empty if it has none.

    Whatever stands further left in `forwarded` was written by the caller itself. An IPv6 address is that of its network
    of 64 bits, in which one host can have any address.
    """
    if proxies:
        hops = [hop.strip() for value in forwarded for hop in value.split(",")]
        if len(hops) >= proxies:
            return _normal(hops[-proxies])
    return _normal(peer)


@lru_cache(maxsize=4096)
def _normal(text: str) -> str:
    """Of `ipv4:10.0.0.7:50123`, `ipv6:[2001:db8::7]:50123`, or an address with a port or without."""
    text = unquote(text).removeprefix("ipv4:").removeprefix("ipv6:")
    for candidate in (text, text.rpartition(":")[0], text.partition("]")[0]):
        try:
            return _network(ip_address(candidate.strip("[]").partition("%")[0]))
        except ValueError:
            continue
    return ""


def _network(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))
