"""When entries were made, and since when all of them are known. Pure functions of what a device has sent."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime, timedelta
from typing import Final

from onegrid_kit.field.model import DeviceLog, Logged, Sending

__all__ = ["LATER_THAN_KNOWN", "Clocks"]

LATER_THAN_KNOWN: Final = timedelta(minutes=1)
"""How much later than the server knew of it an entry may seem to have been made."""


class Clocks:
    """The clocks of a device, related to the server's."""

    def __init__(self, log: DeviceLog, now: datetime) -> None:
        self._log = log
        self._now = now
        self._sent = sorted((sending.newest_counter, self._sent_at(sending)) for sending in log.sendings)
        # By when, at the latest, the entry of a counter had been made: the first sending that knew of it, or of a later
        # one, says so.
        earliest, self._known = now, [now] * len(self._sent)
        for index in range(len(self._sent) - 1, -1, -1):
            earliest = min(earliest, self._sent[index][1])
            self._known[index] = earliest

    def time_of(self, entry: Logged) -> tuple[datetime, bool]:
        """The judged time of an entry of this device, and whether it is the server's."""
        anchor = self._log.anchors.get(entry.boot_id)
        # Where each batch of a boot was held up on its way, its anchor is too late.
        if anchor is None or anchor + entry.uptime - self.known_by(entry.counter) > LATER_THAN_KNOWN:
            return entry.device_time, False
        return anchor + entry.uptime, True

    def known_by(self, counter: int) -> datetime:
        """When the server, at the latest, could know that the entry of this counter had been made."""
        index = bisect_left(self._sent, counter, key=lambda sent: sent[0])
        return self._known[index] if index < len(self._known) else self._now

    def is_complete(self, begin: datetime, end: datetime) -> bool:
        """Whether each entry that was made from the one moment to the other has arrived."""
        then = [counter for counter, time in self._sent if time >= end]
        if not then:
            return False
        last, before = min(then), max((counter for counter, time in self._sent if time <= begin), default=0)
        return not any(first <= last and before < until for first, until in self._log.missing)

    def _sent_at(self, sending: Sending) -> datetime:
        anchor = self._log.anchors.get(sending.boot_id)
        # An anchor is taken of each sending, so that there is one.
        return self._now if anchor is None else anchor + sending.uptime
