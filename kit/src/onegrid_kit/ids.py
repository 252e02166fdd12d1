"""Identifiers."""

from __future__ import annotations

import secrets
import time
import uuid

__all__ = ["new_event_id", "new_id", "readable"]

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """The last segment of a resource name: 20 small letters and digits that sort by the time they were made."""
    value = (time.time_ns() // 1_000_000) << 52 | secrets.randbits(52)
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(95, -1, -5)).lower()


def new_event_id() -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): it sorts by the millisecond it was made in, which keeps index pages warm."""
    value = (time.time_ns() // 1_000_000) << 80 | 0x7 << 76 | secrets.randbits(12) << 64
    return uuid.UUID(int=value | 0b10 << 62 | secrets.randbits(62))


def readable(length: int) -> str:
    """Random letters and digits that can be read out over the telephone: Crockford's base 32, without I, L, O and U."""
    value = secrets.randbits(5 * length)
    return "".join(_CROCKFORD[value >> 5 * place & 31] for place in range(length))
