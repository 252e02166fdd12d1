"""Moments as messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, overload

from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["moment", "timestamp"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@overload
def timestamp(moment: datetime) -> Timestamp: ...
@overload
def timestamp(moment: datetime | None) -> Timestamp | None: ...
def timestamp(moment: datetime | None) -> Timestamp | None:
    """A moment, which is aware, to the microsecond; None stays unset."""
    if moment is None:
        return None
    # A quarter of the time of Timestamp.FromDatetime, and every answer has several.
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1000)


def moment(of: Timestamp) -> datetime:
    """The moment of a timestamp of the years 1 to 9999, aware, UTC, to the microsecond below."""
    # Half of the time of Timestamp.ToDatetime, and every entry of a log has several.
    return _EPOCH + timedelta(seconds=of.seconds, microseconds=of.nanos // 1000)
