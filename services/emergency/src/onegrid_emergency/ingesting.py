"""Readings of many devices on their way into the database, however they come: batches of the same moment share a
statement.

What is known of devices is kept here, by version. Most readings change nothing but the last value of a device: they are
judged by what is kept, and stored by one statement if the states are still those. The others, and those of devices that
somebody else has changed meanwhile, are judged again in a transaction that locks their devices.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition, ReadingRefusal
from onegrid_emergency import metrics
from onegrid_emergency.commands.readings import Taken, take_readings
from onegrid_emergency.sensing.device import Rules
from onegrid_emergency.sensing.judging import Reading, State, follow, judge
from onegrid_emergency.sensing.moments import milliseconds
from onegrid_emergency.store.devices import Known
from onegrid_emergency.store.readings import STORE_QUIET, known_devices
from onegrid_kit.clock import CLOCKS_DIFFER, Clock
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.database import Database
from onegrid_kit.errors import OutcomeUnknown, Unavailable

__all__ = ["Batch", "Ingested", "Ingestion"]

_BATCHES_AT_ONCE: Final = 16
_MOST_KEPT: Final = 200_000
_PREFIX: Final = "devices/"
_SOUND: Final = DeviceCondition.DEVICE_CONDITION_SOUND


class Measured(Protocol):
    """A reading with the name of its device, such as the contract's message."""

    device: str
    time_ms: int
    sequence: int
    value: float


@dataclass(frozen=True, slots=True)
class Batch:
    """Readings that are committed together."""

    district: str
    owner: str
    """Whose devices they may be of: ``users/{user}``."""
    readings: Sequence[Measured]
    traceparent: str = ""


@dataclass(slots=True)
class Ingested:
    """What became of a batch."""

    taken: int = 0
    stale: int = 0
    refused: list[tuple[int, ReadingRefusal]] = field(default_factory=list)
    """Their places in the batch, and why."""


@dataclass(slots=True)
class _Kept:
    """What is kept of a device."""

    owner: str
    rules: Rules
    version: int
    state: State
    quiet: bool
    """Whether a reading can change its last value alone."""

    @staticmethod
    def of(known: Known) -> _Kept:
        state, configuration = known.state, known.device.configuration
        quiet = not known.silent and state.condition == _SOUND and not (state.phases or state.held)
        return _Kept(configuration.owner, configuration.effective_rules, known.version, state, quiet)


@dataclass(slots=True)
class _Part:
    """The readings of one device in a batch."""

    done: Ingested
    """What becomes of the batch."""
    batch: Batch
    readings: list[Reading]
    taken: int = 0
    stale: int = 0


