"""Which address a call comes from."""

from __future__ import annotations

import json

import pytest

from onegrid_kit.rpc.addresses import address_of
from onegrid_kit.testing.api import serving

from .toy import SERVICE


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.7:50123", "10.0.0.7"),
        ("ipv6:[2001:db8:1:2:3:4:5:6]:50123", "2001:db8:1:2::/64"),
        ("ipv6:%5B2001:db8:1:2::9%5D:50123", "2001:db8:1:2::/64"),
        ("ipv6:[::ffff:10.0.0.7]:50123", "10.0.0.7"),
        ("ipv6:[fe80::1%25eth0]:50123", "fe80::/64"),
        ("unix:/run/api.sock", ""),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_a_peer_has_an_address_without_a_port(peer: str, address: str) -> None:
    assert address_of(peer, [], 0) == address


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        (["198.51.100.1"], 0, "10.0.0.7"),
        (["198.51.100.1"], 1, "198.51.100.1"),
        (["198.51.100.1:4711"], 1, "198.51.100.1"),
        (["[2001:db8::1]:4711"], 1, "2001:db8::/64"),
        (["192.0.2.66, 198.51.100.1"], 1, "198.51.100.1"),
        (["192.0.2.66, 198.51.100.1, 203.0.113.5"], 2, "198.51.100.1"),
        (["192.0.2.66", "198.51.100.1"], 1, "198.51.100.1"),
        (["198.51.100.1"], 2, "10.0.0.7"),
        ([], 1, "10.0.0.7"),
        (["nonsense"], 1, ""),
    ],
)
def test_only_what_trusted_proxies_wrote_is_believed(forwarded: list[str], proxies: int, address: str) -> None:
    assert address_of("ipv4:10.0.0.7:50123", forwarded, proxies) == address


@pytest.mark.parametrize(("proxies", "address"), [(0, "127.0.0.1"), (1, "198.51.100.1")])
async def test_a_servicer_is_given_the_address(database_url: str, proxies: int, address: str) -> None:
    async with serving(SERVICE, database_url, forwarding_proxies=proxies) as api:
        answer = await api.call_with((("x-forwarded-for", "192.0.2.66, 198.51.100.1"),), "Look")
    assert json.loads(answer.text)["address"] == address
