"""Sittings (学习时段): what a member studied offline, as the entries of the field log have it.

A pure function of the set of entries; the order in which they arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise
from typing import Final

from onegrid.field.v1.field_pb2 import Mark
from onegrid_kit import codes
from onegrid_kit.field.judging import judge
from onegrid_kit.field.model import DeviceLog, JudgedEntry, Logged
from onegrid_kit.names import ResourceName
from onegrid_partyedu.study_time import Interval, merged

__all__ = ["SITTING", "Recorded", "Sitting", "studied_in"]

SITTING: Final = ResourceName("members/{member}/courses/{course}/lessons/{lesson}/sittings/{sitting}")
"""What an entry is about. The member is its author's, so that nobody records anything of another."""

_PAUSE: Final = timedelta(minutes=10)
"""How far two entries lie apart at most if the time between them counts."""
_STEP: Final = timedelta(seconds=10)
"""How far a clock may be from the uptime without having been set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """A sitting, as its log has it."""

    member: str
    course: str
    lesson: str
    id: str
    entries: int = 0
    """How many there are."""
    devices: tuple[str, ...] = ()
    studied: tuple[Interval, ...] = ()
    """By judged times."""
    create_time: datetime
    """When the first of its entries arrived."""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.member)

    @property
    def name(self) -> str:
        """What its entries are about."""
        return SITTING.name(self.member, self.course, self.lesson, self.id)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry, and what was recorded by it."""

    entry: Logged
    kind: str
    """``begun``, ``continued`` or ``ended``."""


def studied_in(recorded: Sequence[Recorded], devices: Mapping[str, DeviceLog], now: datetime) -> tuple[Interval, ...]:
    """When was studied, by judged times. What was made with a lost device or a revoked key, or contradicts another
    entry, counts for nothing, and neither does a time in which a clock was set.
    """
    kinds = {each.entry.hash: each.kind for each in recorded}
    judged = judge([each.entry for each in recorded], devices, now).entries
    counting = [each for each in judged if each.counts and Mark.MARK_CONFLICTED not in each.marks]
    found: list[Interval] = []
    for _, of_boot in groupby(sorted(counting, key=_in_order), key=_boot):
        for before, each in pairwise(of_boot):
            if kinds[before.entry.hash] != "ended" and kinds[each.entry.hash] != "begun" and _counts(before, each):
                found.append((before.time, each.time))
    return merged(found)


def _counts(before: JudgedEntry, each: JudgedEntry) -> bool:
    went_on, ran = each.time - before.time, each.entry.uptime - before.entry.uptime
    return timedelta() < went_on <= _PAUSE and abs(went_on - ran) <= _STEP


def _boot(each: JudgedEntry) -> tuple[str, str]:
    return each.entry.device_key, each.entry.boot_id


def _in_order(each: JudgedEntry) -> tuple[str, str, int]:
    return (*_boot(each), each.entry.counter)
