"""One-time codes of the demonstration: printed for its users, and kept for the reference case's own logins."""

from __future__ import annotations

from datetime import datetime

from onegrid_identity.senders import ConsoleSender
from onegrid_identity.settings import IdentitySettings

__all__ = ["DemoSender", "expect", "last_code"]

_last: dict[str, str] = {}
_quiet: set[str] = set()


async def last_code(phone: str) -> str:
    """The code that was sent to the number last."""
    return _last[phone]


def expect(phone: str) -> None:
    """This number's codes are for the reference case; they are not printed."""
    _quiet.add(phone)


class DemoSender:
    """Prints codes, but for the case's own."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._console = ConsoleSender(settings)

    async def send(self, phone: str, code: str, expires: datetime) -> None:
        """Keep the code, and print it."""
        _last[phone] = code
        if phone not in _quiet:
            await self._console.send(phone, code, expires)
