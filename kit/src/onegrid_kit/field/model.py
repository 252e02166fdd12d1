"""What is judged, and what judging says: frozen, and known by what it says, not by when it arrived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from onegrid.field.v1.field_pb2 import Datum, Entry, Mark, Position, WaypointState
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName
from onegrid_kit.timestamps import moment

__all__ = [
    "DEVICE_KEY",
    "Claim",
    "Course",
    "Coverage",
    "DeviceLog",
    "Fix",
    "JudgedEntry",
    "JudgedWaypoint",
    "Judgement",
    "Logged",
    "Sending",
    "Waypoint",
    "derived_id",
    "logged",
]

DEVICE_KEY: Final = ResourceName("deviceKeys/{device_key}")
"""The names of devices' keys, which identity gives."""
_DOUBTFUL: Final = frozenset({Mark.MARK_FROM_FUTURE, Mark.MARK_LOST_DEVICE, Mark.MARK_REVOKED_KEY})


@dataclass(frozen=True, slots=True)
class Fix:
    """A position as a device has it."""

    longitude: float
    latitude: float
    datum: Datum
    accuracy_m: float
    """0 if it is not known."""
    age: timedelta
    """How long before the entry it was measured; less than nothing if the device says that it was later."""


@dataclass(frozen=True, slots=True)
class Claim:
    """That an entry was made at a point of a course. The service reads it out of the entry's content."""

    point: str
    """As the course calls it."""
    proven: bool = False
    """Whether something there proves it, such as the dynamic code of a tag (`tags`): a position need not."""
    needs_place: bool = False
    """Whether it counts only with a position on the point: what was shown may have been copied (`checkpoint_codes`)."""
    fault: Mark | None = None
    """Why what the waypoint demands was not shown: it is marked so, and reaches nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry of the log."""

    device_key: str
    author: str
    counter: int
    entry_id: str
    hash: bytes = field(repr=False)
    """The SHA-256 of its bytes: an entry is the same again if its hash is."""
    previous_hash: bytes = field(repr=False)
    device_time: datetime
    boot_id: str
    uptime: timedelta
    fix: Fix | None = None
    claim: Claim | None = None
    conflicted: bool = False
    """Whether another one is known that has its counter or id, also where that is not judged with it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """That a device signed a batch, and what it said of itself then."""

    boot_id: str
    uptime: timedelta
    newest_counter: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLog:
    """What is known of a device beside its entries; all of it is the same in whatever order batches arrive."""

    anchors: Mapping[str, datetime] = field(default_factory=dict)
    """Of each boot in which a batch was signed, the smallest of the server's time less the uptime at signing: when the
    device was started, as well as one knows.
    """
    sendings: tuple[Sending, ...] = ()
    """Those around the time that is judged, and the last one before."""
    missing: tuple[tuple[int, int], ...] = ()
    """The ranges of counters, both ends included, of which no entry has arrived."""
    lost_time: datetime | None = None
    """Since when what it signs may be others'."""
    revoke_time: datetime | None = None
    """The same, for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """A point of a course, and when it is to be reached."""

    point: str
    """Its name; a course may come to a point several times, with a due time for each."""
    location: Location
    tolerance_m: float
    """How far off it a position may lie."""
    due_time: datetime | None = None
    """None: at any time until the course ends."""
    tolerance: timedelta = timedelta()
    """How much sooner or later than that is on time."""
    least: timedelta = timedelta()
    """The least time in which one comes here from the waypoint before; nothing: any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Waypoints in the order in which they are to be reached."""

    waypoints: tuple[Waypoint, ...]
    begin_time: datetime
    """Nothing that was recorded before belongs to it."""
    corridor_m: float = 0.0
    """How far one may stray from the line through the waypoints; 0: as far as one likes."""
    end_time: datetime | None = None
    """When the time of waypoints without a due time is over; None: it is not."""

    def __post_init__(self) -> None:
        timed = {each.point for each in self.waypoints if each.due_time is None}
        if any(sum(each.point == point for each in self.waypoints) > 1 for point in timed):
            raise ValueError("a point that comes several times on a course is due at a time each time")


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedEntry:
    """An entry, and what judging makes of it."""

    entry: Logged
    time: datetime
    """The judged time, as the contract defines it at Mark."""
    anchored: bool
    """Whether that is the server's time; otherwise it is what the device's clock said."""
    location: Location | None
    """Where it was, in WGS 84; None if that is not known."""
    fix_time: datetime | None
    """When it was there; None without a location."""
    marks: tuple[Mark, ...]
    """In the order of their numbers."""

    @property
    def counts(self) -> bool:
        """Whether it is known when, and by whose device, it was made: others move nothing."""
        return _DOUBTFUL.isdisjoint(self.marks)


@dataclass(frozen=True, slots=True)
class JudgedWaypoint:
    """A waypoint, and how it stands with it."""

    waypoint: Waypoint
    state: WaypointState
    entry: JudgedEntry | None
    """What reached it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How much of a course was covered, and how far and long one was out."""

    reached: int
    waypoints: int
    covered_m: float
    """The length of the course's legs of which both ends were reached, as the crow flies, in metres."""
    course_m: float
    """The length of all legs."""
    track_m: float
    """The length of the longest track of a device, in metres: from fix to fix, where they lie further apart than 10 m
    and their accuracy.
    """
    duration: timedelta
    """From the first to the last entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a log comes to."""

    entries: tuple[JudgedEntry, ...]
    """By their judged times."""
    waypoints: tuple[JudgedWaypoint, ...]
    """In the order of the course."""
    current: JudgedEntry | None
    """The entry with the newest fix that can be trusted: where the device is, or was last."""
    coverage: Coverage


def logged(entry: Entry, entry_hash: bytes, *, claim: Claim | None = None, conflicted: bool = False) -> Logged:
    """An entry as it is judged, of its message."""
    device_time = moment(entry.device_time)
    return Logged(
        device_key=entry.device_key,
        author=entry.author,
        counter=entry.counter,
        entry_id=entry.entry_id.lower(),
        hash=entry_hash,
        previous_hash=entry.previous_hash,
        device_time=device_time,
        boot_id=entry.boot_id.lower(),
        uptime=entry.uptime.ToTimedelta(),
        fix=_fix_of(entry.position, device_time) if entry.HasField("position") else None,
        claim=claim,
        conflicted=conflicted,
    )


def derived_id(entry_hash: bytes) -> str:
    """The id of what is made of an entry, 32 hexadecimal digits: the same each time, and another for each entry."""
    return entry_hash.hex()[:32]


def _fix_of(position: Position, device_time: datetime) -> Fix:
    return Fix(
        longitude=position.longitude,
        latitude=position.latitude,
        datum=position.datum,
        accuracy_m=position.accuracy_m,
        age=device_time - moment(position.fix_time),
    )
