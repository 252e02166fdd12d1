"""Processes that tests look at from the outside."""

from __future__ import annotations

from pathlib import Path

__all__ = ["command_of"]


def command_of(pid: int) -> bytes:
    """What the process runs; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
