"""What devices send is kept once, whatever comes late, twice, at the same moment or forged, over a real PostgreSQL."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid.field.v1.field_pb2 import BatchResult, Entry, Outcome, RefusalReason, SignedBatch
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid_kit.database import Database
from onegrid_kit.errors import FieldViolation, SignatureInvalid
from onegrid_kit.field import handlers, log
from onegrid_kit.field.device_keys import DeviceKey, find_device_key, keep_device_key
from onegrid_kit.field.errors import DeviceKeyUnknown, EntryRefused
from onegrid_kit.field.judging import judge
from onegrid_kit.field.log import Appended, Log, Wanted
from onegrid_kit.field.model import Course, Judgement, logged
from onegrid_kit.field.signing import entry_hash
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.testing.sessions import WAITS_FOR_LOCK, sessions
from onegrid_kit.testing.waiting import eventually
from onegrid_kit.timestamps import timestamp

from .calls import CIPHER, count
from .fieldwork import MINUTE, NOON, NOTHING, SERVICE, a_device, a_waypoint, at, claim_in, claiming, north
from .sending_batches import sending_batches

DISTRICT = "210602"
PATROL = "patrols/210602-1"
"""What all entries are about, if nothing else is said."""
LATER = NOON + timedelta(hours=3)


def key_of(device: Device, place: str = "210602003", **times: datetime) -> DeviceKey:
    """The device's key, as identity announces it."""
    return DeviceKey(name=device.name, place=place, public_key=device.public_key, **times)


def about_the_patrol(_: Entry) -> str:
    """A service that takes all content."""
    return PATROL


def append(
    engine: Engine,
    device: Device,
    batch: SignedBatch,
    now: datetime = LATER,
    accept: Any = about_the_patrol,
    place: str = "210602003",
) -> Appended:
    with engine.begin() as conn:
        return log.append(conn, SERVICE, key_of(device, place), batch, now, accept)


def send(engine: Engine, device: Device, now: datetime, entries: Sequence[bytes] | None = None) -> BatchResult:
    """What the device is answered."""
    return append(engine, device, device.batch(now, entries), now).result


def outcomes(result: BatchResult) -> list[str]:
    return [
        Outcome.Name(each.outcome).removeprefix("OUTCOME_")
        + (" " + RefusalReason.Name(each.reason).removeprefix("REFUSAL_REASON_") if each.reason else "")
        for each in result.results
    ]


def ranges(found: Iterable[Any]) -> list[tuple[int, int]]:
    return [(each.first, each.last) for each in found]


def read(engine: Engine, subject: str = PATROL, *, since: datetime = NOON, devices: Sequence[str] = ()) -> Log:
    with engine.connect() as conn:
        return log.read(conn, [Wanted(DISTRICT, subject, since, devices)])[0]


def judged(found: Log, course: Course | None = None, now: datetime = LATER) -> Judgement:
    entries = [
        logged(each.entry, each.hash, claim=claim_in(each.entry), conflicted=each.conflicted) for each in found.entries
    ]
    return judge(entries, found.devices, now, course)


def recorded(device: Device, entries: int, begin: datetime = NOON) -> list[bytes]:
    """So many entries, a minute apart."""
    for number in range(entries):
        moment = begin + number * MINUTE
        device.record(claiming(number % 5), moment, position=at(device, north(number * 10), moment))
    return device.entries


# One batch.


def test_entries_are_stored_once_however_often_they_are_sent(engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)
    assert outcomes(send(engine, device, LATER)) == ["STORED"] * 3
    device.record(NOTHING, LATER)
    assert outcomes(send(engine, device, LATER)) == ["REPEATED"] * 3 + ["STORED"]
    found = read(engine)
    assert [each.hash for each in found.entries] == [entry_hash(each) for each in device.entries]
    assert [each.entry for each in found.entries] == [Entry.FromString(each) for each in device.entries]


def test_a_service_is_given_each_entry_once(engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)
    first = append(engine, device, device.batch(LATER, device.entries[:2]))
    second = append(engine, device, device.batch(LATER))
    assert [[each.entry.counter for each in appended.new] for appended in (first, second)] == [[1, 2], [3]]


