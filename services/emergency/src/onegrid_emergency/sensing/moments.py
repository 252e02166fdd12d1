"""Moments as devices give them: milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["milliseconds", "moment_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """The moment, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


def moment_of(time_ms: int) -> datetime:
    """The moment of a device's time."""
    return _EPOCH + timedelta(milliseconds=time_ms)