class Ingestion:
    """Takes the batches of one process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._connection = db.dedicated_connection()
        self._kept: dict[str, _Kept] = {}
        """By the names of the devices."""
        self._coalescer: Coalescer[Batch, Ingested] = Coalescer(
            "readings", self._flush, most=_BATCHES_AT_ONCE, pace_s=0
        )

    async def take(self, batch: Batch) -> Ingested:
        """Commit a batch, after those that came before it. Raises Unavailable."""
        return await self._coalescer.submit(batch)

    async def _flush(self, batches: Sequence[Batch]) -> Sequence[Ingested]:
        now = self._clock.now()
        done = [Ingested() for _ in batches]
        districts: dict[str, list[tuple[Batch, Ingested]]] = defaultdict(list)
        for batch, its in zip(batches, done, strict=True):
            districts[batch.district].append((batch, its))
        for district, its_batches in districts.items():
            await self._take(district, its_batches, now)
        for outcome, count in (
            ("taken", sum(each.taken for each in done)),
            ("stale", sum(each.stale for each in done)),
            ("refused", sum(len(each.refused) for each in done)),
        ):
            metrics.READINGS.labels("emergency", outcome).inc(count)
        return done

    async def _take(self, district: str, batches: Sequence[tuple[Batch, Ingested]], now: datetime) -> None:
        names = [[each.device for each in batch.readings] for batch, _ in batches]
        await self._learn(district, set().union(*names))
        parts: dict[str, list[_Part]] = {}
        for (batch, done), its_names in zip(batches, names, strict=True):
            self._divide(batch, its_names, done, now, parts)
        states = self._judged(parts, milliseconds(now))
        stored = await self._store(district, states, now)
        for name in stored:
            for part in parts[name]:
                part.done.taken += part.taken
                part.done.stale += part.stale
        others = {name: its_parts for name, its_parts in parts.items() if name not in stored}
        if others:
            await self._take_locked(district, others, now, batches[0][0].traceparent)

    async def _learn(self, district: str, names: set[str]) -> None:
        missing = names - self._kept.keys()
        if not missing:
            return
        if len(self._kept) + len(missing) > _MOST_KEPT:
            self._kept.clear()
            missing = names
        ids = [name.removeprefix(_PREFIX) for name in missing if name.startswith(_PREFIX)]
        for known in await self._db.read(lambda conn: known_devices(conn, district, ids)):
            self._kept[_PREFIX + known.device.id] = _Kept.of(known)

    def _divide(
        self, batch: Batch, names: Sequence[str], done: Ingested, now: datetime, parts: dict[str, list[_Part]]
    ) -> None:
        """Add the batch's readings to the parts of their devices, and note which are refused."""
        kept_of, owner, latest = self._kept.get, batch.owner, milliseconds(now + CLOCKS_DIFFER)
        prefix = f"{_PREFIX}{batch.district}-"
        for place, (name, each) in enumerate(zip(names, batch.readings, strict=True)):
            kept = kept_of(name)
            if kept is None or kept.owner != owner or not name.startswith(prefix):
                done.refused.append((place, ReadingRefusal.READING_REFUSAL_UNKNOWN_DEVICE))
                continue
            time = each.time_ms
            if time > latest:
                done.refused.append((place, ReadingRefusal.READING_REFUSAL_TIME_AHEAD))
                continue
            reading = Reading(time, each.sequence, each.value)
            its_parts = parts.get(name)
            if its_parts is None:
                parts[name] = [_Part(done, batch, [reading])]
            elif its_parts[-1].done is done:
                its_parts[-1].readings.append(reading)
            else:
                its_parts.append(_Part(done, batch, [reading]))

    def _judged(self, parts: dict[str, list[_Part]], now: int) -> dict[str, State]:
        """The new states of devices of which nothing but the last value changes."""
        states: dict[str, State] = {}
        for name, its_parts in parts.items():
            kept = self._kept[name]
            state, rules = kept.state, kept.rules
            quiet = kept.quiet
            for part in its_parts if quiet else ():
                if len(part.readings) == 1 and (followed := follow(rules, state, part.readings[0])) is not None:
                    state, part.taken = followed, 1
                    continue
                state, decisions, part.taken, part.stale = judge(rules, state, part.readings, now)
                if decisions or state.phases or state.held or state.condition != _SOUND:
                    quiet = False
                    break
            if quiet:
                states[name] = state
        return states

    async def _store(self, district: str, states: dict[str, State], now: datetime) -> Iterable[str]:
        """Store states of which only the last value has changed; the devices for which no other state was stored."""
        names = sorted(states)
        if not names:
            return ()
        kept = [self._kept[name] for name in names]
        wanted = [states[name] for name in names]
        start = len(_PREFIX)
        (row,) = await self._connection.fetch(
            STORE_QUIET,
            district,
            [name[start:] for name in names],
            [each.version for each in kept],
            [each.time for each in wanted],
            [each.sequence for each in wanted],
            [each.value for each in wanted],
            [each.value_since for each in wanted],
            now,
            len(names),
            # Done twice, it finds other versions the second time, and the readings are judged again: as stale.
            repeatable=True,
        )
        if row["count"] < len(names):
            places = [each - 1 for each in row["positions"] or ()]
            names, kept, wanted = ([all_[place] for place in places] for all_ in (names, kept, wanted))
        for its, state in zip(kept, wanted, strict=True):
            its.version += 1
            its.state = state
        return set(names)

    async def _take_locked(self, district: str, parts: dict[str, list[_Part]], now: datetime, traceparent: str) -> None:
        start = len(_PREFIX)
        arrivals = {
            name[start:]: [reading for part in its_parts for reading in part.readings]
            for name, its_parts in parts.items()
        }
        for name in parts:
            del self._kept[name]
        try:
            taken = await self._db.write(lambda conn: take_readings(conn, district, arrivals, now, traceparent))
        except OutcomeUnknown as error:
            # Whoever sends them again learns what became of them.
            raise Unavailable from error
        metrics.count_alarms(sum(each.raised for each in taken.values()), sum(each.cleared for each in taken.values()))
        for name, its_parts in parts.items():
            self._settle(name, its_parts, taken.get(name[start:]))

    def _settle(self, name: str, parts: Sequence[_Part], taken: Taken | None) -> None:
        if taken is None:  # retired meanwhile
            for part in parts:
                part.done.refused += [
                    (place, ReadingRefusal.READING_REFUSAL_UNKNOWN_DEVICE)
                    for place, each in enumerate(part.batch.readings)
                    if each.device == name
                ]
            return
        self._kept[name] = _Kept.of(taken.known)
        stale = taken.stale
        for part in parts:
            part.stale = min(stale, len(part.readings))
            stale -= part.stale
            part.done.stale += part.stale
            part.done.taken += len(part.readings) - part.stale