def test_an_answer_names_each_entry_in_the_order_of_the_batch(engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)
    result = send(engine, device, LATER)
    expected = [(entry.counter, entry.entry_id) for entry in map(Entry.FromString, device.entries)]
    assert [(each.counter, each.entry_id) for each in result.results] == expected


def test_an_entry_that_stands_twice_in_a_batch_is_stored_once(engine: Engine) -> None:
    device = a_device()
    one, two = recorded(device, 2)
    assert outcomes(send(engine, device, LATER, [one, one, two, one, two])) == [
        "STORED", "REPEATED", "STORED", "REPEATED", "REPEATED",
    ]  # fmt: skip


@pytest.mark.parametrize("change", ["signature", "uptime", "boot_id", "newest_counter", "device_key", "entry"])
def test_a_batch_that_is_not_what_the_device_signed_stores_nothing(engine: Engine, change: str) -> None:
    device, other = a_device(), a_device()
    recorded(device, 2)
    batch = device.batch(LATER)
    match change:
        case "signature":
            batch.signature = bytes(64)
        case "uptime":
            batch.uptime.nanos += 1
        case "boot_id":
            batch.boot_id = other.batch(LATER, device.entries).boot_id
        case "newest_counter":
            batch.newest_counter += 1
        case "device_key":
            batch.device_key = other.name
        case _:
            batch.entries[-1] = device.entries[0]
    with pytest.raises(SignatureInvalid):
        append(engine, device, batch)
    with pytest.raises(SignatureInvalid):
        append(engine, other, batch)
    with pytest.raises(SignatureInvalid), engine.begin() as conn:
        log.append(conn, "another", key_of(device), device.batch(LATER), LATER, about_the_patrol)
    assert [count(engine, table) for table in ("field_entry", "field_log", "field_sending", "field_boot")] == [0] * 4


def test_one_entry_that_is_wrong_keeps_no_other_from_being_stored(engine: Engine) -> None:
    device, other = a_device(), a_device()
    first, second, third = recorded(device, 3)
    foreign = recorded(other, 1)[0]
    result = send(engine, device, LATER, [b"\xff", foreign, first, b"\x08\x01" * 9, second, third])
    assert outcomes(result) == [
        "REFUSED MALFORMED", "REFUSED OTHER_DEVICE", "STORED", "REFUSED MALFORMED", "STORED", "STORED",
    ]  # fmt: skip
    assert (result.results[0].counter, result.results[0].entry_id) == (0, "")


