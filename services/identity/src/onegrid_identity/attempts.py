"""How often one may try: passwords, one-time codes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid_kit.errors import RateLimited
from onegrid_kit.one_time_codes import CODE_TRIES

__all__ = [
    "CODES_COUNTED",
    "CODE_LASTS",
    "FAILURES",
    "FAILURES_LAST",
    "KNOWN_FOR",
    "STRANGERS_FAILURES",
    "Failures",
    "OneTimeCode",
    "require_few_codes",
    "require_few_failures",
]

FAILURES: Final = 5
"""Failed logins in a row by one name from one address, after which the next ones wait."""
STRANGERS_FAILURES: Final = 50
"""The same from all addresses together that never logged in by that name."""
FAILURES_LAST: Final = timedelta(minutes=15)
"""From the last of them until they are forgiven."""
KNOWN_FOR: Final = timedelta(days=90)
"""How long an address from which a login succeeded counts as known."""
CODE_LASTS: Final = timedelta(minutes=5)
"""How long a one-time code is good."""
CODES_COUNTED: Final = timedelta(hours=1)
"""The time in which the codes of one address, or one caller, are counted."""


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed logins in a row."""

    count: int = 0
    last: datetime | None = None
    success: datetime | None = None
    """When a login from this address succeeded last."""

    def known(self, now: datetime) -> bool:
        """Whether a login from this address succeeded lately; others' failures do not keep it out."""
        return self.success is not None and now < self.success + KNOWN_FOR

    def one_more(self, now: datetime) -> Failures:
        """With another one, now."""
        forgiven = self.last is None or now >= self.last + FAILURES_LAST
        return replace(self, count=1 if forgiven else self.count + 1, last=now)


@dataclass(frozen=True, slots=True)
class OneTimeCode:
    """A code that was sent to a number, or made for an enrolment."""

    index: bytes
    sent_time: datetime
    expire_time: datetime
    tries: int = 0
    """How often it was guessed wrong."""

    def matches(self, index: bytes, now: datetime) -> bool:
        """Whether it is still good, and the code of this index."""
        return self.tries < CODE_TRIES and now < self.expire_time and secrets.compare_digest(self.index, index)


def require_few_failures(own: Failures, strangers: Failures, now: datetime) -> None:
    """Raise RateLimited for 15 minutes after too many failures in a row from this address, or, unless it is known, from
    all strangers'.
    """
    _require_few(own, FAILURES, now)
    if not own.known(now):
        _require_few(strangers, STRANGERS_FAILURES, now)


def require_few_codes(count: int, begin: datetime, limit: int, now: datetime) -> None:
    """Raise RateLimited when this many codes since the beginning of the hour are more than the limit."""
    if count > limit:
        raise RateLimited(max(begin + CODES_COUNTED - now, timedelta(seconds=1)))


def _require_few(failures: Failures, limit: int, now: datetime) -> None:
    if failures.count >= limit and failures.last is not None and now < failures.last + FAILURES_LAST:
        raise RateLimited(failures.last + FAILURES_LAST - now)
