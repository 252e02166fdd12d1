"""One-time codes: what is the same wherever somebody proves by one that a number or an address is theirs."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Final

from onegrid_kit.errors import RateLimited

__all__ = ["CODE_PAUSE", "CODE_TRIES", "new_code", "require_code_pause"]

CODE_PAUSE: Final = timedelta(seconds=60)
"""From one code for a number or an address to the next."""
CODE_TRIES: Final = 5
"""Wrong guesses that end a code."""


def new_code() -> str:
    """Six digits that nobody can foretell."""
    return f"{secrets.randbelow(1_000_000):06}"


def require_code_pause(sent: datetime, now: datetime) -> None:
    """Raise RateLimited when the last code was sent just now, or will be by a call of the same moment."""
    if sent - CODE_PAUSE < now < sent + CODE_PAUSE:
        raise RateLimited(sent + CODE_PAUSE - now)
