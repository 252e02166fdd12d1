"""Codes by which members check in (签到码): of a meeting's secret and half a minute, as RFC 6238 has them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from typing import Final

from onegrid_kit.errors import RateLimited
from onegrid_kit.one_time_codes import CODE_TRIES

__all__ = ["STEP", "code_at", "matches", "new_secret", "next_time", "require_few_guesses"]

STEP: Final = timedelta(seconds=30)
"""How long a code is shown."""
_AROUND: Final = (-1, 0, 1)
"""Also the code before is accepted, for who types it while it changes; the one after, for servers' clocks."""
_GUESSES_LAST: Final = timedelta(minutes=10)
_SECRET_BYTES: Final = 32
_DIGITS: Final = 6


def new_secret() -> bytes:
    """A secret that nobody can foretell."""
    return secrets.token_bytes(_SECRET_BYTES)


def code_at(secret: bytes, moment: datetime) -> str:
    """The code that is shown at that moment."""
    return _code(secret, _step(moment))


def next_time(moment: datetime) -> datetime:
    """From when the next one is shown."""
    return datetime.fromtimestamp((_step(moment) + 1) * STEP.total_seconds(), UTC)


def matches(secret: bytes, code: str, moment: datetime) -> bool:
    """Whether it is shown at that moment, or is accepted still or already."""
    step = _step(moment)
    right = [hmac.compare_digest(_code(secret, step + each), code) for each in _AROUND]
    return any(right)


def require_few_guesses(count: int, last: datetime | None, now: datetime) -> None:
    """Raise RateLimited after too many wrong codes of one member at one meeting."""
    if count >= CODE_TRIES and last is not None and now < last + _GUESSES_LAST:
        raise RateLimited(last + _GUESSES_LAST - now)


def _step(moment: datetime) -> int:
    return int(moment.timestamp() // STEP.total_seconds())


def _code(secret: bytes, step: int) -> str:
    digest = hmac.new(secret, step.to_bytes(8), hashlib.sha256).digest()
    first = digest[-1] & 0xF
    number = int.from_bytes(digest[first : first + 4]) & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}}"
