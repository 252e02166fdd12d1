"""This machine's own addresses."""

from __future__ import annotations

import socket

import pytest


def _has_ipv6() -> bool:
    """A kernel that knows IPv6 may have no address of it, as in a container."""
    try:
        with socket.socket(socket.AF_INET6) as tried:
            tried.bind(("::1", 0))
    except OSError:
        return False
    return True


LOOPBACK = [
    "127.0.0.1",
    pytest.param("[::1]", marks=pytest.mark.skipif(not _has_ipv6(), reason="this machine has no address of IPv6")),
]
"""One of each version of IP that there is."""
