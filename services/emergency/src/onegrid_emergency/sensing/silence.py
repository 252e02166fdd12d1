"""When a device is silent: no reading for so many intervals, counted from when readings could arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["silent_from"]


def silent_from(receive_time: datetime, ready_since: datetime, silent_after: timedelta) -> datetime:
    """The moment from which a device that sends nothing more is silent.

    `receive_time`: when its last reading arrived. `ready_since`: since when readings could arrive without a pause; what
    was sent while nobody listened is nobody's silence.
    """
    return max(receive_time, ready_since) + silent_after
