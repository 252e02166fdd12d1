"""Identifiers."""

from __future__ import annotations

import os
import secrets
import time
import uuid

__all__ = ["new_event_id", "new_id", "readable"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD.lower() for second in _CROCKFORD.lower()]
_LETTERS = (_CROCKFORD * 8).encode()
"""A letter for each byte."""


def new_id() -> str:
    """The last segment of a resource name: 20 small letters and digits that sort by the time they were made."""
    value = (time.time_ns() // 1_000_000) << 52 | secrets.randbits(52)
    return "".join([_PAIRS[value >> shift & 1023] for shift in range(90, -1, -10)])


def new_event_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): it sorts by the millisecond it was made in, which keeps index pages warm."""
    random = int.from_bytes(os.urandom(10))
    value = (time.time_ns() // 1_000_000) << 80 | random
    return uuid.UUID(int=value & ~(0xF << 76 | 0b11 << 62) | 0x7 << 76 | 0b10 << 62)


def readable(length: int) -> str:
    """Random letters and digits that can be read out over the telephone: Crockford's base 32, without I, L, O and U."""
    return os.urandom(length).translate(_LETTERS).decode()
