"""However what patrols recorded arrives, and whatever is killed, all comes to what the sorted log comes to."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select, text

from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid.field.v1.field_pb2 import Entry, Outcome, SignedBatch
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_border import patrol_log
from onegrid_border.alarm import Alarm, WelfareCheck, changed_alarms
from onegrid_border.commands.entries import append_entries
from onegrid_border.commands.looking import LOOK, look_at_patrols, look_soon
from onegrid_border.commands.patrols import new_patrol
from onegrid_border.main import SERVICE
from onegrid_border.observation import Observation
from onegrid_border.patrol import Patrol
from onegrid_border.records import recorded_in
from onegrid_border.route import Route
from onegrid_border.store import alarms as alarm_store
from onegrid_border.store import observations, patrols, routes, units
from onegrid_border.tables import observation
from onegrid_kit import ladder
from onegrid_kit.callers import Call
from onegrid_kit.clock import SettableClock
from onegrid_kit.field.log import KeptEntry, Log
from onegrid_kit.field.model import DeviceLog, Sending
from onegrid_kit.field.signing import entry_hash
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.timestamps import timestamp

from .fieldwork import PLACES, ROUTE, UNIT, Outside
from .people import STREET, WORKER

MINUTE, WITHIN = timedelta(minutes=1), timedelta(minutes=5)
BEGIN = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
TABLES = (
    "patrol, welfare_check, alarm, observation, field_entry, field_conflict, field_log, field_boot, field_sending, "
    "field_device_key, climb, outbox"
)
KINDS = (
    *("start", "track", "check_in", "check_in", "check_in", "observe", "pause", "resume", "hand_over", "finish"),
    *("welfare_answer", "call_for_help"),
)


@dataclass(frozen=True)
class Sent:
    """A batch, and when it arrives."""

    batch: SignedBatch
    time: datetime


@dataclass(frozen=True)
class Lost:
    """A device was lost, and when that is heard of."""

    device: Device
    lost_time: datetime
    time: datetime


@dataclass
class Night:
    """What a seed has people do outside."""

    rng: random.Random
    outside: Outside
    patrols: Sequence[Patrol]
    devices: Sequence[Device]
    now: datetime
    events: list[Sent | Lost] = field(default_factory=list)
    forks: list[tuple[Device, bytes]] = field(default_factory=list)

    def live(self, steps: int) -> None:
        """Record and send so often; in the end some send all that they have."""
        acts = {self.record: 8, self.send: 5, self.restart: 1, self.set_clock: 1, self.fork: 1, self.same_id: 1}
        for _ in range(steps):
            self.pass_time(minutes=self.rng.choice((0, 1, 5, 12)), seconds=self.rng.randrange(60))
            self.rng.choices(list(acts), list(acts.values()))[0]()
        for device in self.devices:
            if device.entries and self.rng.random() < 0.7:
                self.deliver(device, device.entries)
        for device, fork in self.forks:
            self.deliver(device, [fork])
        if self.rng.random() < 0.2:
            times = [self.now - self.rng.randrange(90) * MINUTE for _ in range(2)]
            self.events.append(Lost(self.rng.choice(self.devices), *times))

    def pass_time(self, **time: float) -> None:
        self.now += timedelta(**time)
        self.outside.clock.set(self.now)

    def record(self) -> None:
        device, kind, at = self.rng.choice(self.devices), self.rng.choice(KINDS), self.rng.choice(list(PLACES))
        fields: dict[str, Any] = {}
        if kind == "check_in":
            fields = {"checkpoint": self.rng.choice((at, at, at, self.rng.choice(list(PLACES))))}
        elif kind == "pause":
            fields = {"reason": "雾", "until_time": timestamp(self.now + self.rng.randrange(30) * MINUTE)}
        elif kind == "observe":
            fields = {"kind": ObservationKind.OBSERVATION_KIND_ICE_DAMMING}
        elif kind == "hand_over":
            fields = {"leader": self.rng.choice(("users/nextleader", "users/otherleader"))}
        where = at if self.rng.random() < 0.8 else ""
        self.outside.record(device, self.rng.choice(self.patrols).name, kind, where, **fields)

    def send(self) -> None:
        """Some of what a device has, which are in one piece: the signature is over a chain."""
        device = self.rng.choice(self.devices)
        if device.entries:
            last = self.rng.randint(1, len(device.entries))
            self.deliver(device, device.entries[self.rng.randrange(last) : last])

    def deliver(self, device: Device, entries: Sequence[bytes]) -> None:
        """Sign them now. They are on their way for some time; an answer that is lost has them sent once more."""
        batch = device.batch(self.now, entries)
        for _ in range(self.rng.choice((1, 1, 1, 2))):
            delay = timedelta(minutes=self.rng.choice((0, 0, 0, 3, 50)), seconds=self.rng.choice((0, 0, 1)))
            self.events.append(Sent(batch, self.now + delay))

    def restart(self) -> None:
        self.rng.choice(self.devices).restart(self.now)

    def set_clock(self) -> None:
        self.rng.choice(self.devices).skew = self.rng.choice((0, 0, 3, 60, -200)) * MINUTE

    def fork(self) -> None:
        """Record something on a device, and have a backup of before restored there: its counter is used again."""
        self.record()
        device = self.rng.choice([each for each in self.devices if each.entries])
        self.forks.append((device, device.entries.pop()))

    def same_id(self) -> None:
        """Record an entry with the id of another one."""
        self.record()
        known = [Entry.FromString(each) for device in self.devices for each in device.entries]
        device = self.rng.choice([each for each in self.devices if each.entries])
        last = Entry.FromString(device.entries[-1])
        last.entry_id = self.rng.choice(known).entry_id
        device.entries[-1] = last.SerializeToString()


@dataclass(frozen=True)
class Outcomes:
    """What is stored in the end."""

    patrols: Mapping[str, Patrol]
    alarms: Mapping[str, Mapping[str, Alarm]]
    observations: Mapping[str, Observation]


class Server:
    """A fresh database, and what arrives there."""

    def __init__(self, night: Night, engine: Engine, checks: Sequence[tuple[Patrol, datetime]]) -> None:
        self.night = night
        self.engine = engine
        self.clock: SettableClock = night.outside.clock
        self.clock.set(BEGIN)
        with engine.begin() as conn:
            conn.execute(text(f"TRUNCATE {TABLES}"))
            for each in night.patrols:
                patrols.insert_patrol(conn, each)
                look_soon(conn, [each.id], each.create_time)
            for patrol, asked in checks:
                patrols.insert_check(conn, patrol, asked, asked + WITHIN)
        for device in night.devices:
            self.announce(device, 1)

    def announce(self, device: Device, version: int, **fields: Any) -> None:
        """Hear of a device as identity tells of it."""
        given = {"device_key": device.name, "place": STREET, "public_key": device.public_key, "version": version}
        self.night.outside.events.deliver(DeviceKeyDefined(**given, **fields))

    def take(self, conn: Connection, sent: Sent) -> None:
        """Take a batch, of which all is right."""
        call = Call(caller=WORKER, now=sent.time, method="AppendEntries")
        result = append_entries(conn, sent.batch, TEST_CIPHER, call)
        assert Outcome.OUTCOME_REFUSED not in [each.outcome for each in result.results], result

    def handle(self, event: Sent | Lost) -> None:
        """Have it happen."""
        if isinstance(event, Lost):
            self.announce(event.device, 2, lost_time=timestamp(event.lost_time))
        else:
            with self.engine.begin() as conn:
                self.take(conn, event)

    def look(self, now: datetime) -> None:
        """Have all that is due by then happen."""
        self.clock.set(now)
        climb_due(SERVICE, self.engine, self.clock)

    def live_through(self, events: Sequence[Sent | Lost], end: datetime) -> Outcomes:
        """All of it in any order, with looks in between, and kills; what there is in the end."""
        rng, now = self.night.rng, self.night.patrols[0].create_time
        for event in events:
            now = max(now, event.time)
            if isinstance(event, Sent) and rng.random() < 0.2:
                with self.engine.connect() as killed:
                    self.take(killed, event)
            self.handle(event)
            if rng.random() < 0.2:
                self.clock.set(now)
                with self.engine.connect() as killed:
                    due = [each for each in ladder.due(killed, now) if each.kind == LOOK]
                    look_at_patrols(killed, due, now)
            if rng.random() < 0.5:
                now = min(end, now + rng.randrange(20) * MINUTE)
                self.look(now)
        return self.ended(end)

    def ended(self, end: datetime) -> Outcomes:
        """What there is once all that is due has happened."""
        self.look(end)
        ids = [each.id for each in self.night.patrols]
        with self.engine.connect() as conn:
            found = conn.execute(select(observation.c.id)).scalars()
            seen = {id_: observations.find_observation(conn, id_) for id_ in found}
            return Outcomes(
                {id_: _comparable(each) for id_, each in patrols.find_patrols(conn, ids).items()},
                alarm_store.alarms_of(conn, ids),
                {id_: replace(each, create_time=end, escalate_time=None) for id_, each in seen.items() if each},
            )


def _comparable(patrol: Patrol) -> Patrol:
    """Without how often, and when, it changed."""
    return replace(patrol, version=1, update_time=patrol.create_time)


def log_of(patrol: Patrol, events: Sequence[Sent | Lost]) -> Log:
    """The log of a patrol, and what is known of its devices, made of all that was sent at once."""
    bodies = sorted({bytes(body) for each in events if isinstance(each, Sent) for body in each.batch.entries})
    entries = [(Entry.FromString(body), entry_hash(body)) for body in bodies]
    keys = [{(each.device_key, each.counter), each.entry_id} for each, _ in entries]
    kept = tuple(
        KeptEntry(entry, hash_, any(own & other for position, other in enumerate(keys) if position != number))
        for number, ((entry, hash_), own) in enumerate(zip(entries, keys, strict=True))
        if patrol.name.encode() in entry.content.value
    )
    return Log(kept, {name: device_log(name, events) for name in sorted({each.entry.device_key for each in kept})})


def device_log(name: str, events: Sequence[Sent | Lost]) -> DeviceLog:
    """What is known of a device."""
    sent = [each for each in events if isinstance(each, Sent) and each.batch.device_key == name]
    anchors: dict[str, datetime] = {}
    sendings, arrived = [], set()
    for each in sent:
        uptime = each.batch.uptime.ToTimedelta()
        counters = {Entry.FromString(body).counter for body in each.batch.entries}
        arrived |= counters
        anchors[each.batch.boot_id] = min(each.time - uptime, anchors.get(each.batch.boot_id, each.time - uptime))
        sendings.append(Sending(each.batch.boot_id, uptime, max(each.batch.newest_counter, *counters)))
    newest = max((each.newest_counter for each in sendings), default=0)
    lost = [each.lost_time for each in events if isinstance(each, Lost) and each.device.name == name]
    return DeviceLog(
        anchors=anchors,
        sendings=tuple(sendings),
        missing=tuple((counter, counter) for counter in range(1, newest + 1) if counter not in arrived),
        lost_time=min(lost, default=None),
    )


@dataclass(frozen=True)
class Judged:
    """What the sorted log of a patrol comes to, without a database."""

    patrol: Patrol
    changed: Sequence[Alarm]
    """What its alarms still are to become."""


def judged(
    patrol: Patrol,
    route: Route,
    events: Sequence[Sent | Lost],
    checks: Sequence[WelfareCheck],
    alarms: Mapping[str, Alarm],
    end: datetime,
) -> Judged:
    log = log_of(patrol, events)
    recorded = recorded_in(log)
    after, judgement = patrol_log.judged(patrol, route.course, patrol_log.Log(recorded, log.devices), end)
    answered = {each.entry.hash for each in recorded if each.record.HasField("welfare_answer")}
    answers = [each.time for each in judgement.entries if each.entry.hash in answered and each.counts]
    return Judged(_comparable(after), changed_alarms(after, checks, answers, alarms, end))


def a_night(outside: Outside, engine: Engine, seed: int) -> tuple[Night, Route]:
    """Patrols that are planned, two telephones, and nothing that has happened yet; and the route."""
    rng = random.Random(seed)
    outside.clock.set(BEGIN)
    with engine.connect() as conn:
        unit = units.find_unit(conn, UNIT.removeprefix("units/"))
        route = routes.find_route(conn, ROUTE.removeprefix("routes/"), BEGIN)
    assert unit is not None
    assert route is not None
    call = Call(caller=WORKER, now=BEGIN, method="PlanPatrol")
    starts = [BEGIN + after * MINUTE for after in (0, 10, 90)]
    planned = [new_patrol(unit, route, WORKER.user, start, call, grace=15 * MINUTE) for start in starts]
    return Night(rng, outside, planned, [outside.device() for _ in range(2)], BEGIN), route


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(1, 30))
def test_however_it_arrives_and_whatever_is_killed_all_comes_to_what_the_sorted_log_comes_to(
    outside: Outside, engine: Engine, seed: int, steps: int
) -> None:
    night, route = a_night(outside, engine, seed)
    night.live(steps)
    rng, end = night.rng, night.now + night.rng.choice((0, 20, 200, 600)) * MINUTE
    events = sorted((each for each in night.events if each.time <= end), key=lambda each: each.time)
    asked = [(each, each.start_due_time + 20 * MINUTE) for each in night.patrols if rng.random() < 0.3]
    checks = [(patrol, time) for patrol, time in asked if time <= end]

    # What is called at the same time is stored in any order, and an answer that is lost is asked for again.
    arriving = [*events, *rng.sample(events, len(events) // 3)]
    near = rng.choice((timedelta(), 5 * MINUTE, 1000 * MINUTE))
    arriving.sort(key=lambda each: each.time + rng.random() * near)
    found = Server(night, engine, checks).live_through(arriving, end)

    in_order = Server(night, engine, checks)
    for each in events:
        in_order.handle(each)
    expected = in_order.ended(end)

    assert found.patrols == expected.patrols
    assert found.observations == expected.observations
    for patrol in night.patrols:
        alarms = found.alarms[patrol.id]
        assert standing(alarms) == standing(expected.alarms[patrol.id])
        own = [WelfareCheck(number=1, ask_time=time, due_time=time + WITHIN) for of, time in checks if of == patrol]
        alone = judged(patrol, route, events, own, alarms, end)
        assert found.patrols[patrol.id] == alone.patrol
        assert not alone.changed


def standing(alarms: Mapping[str, Alarm]) -> set[str]:
    """The alarms that have not ended. Others were raised for a while, or never."""
    return {id_ for id_, each in alarms.items() if each.standing}
