"""What one caller may take of a process: calls and streams at the same moment, well below what it takes in all."""

from __future__ import annotations

from onegrid_kit.errors import CallerLimitReached

__all__ = ["CallerLimit"]


class CallerLimit:
    """Counts what each caller has open."""

    def __init__(self, kind: str, limit: int) -> None:
        """`kind`: calls or streams, for the error."""
        self._kind = kind
        self._limit = limit
        self._open: dict[str, int] = {}

    def enter(self, caller: str) -> None:
        """Count one more of the caller, until it leaves. Raises CallerLimitReached."""
        count = self._open.get(caller, 0)
        if count >= self._limit:
            raise CallerLimitReached(self._kind, self._limit)
        self._open[caller] = count + 1

    def leave(self, caller: str) -> None:
        """One that was counted has ended."""
        count = self._open[caller] - 1
        if count:
            self._open[caller] = count
        else:
            del self._open[caller]
