"""Ports of this machine that are free."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import socket
import tempfile
from functools import cache
from pathlib import Path

__all__ = ["free_port", "free_ports", "free_range"]

_LOWEST = 10_000
_TRIES = 100

_given: set[int] = set()
"""What this process was given."""


@cache
def _locks() -> int:
    """The descriptor of a file of which the byte at each port is locked by the process that was given it."""
    return os.open(Path(tempfile.gettempdir()) / f"onegrid-ports-{os.getuid()}", os.O_WRONLY | os.O_CREAT, 0o600)


def free_port() -> int:
    """A TCP port of the loopback interface that is free."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many of them.

    None that the kernel lends to clients: while its server restarts, any outgoing connection could take it, even
    the one of a client who tries to reach that server. And none that another process was given here, until that one
    ends: its server may not have begun to listen yet.
    """
    with contextlib.ExitStack() as taken:
        return [_take(taken) for _ in range(count)]


def free_range(count: int) -> int:
    """The first of so many of them in a row; none of these is given again either."""
    for _ in range(_TRIES):
        with contextlib.ExitStack() as taken, contextlib.suppress(OSError):
            first = _reserve(taken, _candidate(count))
            for port in range(first + 1, first + count):
                _reserve(taken, port)
            return first
    raise OSError(f"no {count} free ports in a row were found")


def _take(taken: contextlib.ExitStack) -> int:
    for _ in range(_TRIES):
        with contextlib.suppress(OSError):
            return _reserve(taken, _candidate())
    raise OSError("no free port was found")


def _reserve(taken: contextlib.ExitStack, wanted: int) -> int:
    """The port, which is ours until this process ends. Raises OSError if it is not free."""
    probe = taken.enter_context(socket.socket())
    probe.bind(("127.0.0.1", wanted))
    port: int = probe.getsockname()[1]
    # A process may take its own lock twice.
    if port in _given:
        raise OSError(f"port {port} was given already")
    fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    _given.add(port)
    return port


def _candidate(count: int = 1) -> int:
    """The first of so many ports below those that are lent to clients; 0, which stands for any of these, if there are
    none below.
    """
    try:
        first_lent = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 0
    return random.randrange(_LOWEST, first_lent - count + 1) if first_lent > _LOWEST + 1000 else 0
