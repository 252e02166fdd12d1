"""How often one may try: passwords, one-time codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from onegrid_kit.errors import RateLimited

__all__ = [
    "CODE_LASTS",
    "CODE_PAUSE",
    "CODE_TRIES",
    "FAILURES",
    "FAILURES_LAST",
    "one_more",
    "require_code_pause",
    "require_few_failures",
]

FAILURES: Final = 5
"""Failed logins in a row, after which the next ones wait."""
FAILURES_LAST: Final = timedelta(minutes=15)
"""From the last of them until they are forgiven."""
CODE_LASTS: Final = timedelta(minutes=5)
"""How long a one-time code is good."""
CODE_PAUSE: Final = timedelta(seconds=60)
"""From one code for a number to the next."""
CODE_TRIES: Final = 5
"""Wrong tries that end a code."""


def require_few_failures(failures: int, last: datetime | None, now: datetime) -> None:
    """Raise RateLimited after too many failures in a row, until 15 minutes have passed since the last."""
    if failures >= FAILURES and last is not None and now < last + FAILURES_LAST:
        raise RateLimited(last + FAILURES_LAST - now)


def one_more(failures: int, last: datetime | None, now: datetime) -> int:
    """How many failures in a row there are when another one follows now."""
    forgiven = last is None or now >= last + FAILURES_LAST
    return 1 if forgiven else failures + 1


def require_code_pause(sent: datetime, now: datetime) -> None:
    """Raise RateLimited when the last code was sent just now, or will be by a call of the same moment."""
    if sent - CODE_PAUSE < now < sent + CODE_PAUSE:
        raise RateLimited(sent + CODE_PAUSE - now)
