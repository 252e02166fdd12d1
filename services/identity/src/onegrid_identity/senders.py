"""How one-time codes reach people; which sender is used is a setting."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Protocol

__all__ = ["CodeSender", "ConsoleSender"]


class CodeSender(Protocol):
    """Sends one-time codes."""

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Send the code to the number, E.164. Raises Unavailable when it can't be sent just now."""
        ...


class ConsoleSender:
    """Prints codes on standard output, for a first look; the number is masked."""

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Print it."""
        print(
            f"one-time code for {phone[:6]}…{phone[-2:]}: {code}, until {expires:%H:%M} UTC",
            file=sys.stdout,
            flush=True,
        )
