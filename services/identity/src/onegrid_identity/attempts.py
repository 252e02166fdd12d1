"""How often one may try: passwords, one-time codes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from onegrid_kit.errors import RateLimited

__all__ = ["CODE_LASTS", "CODE_PAUSE", "CODE_TRIES", "FAILURES", "require_code_pause", "require_few_failures"]

FAILURES: Final = 5
"""Failed logins in a row, after which the next ones wait."""
_FAILURES_LAST: Final = timedelta(minutes=15)
CODE_LASTS: Final = timedelta(minutes=5)
"""How long a one-time code is good."""
CODE_PAUSE: Final = timedelta(seconds=60)
"""From one code for a number to the next."""
CODE_TRIES: Final = 5
"""Wrong tries that end a code."""


def require_few_failures(failures: int, last: datetime | None, now: datetime) -> None:
    """Raise RateLimited after too many failures in a row, until 15 minutes have passed since the last."""
    if failures >= FAILURES and last is not None and now < last + _FAILURES_LAST:
        raise RateLimited(last + _FAILURES_LAST - now)


def require_code_pause(sent: datetime | None, now: datetime) -> None:
    """Raise RateLimited when the last code was sent just now."""
    if sent is not None and sent <= now < sent + CODE_PAUSE:
        raise RateLimited(sent + CODE_PAUSE - now)
