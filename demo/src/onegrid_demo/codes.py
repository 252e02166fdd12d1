"""One-time codes of the demonstration: printed for its users, and kept for the reference case's own logins."""

from __future__ import annotations

from datetime import datetime

from onegrid_identity.senders import shown
from onegrid_kit.embedded.code_gateway import CodeGateway

__all__ = ["DemoCodes"]


class DemoCodes:
    """Every code that the platform sends."""

    def __init__(self) -> None:
        self.gateway = CodeGateway(self._print)
        """Where identity posts them."""
        self._quiet: set[str] = set()

    async def last(self, phone: str) -> str:
        """The code that was sent to the number last."""
        return self.gateway.last_code(phone)

    def expect(self, phone: str) -> None:
        """This number's codes are for the reference case; they are not printed."""
        self._quiet.add(phone)

    def _print(self, message: dict[str, str]) -> None:
        if message["phone"] not in self._quiet:
            print(shown(message["phone"], message["code"], datetime.fromisoformat(message["expires"])), flush=True)