def test_an_entry_that_breaks_a_rule_is_refused_with_its_fields_and_the_chain_goes_on(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    position = at(device, north(0), NOON)
    position.latitude = 91
    device.record(NOTHING, NOON + MINUTE, position=position)
    device.record(NOTHING, NOON + 2 * MINUTE, author="users/NOBODY")
    device.record(NOTHING, NOON + 3 * MINUTE)
    result = send(engine, device, LATER)
    assert outcomes(result) == ["STORED", "REFUSED MALFORMED", "REFUSED MALFORMED", "STORED"]
    assert [[each.field for each in one.violations] for one in result.results[1:3]] == [
        ["position.latitude"],
        ["author"],
    ]
    assert ranges(result.outstanding) == [(2, 3)]


def test_times_that_do_not_exist_are_refused(engine: Engine) -> None:
    device = a_device()
    entry = Entry.FromString(recorded(device, 1)[0])
    entry.device_time.seconds = 10**15
    device.entries[:] = [entry.SerializeToString()]
    assert outcomes(send(engine, device, LATER)) == ["REFUSED MALFORMED"]


def test_entries_that_the_signature_does_not_cover_are_taken_in_a_batch_that_they_end(engine: Engine) -> None:
    device = a_device()
    entries = recorded(device, 5)
    gap = [entries[0], entries[1], entries[3], entries[4]]
    result = send(engine, device, LATER, gap)
    assert outcomes(result) == ["REFUSED BROKEN_CHAIN", "REFUSED BROKEN_CHAIN", "STORED", "STORED"]
    assert ranges(result.outstanding) == [(1, 3)]
    assert outcomes(send(engine, device, LATER, entries[:2])) == ["STORED", "STORED"]
    # The order of a batch is that of the chain.
    assert outcomes(send(engine, device, LATER, [entries[3], entries[2]])) == ["REFUSED BROKEN_CHAIN", "STORED"]


def test_what_cannot_be_read_ends_the_chain_behind_it(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    device.entries.append(b"\xff")
    device.record(NOTHING, LATER)
    assert outcomes(send(engine, device, LATER)) == ["REFUSED BROKEN_CHAIN", "REFUSED MALFORMED", "STORED"]


def test_a_service_refuses_content_that_it_does_not_take(engine: Engine) -> None:
    def accept(entry: Entry) -> str:
        if entry.counter == 2:
            raise EntryRefused(RefusalReason.REFUSAL_REASON_UNKNOWN_CONTENT)
        if entry.counter == 3:
            violation = FieldViolation("content.text", "holds an identity number")
            raise EntryRefused(RefusalReason.REFUSAL_REASON_CONTENT_REFUSED, *[violation] * 20)
        return f"patrols/{entry.counter}"

    device = a_device()
    recorded(device, 4)
    appended = append(engine, device, device.batch(LATER), accept=accept)
    result = appended.result
    assert outcomes(result) == ["STORED", "REFUSED UNKNOWN_CONTENT", "REFUSED CONTENT_REFUSED", "STORED"]
    assert [each.description for each in result.results[2].violations] == ["holds an identity number"] * 8
    assert [each.entry.counter for each in appended.new] == [1, 4]
    assert [each.entry.counter for each in read(engine, "patrols/4").entries] == [4]
    # A release that knows the content takes it.
    assert outcomes(append(engine, device, device.batch(LATER)).result)[1] == "STORED"


def test_an_entry_about_nothing_is_kept(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    append(engine, device, device.batch(LATER), accept=lambda _: "")
    assert (count(engine, "field_entry"), read(engine, "").entries) == (1, ())


def test_the_largest_batch_is_answered(engine: Engine) -> None:
    device = a_device()
    for number in range(500):
        device.record(NOTHING, NOON + number * MINUTE / 10)
    assert Counter(outcomes(send(engine, device, LATER))) == {"STORED": 500}
    assert Counter(outcomes(send(engine, device, LATER))) == {"REPEATED": 500}


# What lacks.


def test_gaps_are_outstanding_until_they_close(engine: Engine) -> None:
    device = a_device()
    entries = recorded(device, 10)
    assert ranges(send(engine, device, LATER, entries[8:9]).outstanding) == [(1, 8), (10, 10)]
    assert ranges(send(engine, device, LATER, entries[2:4]).outstanding) == [(1, 2), (5, 8), (10, 10)]
    with engine.connect() as conn:
        assert ranges(log.outstanding(conn, key_of(device), 2)) == [(1, 2), (5, 8)]
        assert ranges(log.outstanding(conn, key_of(a_device()))) == []
    assert ranges(send(engine, device, LATER).outstanding) == []


def test_an_answer_has_the_first_hundred_gaps(engine: Engine) -> None:
    device = a_device()
    entries = recorded(device, 300)
    with engine.begin() as conn:
        for each in entries[1::2]:
            appended = log.append(conn, SERVICE, key_of(device), device.batch(LATER, [each]), LATER, about_the_patrol)
    assert ranges(appended.result.outstanding) == [(number, number) for number in range(1, 200, 2)]


def test_what_the_device_told_of_is_not_forgotten_when_an_older_batch_comes(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    old = device.batch(NOON)
    recorded(device, 2, NOON + MINUTE)
    send(engine, device, LATER, device.entries[:2])
    assert ranges(append(engine, device, old).result.outstanding) == [(3, 3)]


# Conflicts.


def doubled(device: Device) -> Device:
    """The device's log on another telephone, from a backup."""
    double = a_device(booted=NOON - MINUTE)
    double.name, double.entries, double._key = device.name, list(device.entries), device._key
    return double


def test_another_entry_with_the_same_counter_or_id_is_kept_beside_the_first(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    double = doubled(device)
    device.record(claiming(1), NOON + MINUTE)
    double.record(claiming(2), NOON + MINUTE)
    twice = Entry.FromString(double.record(claiming(3), NOON + 2 * MINUTE))
    twice.entry_id = Entry.FromString(device.entries[0]).entry_id
    double.entries[-1] = twice.SerializeToString()
    assert outcomes(send(engine, device, LATER)) == ["STORED", "STORED"]
    first = append(engine, double, double.batch(LATER))
    assert outcomes(first.result) == ["REPEATED", "CONFLICT", "CONFLICT"]
    assert [(each.entry.counter, each.conflicted) for each in first.new] == [(2, True), (3, True)]
    again = append(engine, double, double.batch(LATER))
    assert (outcomes(again.result), again.new) == (["REPEATED", "CONFLICT", "CONFLICT"], ())
    found = read(engine)
    assert sorted((each.entry.counter, each.conflicted) for each in found.entries) == [
        (1, True), (2, True), (2, True), (3, True),
    ]  # fmt: skip
    # What has arrived does not lack.
    assert ranges(again.result.outstanding) == []


def test_two_entries_of_one_batch_may_be_in_conflict(engine: Engine) -> None:
    device = a_device()
    recorded(device, 2)
    second = Entry.FromString(device.entries[1])
    third = Entry.FromString(device.record(NOTHING, NOON + 5 * MINUTE))
    third.counter = second.counter
    device.entries[-1] = third.SerializeToString()
    appended = append(engine, device, device.batch(LATER))
    assert outcomes(appended.result) == ["STORED", "STORED", "CONFLICT"]
    assert [each.conflicted for each in appended.new] == [False, False, True]
    assert outcomes(append(engine, device, device.batch(LATER)).result) == ["REPEATED", "REPEATED", "CONFLICT"]


def test_devices_have_logs_of_their_own_and_districts_too(engine: Engine) -> None:
    device, other = a_device(), a_device()
    for each in (device, other):
        recorded(each, 2)
        assert outcomes(send(engine, each, LATER)) == ["STORED", "STORED"]
    # Another district's log knows nothing of this one.
    elsewhere = append(engine, device, device.batch(LATER), place="210603D07")
    assert outcomes(elsewhere.result) == ["STORED", "STORED"]
    assert len(read(engine).entries) == 4


# At the same moment.


def test_batches_that_come_at_the_same_moment_are_each_answered_and_stored_once(engine: Engine) -> None:
    device = a_device()
    recorded(device, 40)
    rng = random.Random(7)
    batches = [device.batch(LATER, device.entries[first : first + 15]) for first in (0, 10, 25) * 6]
    batches += [device.batch(LATER)] * 6
    rng.shuffle(batches)
    barrier = threading.Barrier(len(batches))

    def upload(batch: SignedBatch) -> Appended:
        barrier.wait()
        return append(engine, device, batch)

    with ThreadPoolExecutor(len(batches)) as pool:
        appended = list(pool.map(upload, batches))
    stored = Counter(
        result.counter
        for each in appended
        for result in each.result.results
        if result.outcome == Outcome.OUTCOME_STORED
    )
    assert stored == dict.fromkeys(range(1, 41), 1)
    assert {result.outcome for each in appended for result in each.result.results} == {
        Outcome.OUTCOME_STORED,
        Outcome.OUTCOME_REPEATED,
    }
    assert Counter(each.entry.counter for one in appended for each in one.new) == stored
    with engine.connect() as conn:
        assert ranges(log.outstanding(conn, key_of(device))) == []


def test_a_batch_waits_for_the_one_before_it_and_knows_then_what_that_stored(engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)
    double = doubled(device)
    device.record(NOTHING, NOON + 9 * MINUTE)
    double.record(claiming(1), NOON + 9 * MINUTE)
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as conn:
            log.append(conn, SERVICE, key_of(device), device.batch(LATER), LATER, about_the_patrol)
            waiting = pool.submit(append, engine, double, double.batch(LATER))
            eventually(lambda: sessions(engine, WAITS_FOR_LOCK) == 1)
        assert outcomes(waiting.result().result) == ["REPEATED"] * 3 + ["CONFLICT"]


def test_different_devices_do_not_wait_for_each_other(engine: Engine) -> None:
    device, other = a_device(), a_device()
    for each in (device, other):
        recorded(each, 3)
    with engine.begin() as conn:
        log.append(conn, SERVICE, key_of(device), device.batch(LATER), LATER, about_the_patrol)
        assert outcomes(send(engine, other, LATER)) == ["STORED"] * 3


async def test_an_api_appends_as_a_worker_does(database_url: str, engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)
    db = Database("toy", database_url, CIPHER)
    try:

        def upload(conn: Connection) -> Appended:
            keep_device_key(conn, key_of(device), 1)
            key = find_device_key(conn, device.name)
            return log.append(conn, SERVICE, key, device.batch(LATER, device.entries[1:]), LATER, about_the_patrol)

        assert outcomes((await db.write(upload)).result) == ["STORED", "STORED"]
        assert outcomes((await db.write(upload)).result) == ["REPEATED", "REPEATED"]
        [found] = await db.read(lambda conn: log.read(conn, [Wanted(DISTRICT, PATROL, NOON)]))
    finally:
        await db.close()
    assert found == read(engine)
    assert found.devices[device.name].missing == ((1, 1),)


def test_whatever_is_killed_an_entry_that_was_answered_is_there_and_none_is_doubled(
    database_url: str, engine: Engine
) -> None:
    device = a_device(number=1)
    with engine.begin() as conn:
        keep_device_key(conn, key_of(device), 1)
    answered: set[int] = set()
    rng = random.Random(3)
    for _ in range(6):
        with sending_batches(database_url) as process:
            deadline = time.monotonic() + rng.uniform(0.2, 0.6)
            killer = threading.Timer(deadline - time.monotonic(), process.kill)
            killer.start()
            answered |= answers_of(process)
            killer.join()
    assert answered
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT counter FROM field_entry ORDER BY counter")).scalars().all()
        missing = ranges(log.outstanding(conn, key_of(device)))
    assert len(rows) == len(set(rows))
    assert answered <= set(rows)
    # What the log says of itself is what it has.
    lacking = {counter for first, last in missing for counter in range(first, last + 1)}
    assert lacking.isdisjoint(rows)
    assert lacking | set(rows) == set(range(1, max(lacking | set(rows)) + 1))


def answers_of(process: subprocess.Popen[bytes]) -> set[int]:
    """The counters that a process says were answered, until it is killed."""
    assert process.stdout is not None
    return {int(counter) for line in process.stdout if line.endswith(b"\n") for counter in line.split()}


# Clocks, and what is read for judging.


def test_clocks_are_related_by_the_smallest_of_what_is_known_in_whatever_order_batches_come(engine: Engine) -> None:
    device = a_device(booted=NOON - MINUTE)
    recorded(device, 1)
    batches = [(device.batch(NOON + number * MINUTE), seconds) for number, seconds in ((1, 30), (2, 4), (3, 20))]
    random.Random(1).shuffle(batches)
    for batch, seconds in batches:
        arrival = NOON - MINUTE + batch.uptime.ToTimedelta() + timedelta(seconds=seconds)
        append(engine, device, batch, arrival)
    (anchor,) = read(engine).devices[device.name].anchors.values()
    assert anchor == NOON - MINUTE + timedelta(seconds=4)


def test_what_is_read_is_what_is_judged(engine: Engine) -> None:
    device, silent = a_device(), a_device()
    course = Course(
        waypoints=(
            a_waypoint(0, north(0), due=NOON),
            a_waypoint(1, north(10), due=NOON),
            a_waypoint(2, north(20), due=NOON),
        ),
        begin_time=NOON - MINUTE,
    )
    recorded(device, 3)
    send(engine, device, LATER, device.entries[1:2])
    assert [each.state for each in judged(read(engine), course).waypoints] == [4, 2, 4]
    send(engine, device, LATER)
    assert [each.state for each in judged(read(engine), course).waypoints] == [2, 2, 2]
    found = read(engine, devices=[silent.name])
    assert (len(found.entries), found.devices[silent.name].sendings) == (3, ())


def test_a_loss_is_read_with_the_device(engine: Engine) -> None:
    device = a_device()
    recorded(device, 1)
    send(engine, device, LATER)
    with engine.begin() as conn:
        assert keep_device_key(conn, key_of(device, lost_time=NOON, revoke_time=LATER), 3)
        assert not keep_device_key(conn, key_of(device), 2)
    found = read(engine).devices[device.name]
    assert (found.lost_time, found.revoke_time) == (NOON, LATER)


def test_of_what_was_sent_long_before_the_last_is_read(engine: Engine) -> None:
    device = a_device()
    for number in range(5):
        moment = NOON + number * MINUTE
        device.record(NOTHING, moment)
        send(engine, device, moment, device.entries[-1:])
    sendings = read(engine, since=NOON + 3 * MINUTE).devices[device.name].sendings
    assert sorted(each.newest_counter for each in sendings) == [3, 4, 5]


def test_a_key_is_known_as_identity_announced_it_last(engine: Engine) -> None:
    device = a_device()
    with engine.begin() as conn:
        with pytest.raises(DeviceKeyUnknown) as unknown:
            find_device_key(conn, device.name)
        assert unknown.value.retry_after
        assert keep_device_key(conn, key_of(device), 1)
        found = find_device_key(conn, device.name)
    assert (found, found.district) == (key_of(device), DISTRICT)


def test_a_service_hears_of_keys_from_identity(engine: Engine) -> None:
    device = a_device()
    event = DeviceKeyDefined(
        device_key=device.name, place="210602003", public_key=device.public_key, version=2, lost_time=timestamp(NOON)
    )
    subscription = handlers.keeping_device_keys()
    delivery: Any = None
    for version, revoke_time in ((2, None), (3, timestamp(LATER)), (1, None)):
        event.version = version
        event.ClearField("revoke_time")
        if revoke_time:
            event.revoke_time.CopyFrom(revoke_time)
        with engine.begin() as conn:
            subscription.handle(conn, event, delivery, CIPHER)
    with engine.begin() as conn:
        assert find_device_key(conn, device.name) == key_of(device, lost_time=NOON, revoke_time=LATER)


# Forgetting.


def test_what_is_old_is_forgotten_but_that_it_was_there(engine: Engine) -> None:
    device = a_device()
    recorded(device, 2)
    double = doubled(device)
    send(engine, device, NOON + 10 * MINUTE)
    double.entries.pop()
    double.record(NOTHING, NOON)
    send(engine, double, NOON + 11 * MINUTE)
    recorded(device, 2, LATER)
    send(engine, device, LATER + 10 * MINUTE, device.entries[3:])
    with engine.begin() as conn:
        assert log.forget(conn, LATER, most=1) == 2
        assert log.forget(conn, LATER) == 1
        assert log.forget(conn, LATER) == 0
        kept = conn.execute(text("SELECT counter FROM field_entry WHERE body IS NOT NULL")).scalars().all()
        assert kept == [4]
        assert conn.execute(text("SELECT count(*) FROM field_conflict WHERE body IS NOT NULL")).scalar_one() == 0
    assert [each.entry.counter for each in read(engine).entries] == [4]
    # Repetitions, conflicts and gaps are known as before.
    assert outcomes(send(engine, device, LATER)) == ["REPEATED", "REPEATED", "STORED", "REPEATED"]
    assert outcomes(send(engine, double, LATER)) == ["REPEATED", "CONFLICT"]
    assert len(read(engine).entries) == 2


def test_when_a_device_was_heard_of_last_is_not_forgotten(engine: Engine) -> None:
    device = a_device()
    for number in range(4):
        moment = NOON + number * MINUTE
        device.record(NOTHING, moment)
        send(engine, device, moment, device.entries[-1:])
    with engine.begin() as conn:
        log.forget(conn, LATER)
    found = read(engine, devices=[device.name]).devices[device.name]
    assert [each.newest_counter for each in found.sendings] == [4]
    assert len(found.anchors) == 1


def test_a_boot_is_forgotten_with_what_was_sent_in_it(engine: Engine) -> None:
    device = a_device()
    for number in range(3):
        moment = NOON + number * MINUTE
        device.record(NOTHING, moment)
        send(engine, device, moment, device.entries[-1:])
        device.restart(moment)
    with engine.begin() as conn:
        log.forget(conn, LATER)
    assert (count(engine, "field_boot"), count(engine, "field_sending")) == (1, 1)


# Any order.


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_whatever_order_and_batches_entries_come_the_log_is_judged_as_the_sorted_one(
    engine: Engine, data: st.DataObject
) -> None:
    with engine.begin() as conn:
        conn.execute(text("TRUNCATE field_entry, field_conflict, field_log, field_boot, field_sending"))
    rng = data.draw(st.randoms(use_true_random=False))
    devices = [a_device(number=number) for number in range(1, data.draw(st.integers(1, 3)) + 1)]
    parts: list[tuple[Device, list[bytes]]] = []
    for device in devices:
        live(device, rng, data.draw(st.integers(1, 12)))
        parts += split(device, device.entries, rng)
        if data.draw(st.booleans()):
            double = doubled(device)
            double.entries = double.entries[: rng.randint(1, len(double.entries))]
            first = len(double.entries)
            live(double, rng, 3)
            parts += split(double, double.entries[first:], rng)
    # Each device says the same of its clock in whatever order; what it has made is known from the beginning.
    moments = {id(device): LATER + number * MINUTE for number, (device, _) in enumerate(parts)}
    course = Course(
        waypoints=tuple(a_waypoint(number, north(number * 10), due=NOON + number * MINUTE) for number in range(5)),
        begin_time=NOON,
    )
    found = []
    for order in ("sorted", "shuffled", "shuffled"):
        with engine.begin() as conn:
            conn.execute(text("TRUNCATE field_entry, field_conflict, field_log, field_boot, field_sending"))
            arriving = list(parts) if order == "sorted" else rng.choices(parts, k=len(parts)) + list(parts)
            if order == "shuffled":
                rng.shuffle(arriving)
            for device, entries in arriving:
                moment = moments[id(device)]
                appended = log.append(
                    conn, SERVICE, key_of(device), device.batch(moment, entries), moment, about_the_patrol
                )
                assert RefusalReason.REFUSAL_REASON_BROKEN_CHAIN not in [
                    each.reason for each in appended.result.results
                ]
            [own] = log.read(conn, [Wanted(DISTRICT, PATROL, NOON)])
            found.append(judged(own, course, LATER + timedelta(hours=1)))
    assert found[0] == found[1] == found[2]
    assert len(found[0].entries) == len({each for _, entries in parts for each in entries})


def live(device: Device, rng: random.Random, entries: int) -> None:
    """Record, restart, and have the clock set, at random."""
    moment = NOON
    for _ in range(entries):
        moment += timedelta(seconds=rng.randint(0, 200))
        if rng.random() < 0.2:
            device.restart(moment)
        if rng.random() < 0.2:
            device.skew = timedelta(seconds=rng.choice([0, 5, 300, 20_000, -300]))
        place = north(rng.choice([0, 10, 20, 30, 40, 5_000]))
        author = rng.choice(["users/a", "users/b"])
        device.record(claiming(rng.randint(0, 5)), moment, author=author, position=at(device, place, moment))


def split(device: Device, entries: Sequence[bytes], rng: random.Random) -> list[tuple[Device, list[bytes]]]:
    """The entries in pieces of a chain."""
    cuts = sorted(rng.sample(range(1, len(entries)), rng.randint(0, len(entries) - 1))) if len(entries) > 1 else []
    return [(device, list(entries[first:last])) for first, last in zip([0, *cuts], [*cuts, len(entries)], strict=True)]


# Several subjects.


def test_an_entry_that_contradicts_others_names_what_those_are_about(engine: Engine) -> None:
    device, stranger = a_device(), a_device()
    recorded(device, 1)
    double = doubled(device)
    double.entries.clear()
    first = append(engine, device, device.batch(LATER), LATER, accept=lambda _: "patrols/first")
    assert first.contradicted == frozenset()
    double.record(claiming(2), NOON)
    second = append(engine, double, double.batch(LATER), LATER, accept=lambda _: "patrols/second")
    assert second.contradicted == {"patrols/first", "patrols/second"}
    copied = Entry.FromString(stranger.record(claiming(3), NOON))
    copied.entry_id = Entry.FromString(double.entries[0]).entry_id
    stranger.entries[0] = copied.SerializeToString()
    third = append(engine, stranger, stranger.batch(LATER), LATER, accept=lambda _: "patrols/third")
    # The id is known from a conflict alone, which is marked as one already.
    assert third.contradicted == frozenset()
    again = append(engine, double, double.batch(LATER), LATER, accept=lambda _: "patrols/second")
    assert again.contradicted == frozenset()


def test_it_is_said_when_a_batch_tells_more_of_the_devices_clock(engine: Engine) -> None:
    device = a_device()
    recorded(device, 3)

    def learned(signed: datetime, delay: timedelta) -> bool:
        return append(engine, device, device.batch(signed), signed + delay).clock_learned

    assert learned(LATER, 10 * MINUTE)
    # Faster than the first one.
    assert learned(LATER + 20 * MINUTE, 2 * MINUTE)
    assert not learned(LATER + 30 * MINUTE, 2 * MINUTE)
    # Slower, and overtaken by none; then by the one before.
    assert not learned(LATER + 40 * MINUTE, 5 * MINUTE)
    assert learned(LATER + 41 * MINUTE, 7 * MINUTE)
    device.restart(LATER + 50 * MINUTE)
    assert learned(LATER + 51 * MINUTE, timedelta())


def test_several_subjects_are_read_as_each_is_alone(engine: Engine) -> None:
    here, there = a_device(), a_device()
    recorded(here, 3)
    recorded(there, 2)
    append(engine, here, here.batch(LATER), LATER)
    append(engine, there, there.batch(LATER), LATER, accept=lambda _: "patrols/other")
    wanted = [
        Wanted(DISTRICT, "patrols/other", NOON, [here.name]),
        Wanted(DISTRICT, PATROL, NOON),
        Wanted(DISTRICT, "patrols/none", NOON),
        Wanted(DISTRICT, "patrols/none", LATER + MINUTE, [there.name]),
        Wanted("210604", PATROL, NOON, [here.name]),
    ]
    with engine.connect() as conn:
        together = log.read(conn, wanted)
        assert together == [log.read(conn, [each])[0] for each in wanted]
        assert log.read(conn, []) == []
    assert [len(each.entries) for each in together] == [2, 3, 0, 0, 0]
    assert [set(each.devices) for each in together] == [
        {here.name, there.name}, {here.name}, set(), {there.name}, {here.name}
    ]  # fmt: skip
    assert not together[4].devices[here.name].anchors


# Speed.


@pytest.mark.parametrize("others", [500, 20_000])
def test_statements_look_at_what_they_need_alone(engine: Engine, others: int) -> None:
    device = a_device()
    recorded(device, 50)
    send(engine, device, LATER)
    with engine.begin() as conn:
        for statement in (
            """
            INSERT INTO field_entry
            SELECT '210602', gen_random_uuid(), number, gen_random_uuid(), sha256(number::text::bytea),
                   'patrols/' || number / 10, now(), '' FROM generate_series(1, :others) AS number
            """,
            "INSERT INTO field_conflict SELECT * FROM field_entry WHERE subject <> :patrol",
            """
            INSERT INTO field_sending SELECT '210602', gen_random_uuid(), now(), gen_random_uuid(), '1 hour', number
            FROM generate_series(1, :others) AS number
            """,
        ):
            conn.execute(text(statement), {"others": others, "patrol": PATROL})
    with engine.begin() as conn:
        conn.execute(text("ANALYZE field_entry, field_conflict, field_sending"))
    explained = Explained(engine)
    try:
        for query in (
            lambda conn: log.append(conn, SERVICE, key_of(device), device.batch(LATER), LATER, about_the_patrol),
            lambda conn: log.read(conn, [Wanted(DISTRICT, PATROL, NOON)]),
            lambda conn: log.outstanding(conn, key_of(device)),
        ):
            work = explained.work(query)
            assert not work.read_whole & {"field_entry", "field_conflict", "field_sending", "field_log"}
            assert work.rows <= 200
    finally:
        explained.close()
