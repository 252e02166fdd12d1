"""Ports of this machine that are free."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

__all__ = ["free_port", "free_ports"]

_LOWEST = 10_000


def free_port() -> int:
    """A TCP port of the loopback interface that is free."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them.

    None that the kernel lends to clients: while its server restarts, any outgoing connection could take it, even
    the one of a client who tries to reach that server.
    """
    with contextlib.ExitStack() as taken:
        return [_take(taken) for _ in range(count)]


def _take(taken: contextlib.ExitStack) -> int:
    for _ in range(100):
        probe = taken.enter_context(socket.socket())
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", _candidate()))
            port: int = probe.getsockname()[1]
            return port
    raise OSError("no free port was found")


def _candidate() -> int:
    """A port below those that are lent to clients; 0, which stands for any of these, if there are none below."""
    try:
        first_lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    return random.randrange(_LOWEST, first_lent) if first_lent > _LOWEST + 1000 else 0
