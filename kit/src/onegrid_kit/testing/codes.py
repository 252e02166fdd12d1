"""A sender of one-time codes that keeps them for the test that asked."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

__all__ = ["KeptCodes"]


class KeptCodes:
    """Sends nothing."""

    last: ClassVar[dict[str, str]] = {}
    """The last code of each number."""

    def __init__(self, _: object) -> None:
        pass

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Keep it."""
        self.last[phone] = code
