"""One-time codes of the demonstration: printed for its users, and kept for the cases' own logins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
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

    @contextmanager
    def kept_for_cases(self, phones: Iterable[str]) -> Iterator[None]:
        """Meanwhile codes to these numbers are for the cases; they are not printed."""
        self._quiet.update(phones)
        yield
        self._quiet.clear()

    def _print(self, message: dict[str, str]) -> None:
        if message["phone"] not in self._quiet:
            print(shown(message["phone"], message["code"], datetime.fromisoformat(message["expires"])), flush=True)
