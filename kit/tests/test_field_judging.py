"""A log is judged by what its entries say, and the same in whatever order they came."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.field.v1.field_pb2 import Datum, Entry, Mark, Position, WaypointState
from onegrid_kit.distance import distance_m
from onegrid_kit.field.datums import gcj02_of
from onegrid_kit.field.judging import Judging, judge
from onegrid_kit.field.model import Claim, Course, DeviceLog, Judgement, Logged, Waypoint
from onegrid_kit.locations import Location
from onegrid_kit.testing.devices import Device

from .fieldwork import (
    DEGREE_M,
    HERE,
    MINUTE,
    NOON,
    NOTHING,
    a_device,
    a_waypoint,
    all_sent,
    at,
    claiming,
    known,
    north,
    read,
)

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
LATER = NOON + 3 * HOUR
"""When all is judged, if nothing else is said."""


def judged(
    *devices: Device,
    logs: Mapping[str, DeviceLog] | None = None,
    course: Course | None = None,
    now: datetime = LATER,
) -> Judgement:
    """All that these devices have recorded; they have sent it at that moment, if nothing else is said."""
    entries = [entry for device in devices for entry in read(device.entries)]
    return judge(entries, all_sent(*devices, now=now) if logs is None else logs, now, course)


def marks(judgement: Judgement, device: Device | None = None) -> list[set[str]]:
    """The marks of each entry, in the order of counters."""
    entries = sorted(
        (each for each in judgement.entries if device is None or each.entry.device_key == device.name),
        key=lambda each: each.entry.counter,
    )
    return [{Mark.Name(mark).removeprefix("MARK_") for mark in each.marks} for each in entries]


def course(
    *waypoints: Waypoint, begin: datetime = NOON - HOUR, end: datetime | None = None, corridor_m: float = 0
) -> Course:
    return Course(waypoints=waypoints, begin_time=begin, end_time=end, corridor_m=corridor_m)


def states(judgement: Judgement) -> list[str]:
    return [WaypointState.Name(each.state).removeprefix("WAYPOINT_STATE_") for each in judgement.waypoints]


# Times.


def test_an_entry_is_timed_by_the_server_s_clock_whatever_the_device_s_says() -> None:
    device = a_device(skew=timedelta(hours=1))
    device.record(NOTHING, NOON, position=at(device, HERE, NOON))
    (entry,) = judged(device).entries
    assert (entry.time, entry.anchored, entry.fix_time) == (NOON, True, NOON)
    assert entry.marks == (Mark.MARK_CLOCK_SKEW,)


def test_a_boot_is_related_by_the_batch_that_was_on_its_way_for_the_shortest_time() -> None:
    device = a_device()
    device.record(NOTHING, NOON)
    slow, quick = device.batch(NOON + MINUTE), device.batch(NOON + 2 * MINUTE)
    logs = {device.name: known((slow, NOON + HOUR), (quick, NOON + 2 * MINUTE + SECOND))}
    assert judged(device, logs=logs).entries[0].time == NOON + SECOND


def test_without_a_batch_of_its_boot_an_entry_is_timed_by_the_device() -> None:
    device = a_device(skew=timedelta(seconds=-90))
    device.record(NOTHING, NOON)
    device.restart(NOON + MINUTE)
    device.record(NOTHING, NOON + 2 * MINUTE)
    first, second = judged(device).entries
    assert (first.time, first.anchored) == (NOON - timedelta(seconds=90), False)
    assert (second.time, second.anchored) == (NOON + 2 * MINUTE, True)
    assert marks(judged(device)) == [set(), set()]


def test_an_anchor_that_is_too_late_does_not_count() -> None:
    device = a_device(skew=30 * SECOND)
    device.record(NOTHING, NOON)
    held_up = device.batch(NOON + SECOND)
    device.restart(NOON + MINUTE)
    device.record(NOTHING, NOON + 2 * MINUTE)
    logs = {device.name: known((held_up, LATER), (device.batch(NOON + 3 * MINUTE), NOON + 3 * MINUTE))}
    first, second = judged(device, logs=logs).entries
    assert (first.time, first.anchored, first.marks) == (NOON + 30 * SECOND, False, ())
    assert (second.time, second.anchored, second.marks) == (NOON + 2 * MINUTE, True, ())


@pytest.mark.parametrize(("seconds", "marked"), [(119, False), (-119, False), (121, True), (-121, True)])
def test_a_clock_may_be_off_by_two_minutes(seconds: int, marked: bool) -> None:
    device = a_device(skew=timedelta(seconds=seconds))
    device.record(NOTHING, NOON)
    assert marks(judged(device)) == [{"CLOCK_SKEW"} if marked else set()]


@pytest.mark.parametrize(("seconds", "marked"), [(9, False), (-9, False), (11, True), (-11, True)])
def test_a_clock_that_is_set_by_more_than_ten_seconds_is_marked(seconds: int, marked: bool) -> None:
    device = a_device()
    device.record(NOTHING, NOON)
    device.skew = timedelta(seconds=seconds)
    device.record(NOTHING, NOON + MINUTE)
    device.record(NOTHING, NOON + 2 * MINUTE)
    assert marks(judged(device)) == [set(), {"CLOCK_CHANGED"} if marked else set(), set()]


def test_over_a_restart_a_clock_may_not_go_back() -> None:
    device = a_device(skew=MINUTE)
    device.record(NOTHING, NOON)
    device.restart(NOON + SECOND)
    device.skew = timedelta()
    device.record(NOTHING, NOON + 2 * SECOND)
    assert marks(judged(device)) == [set(), {"CLOCK_CHANGED"}]


# The future.


def test_what_says_that_it_was_made_after_it_had_arrived_is_from_the_future_and_never_current() -> None:
    device = a_device(skew=2 * HOUR)
    device.record(NOTHING, NOON, position=at(device, north(5_000), NOON))
    device.restart(NOON + MINUTE)
    device.skew = timedelta()
    device.record(NOTHING, NOON + 2 * MINUTE, position=at(device, HERE, NOON + 2 * MINUTE))
    logs = {device.name: known((device.batch(NOON + 3 * MINUTE), NOON + 3 * MINUTE))}
    # Also when that future has come.
    for now in (NOON + 3 * MINUTE, NOON + 24 * HOUR):
        judgement = judged(device, logs=logs, now=now)
        assert marks(judgement) == [{"FROM_FUTURE"}, {"CLOCK_CHANGED"}]
        assert judgement.current is not None
        assert judgement.current.entry.counter == 2


def test_what_arrives_later_than_the_device_knew_of_it_is_from_the_future_too() -> None:
    device = a_device(skew=HOUR)
    device.record(NOTHING, NOON)
    device.restart(NOON + MINUTE)
    device.record(NOTHING, NOON + 2 * MINUTE)
    # The newest came first; the first one comes when its time has come.
    early, late = device.batch(NOON + 3 * MINUTE, device.entries[1:]), device.batch(NOON + 2 * HOUR, device.entries[:1])
    logs = {device.name: known((late, NOON + 2 * HOUR), (early, NOON + 3 * MINUTE))}
    assert "FROM_FUTURE" in marks(judged(device, logs=logs))[0]


def test_a_fix_that_is_later_than_its_entry_is_from_the_future() -> None:
    device = a_device()
    device.record(NOTHING, NOON, position=at(device, HERE, NOON + 61 * SECOND))
    device.record(NOTHING, NOON + MINUTE, position=at(device, HERE, NOON + 2 * MINUTE - SECOND))
    judgement = judged(device)
    assert marks(judgement) == [{"FROM_FUTURE"}, set()]
    assert judgement.current is not None
    assert judgement.current.fix_time == NOON + MINUTE


# Positions.


def test_the_current_position_is_the_newest_fix_and_not_the_newest_entry() -> None:
    device = a_device()
    device.record(NOTHING, NOON, position=at(device, HERE, NOON))
    device.record(NOTHING, NOON + MINUTE, position=at(device, north(100), NOON - 30 * SECOND))
    device.record(NOTHING, NOON + 2 * MINUTE)
    judgement = judged(device)
    assert judgement.current is not None
    assert judgement.current.location == HERE
    assert judged(a_device()).current is None


def test_positions_are_judged_in_wgs_84() -> None:
    device = a_device()
    shifted = gcj02_of(HERE)
    position = device.fix(shifted.longitude, shifted.latitude, NOON, datum=Datum.DATUM_GCJ02)
    device.record(claiming(1), NOON, position=position)
    device.record(claiming(2), NOON + MINUTE, position=device.fix(*_degrees(shifted), NOON + MINUTE))
    judgement = judged(device, course=course(a_waypoint(1, HERE), a_waypoint(2, HERE)))
    assert judgement.entries[0].location is not None
    assert distance_m(judgement.entries[0].location, HERE) < 0.01
    assert marks(judgement) == [set(), {"OFF_POINT"}]


def test_a_position_in_no_datum_that_is_known_is_marked_and_says_nothing() -> None:
    device = a_device()
    position = device.fix(HERE.longitude, HERE.latitude, NOON, datum=Datum.DATUM_UNSPECIFIED)
    device.record(claiming(1), NOON, position=position)
    judgement = judged(device, course=course(a_waypoint(1, HERE)))
    assert marks(judgement) == [{"DATUM_UNKNOWN", "UNPLACED"}]
    assert (judgement.current, states(judgement)) == (None, ["REACHED"])


def test_a_stale_fix_says_where_the_device_was_and_is_no_evidence_of_where_the_entry_was_made() -> None:
    device = a_device()
    device.record(claiming(1), NOON, position=at(device, north(5_000), NOON - 121 * SECOND))
    device.record(NOTHING, NOON + MINUTE, position=at(device, HERE, NOON - 25 * HOUR))
    judgement = judged(device, course=course(a_waypoint(1, HERE)))
    assert marks(judgement) == [{"STALE_FIX", "UNPLACED"}, {"STALE_FIX"}]
    assert judgement.current is not None
    assert (judgement.current.location, judgement.current.fix_time) == (north(5_000), NOON - 121 * SECOND)


@pytest.mark.parametrize(("metres", "marked"), [(3_109, False), (3_112, True)])
def test_nobody_moves_at_more_than_50_metres_a_second(metres: float, marked: bool) -> None:
    device = a_device()
    device.record(NOTHING, NOON, position=at(device, HERE, NOON))
    device.record(NOTHING, NOON + MINUTE, position=at(device, north(metres), NOON + MINUTE))
    # 60 s at 50 m/s, 100 m, and twice an accuracy of 5 m.
    assert marks(judged(device)) == [set(), {"IMPOSSIBLE_SPEED"} if marked else set()]


def test_inaccurate_fixes_do_not_make_a_speed() -> None:
    device = a_device()
    device.record(NOTHING, NOON, position=at(device, HERE, NOON))
    device.record(NOTHING, NOON + MINUTE, position=at(device, north(4_500), NOON + MINUTE, accuracy_m=1_500))
    device.record(NOTHING, NOON + 2 * MINUTE, position=at(device, north(90_000), NOON + 2 * MINUTE, accuracy_m=1e6))
    assert marks(judged(device)) == [set(), set(), {"IMPOSSIBLE_SPEED"}]


def test_many_places_at_one_moment_are_all_marked() -> None:
    device = a_device()
    for milliseconds, metres in ((0, 0.0), (100, 10.0), (300, 200.0), (900, 5.0)):
        moment = NOON + timedelta(milliseconds=milliseconds)
        device.record(NOTHING, moment, position=at(device, north(metres), moment))
    device.record(NOTHING, NOON + MINUTE, position=at(device, HERE, NOON + MINUTE))
    assert marks(judged(device)) == [{"MANY_PLACES"}] * 4 + [set()]


def test_places_are_many_though_each_is_near_to_the_first() -> None:
    device = a_device()
    for milliseconds, metres in ((0, 0.0), (100, -80.0), (200, 80.0)):
        moment = NOON + timedelta(milliseconds=milliseconds)
        device.record(NOTHING, moment, position=at(device, north(metres), moment))
    assert marks(judged(device)) == [{"MANY_PLACES"}] * 3


def test_an_author_is_at_one_place_on_whatever_devices_and_two_authors_may_be_at_two() -> None:
    one, other = a_device(), a_device()
    one.record(NOTHING, NOON, author="users/a", position=at(one, HERE, NOON))
    other.record(NOTHING, NOON, author="users/b", position=at(other, north(9_000), NOON))
    assert marks(judged(one, other)) == [set(), set()]
    other.record(NOTHING, NOON + SECOND, author="users/a", position=at(other, north(9_000), NOON + SECOND))
    assert [marks(judged(one, other), each) for each in (one, other)] == [[set()], [set(), {"IMPOSSIBLE_SPEED"}]]


def test_antipodes_are_far_apart() -> None:
    device = a_device()
    for seconds, place in enumerate((Location(0, 0), Location(180, 0), Location(-180, 0), Location(0, 90))):
        moment = NOON + seconds * SECOND
        device.record(NOTHING, moment, position=at(device, place, moment))
    assert marks(judged(device)) == [set(), {"IMPOSSIBLE_SPEED"}, set(), {"IMPOSSIBLE_SPEED"}]


# Whose entries they are.


def test_what_was_made_after_a_loss_is_marked_is_not_current_and_reaches_nothing() -> None:
    device = a_device()
    device.record(claiming(1), NOON, position=at(device, HERE, NOON))
    device.record(claiming(2), NOON + HOUR, position=at(device, HERE, NOON + HOUR))
    found = all_sent(device, now=LATER)[device.name]
    waypoints = course(a_waypoint(1, HERE), a_waypoint(2, HERE))
    for field, mark in (("lost_time", "LOST_DEVICE"), ("revoke_time", "REVOKED_KEY")):
        moved: dict[str, Any] = {field: NOON + HOUR}
        judgement = judged(device, logs={device.name: dataclasses.replace(found, **moved)}, course=waypoints)
        assert marks(judgement) == [set(), {mark}]
        assert judgement.current is not None
        assert judgement.current.entry.counter == 1
        assert states(judgement) == ["REACHED", "PENDING"]


def test_a_doubled_log_is_marked_where_it_parts() -> None:
    device = a_device()
    device.record(NOTHING, NOON)
    double = a_device()
    double.name, double.entries = device.name, list(device.entries)
    device.record(NOTHING, NOON + MINUTE)
    device.record(NOTHING, NOON + 2 * MINUTE)
    double.record(claiming(1), NOON + MINUTE)
    entries = read([*device.entries, *double.entries])
    judgement = judge(entries, all_sent(device, now=LATER), LATER)
    assert len(judgement.entries) == 4
    assert marks(judgement) == [set(), {"CONFLICTED"}, {"CONFLICTED"}, set()]
    # Both are judged.
    assert (
        judge(entries, all_sent(device, now=LATER), LATER, course(a_waypoint(1, HERE))).waypoints[0].entry is not None
    )


def test_an_id_that_was_used_twice_is_a_conflict_and_so_is_one_that_is_known_otherwise() -> None:
    device, other = a_device(), a_device()
    device.record(NOTHING, NOON)
    device.record(NOTHING, NOON + MINUTE)
    twice = Entry.FromString(device.entries[0])
    twice.device_key = other.name
    twice.entry_id = twice.entry_id.upper()
    other.entries.append(twice.SerializeToString())
    judgement = judged(device, other)
    assert [marks(judgement, each) for each in (device, other)] == [[{"CONFLICTED"}, set()], [{"CONFLICTED"}]]
    alone = [dataclasses.replace(each, conflicted=True) for each in read(device.entries[:1])]
    assert marks(judge([*read(device.entries[:1]), *alone], {}, LATER)) == [{"CONFLICTED"}]


def test_an_entry_that_names_another_one_before_than_there_is_breaks_the_chain() -> None:
    device = a_device()
    for minutes in range(3):
        device.record(NOTHING, NOON + minutes * MINUTE)
    second = Entry.FromString(device.entries[1])
    second.author = "users/forged"
    entries = [device.entries[0], second.SerializeToString(), device.entries[2]]
    assert marks(judge(read(entries), {}, LATER)) == [set(), set(), {"CHAIN_BROKEN"}]
    # Of an entry that has not arrived nobody knows.
    assert marks(judge(read([device.entries[0], device.entries[2]]), {}, LATER)) == [set(), set()]


# Courses.


def walk(device: Device, *steps: tuple[int, datetime], metres: float = 0.0) -> None:
    """Claim waypoints at these moments; they lie a kilometre apart."""
    for number, moment in steps:
        device.record(claiming(number), moment, position=at(device, north(1_000 * number + metres), moment))


def three(*, due: bool = True, least: timedelta = timedelta()) -> Course:
    """Waypoints 1, 2 and 3, due half an hour after each other, from half past twelve, to ten minutes."""
    return course(
        *(
            a_waypoint(
                number, north(1_000 * number), due=NOON + number * 30 * MINUTE if due else None,
                least=least if number > 1 else timedelta(),
            )
            for number in (1, 2, 3)
        ),
        end=NOON + 2 * HOUR,
    )  # fmt: skip


def test_a_course_that_is_walked_as_it_should_be_is_covered() -> None:
    device = a_device()
    walk(device, (1, NOON + 25 * MINUTE), (2, NOON + 60 * MINUTE), (3, NOON + 100 * MINUTE))
    judgement = judged(device, course=three(least=10 * MINUTE))
    assert states(judgement) == ["REACHED"] * 3
    assert marks(judgement) == [set()] * 3
    coverage = judgement.coverage
    assert (coverage.reached, coverage.waypoints, coverage.duration) == (3, 3, 75 * MINUTE)
    assert [coverage.covered_m, coverage.course_m, coverage.track_m] == pytest.approx([2_000] * 3, rel=1e-4)


def test_early_and_late_are_marked_and_on_time_is_preferred() -> None:
    device = a_device()
    walk(
        device,
        (1, NOON + 19 * MINUTE),
        (2, NOON + 40 * MINUTE),
        (2, NOON + 55 * MINUTE),
        (2, NOON + 56 * MINUTE),
        (3, NOON + 101 * MINUTE),
    )
    judgement = judged(device, course=three())
    assert marks(judgement) == [{"EARLY"}, set(), set(), set(), {"LATE"}]
    assert [each.entry and each.entry.entry.counter for each in judgement.waypoints] == [1, 3, 5]


def test_a_waypoint_that_was_reached_after_a_later_one_is_in_the_wrong_order() -> None:
    device = a_device()
    walk(device, (1, NOON), (3, NOON + 10 * MINUTE), (2, NOON + 20 * MINUTE))
    judgement = judged(device, course=three(due=False))
    assert marks(judgement) == [set(), set(), {"WRONG_ORDER"}]
    # One that was left out is not in the wrong order.
    skipping = a_device()
    walk(skipping, (1, NOON), (3, NOON + 10 * MINUTE))
    assert marks(judged(skipping, course=three(due=False))) == [set(), set()]


def test_what_was_reached_at_the_same_moment_is_in_no_wrong_order() -> None:
    one, other = a_device(), a_device()
    walk(one, (1, NOON), (3, NOON + 20 * MINUTE))
    walk(other, (2, NOON + 20 * MINUTE))
    assert "WRONG_ORDER" not in marks(judged(one, other, course=three(due=False)), other)[0]


@pytest.mark.parametrize(("minutes", "marked"), [(10, False), (9, True)])
def test_who_is_at_the_next_waypoint_too_soon_is_too_fast(minutes: int, marked: bool) -> None:
    device = a_device()
    walk(device, (1, NOON), (2, NOON + minutes * MINUTE))
    assert marks(judged(device, course=three(due=False, least=10 * MINUTE))) == [
        set(),
        {"TOO_FAST"} if marked else set(),
    ]


@pytest.mark.parametrize(("metres", "off"), [(34, False), (36, True)])
def test_a_claim_from_afar_is_off_the_point_and_counts_if_a_tag_proves_it(metres: float, off: bool) -> None:
    device = a_device()
    walk(device, (1, NOON), metres=metres)
    proven = a_device()
    proven.record(claiming(1, proven=True), NOON, position=at(proven, north(1_000 + metres), NOON))
    for each, state in ((device, "PENDING" if off else "REACHED"), (proven, "REACHED")):
        judgement = judged(each, course=three(due=False), now=NOON + HOUR)
        assert marks(judgement) == [{"OFF_POINT"} if off else set()]
        assert states(judgement)[0] == state


def test_a_claim_without_a_position_reaches_its_waypoint_and_says_so_unless_it_is_proven() -> None:
    device = a_device()
    device.record(claiming(1), NOON)
    device.record(claiming(2, proven=True), NOON + MINUTE)
    device.record(claiming(9), NOON + 2 * MINUTE)
    judgement = judged(device, course=three(due=False), now=NOON + HOUR)
    assert marks(judgement) == [{"UNPLACED"}, set(), set()]
    assert states(judgement) == ["REACHED", "REACHED", "PENDING"]


def test_an_accuracy_counts_for_100_metres_at_most() -> None:
    device = a_device()
    device.record(claiming(1), NOON, position=at(device, north(1_131), NOON, accuracy_m=20_000))
    assert marks(judged(device, course=three(due=False))) == [{"OFF_POINT"}]


@pytest.mark.parametrize(
    ("metres", "accuracy_m", "stray"),
    [(299, 0, False), (301, 0, True), (2_290, 2_000, False), (2_310, 9_000, True), (309, 10, False)],
)
def test_what_lies_outside_of_the_corridor_is_marked(metres: float, accuracy_m: float, stray: bool) -> None:
    device = a_device()
    # Between the first two waypoints, and so far to the east.
    east = metres / DEGREE_M / math.cos(math.radians(HERE.latitude))
    place = Location(HERE.longitude + east, north(1_500).latitude)
    device.record(NOTHING, NOON, position=at(device, place, NOON, accuracy_m=accuracy_m))
    wide = dataclasses.replace(three(due=False), corridor_m=300)
    assert marks(judged(device, course=wide)) == [{"OFF_CORRIDOR"} if stray else set()]
    assert marks(judged(device, course=three(due=False))) == [set()]


def test_no_corridor_is_asked_of_what_does_not_say_where_the_unit_was() -> None:
    device = a_device()
    off = north(9_000)
    device.record(NOTHING, NOON, position=at(device, off, NOON - 3 * MINUTE))
    device.record(NOTHING, NOON + MINUTE, position=at(device, off, NOON + 3 * MINUTE))
    device.record(NOTHING, NOON + 4 * MINUTE)
    device.record(NOTHING, NOON + HOUR, position=at(device, off, NOON + HOUR))
    logs = {device.name: dataclasses.replace(all_sent(device, now=LATER)[device.name], lost_time=NOON + HOUR)}
    wide = dataclasses.replace(three(due=False), corridor_m=300)
    found = marks(judged(device, logs=logs, course=wide))
    assert found == [{"STALE_FIX"}, {"FROM_FUTURE"}, set(), {"LOST_DEVICE"}]
    # Before the first waypoint and behind the last one it is as wide as beside the way.
    for metres, stray in ((701, False), (699, True), (3_299, False), (3_301, True)):
        device = a_device()
        device.record(NOTHING, NOON, position=at(device, north(metres), NOON, accuracy_m=0))
        assert marks(judged(device, course=wide)) == [{"OFF_CORRIDOR"} if stray else set()]


def test_what_the_service_finds_of_a_claim_decides_whether_it_reaches_its_waypoint() -> None:
    def found(claim: Claim, *, placed: bool) -> tuple[list[set[str]], str]:
        device = a_device()
        position = at(device, north(1_000), NOON) if placed else None
        device.record(claiming(1), NOON, position=position)
        (entry,) = read(device.entries)
        judging = Judging([entry], all_sent(device, now=LATER), NOON + HOUR)
        judgement = judging.along(three(due=False), {entry.hash: claim})
        # What is judged of a claim is forgotten again: the entries themselves have none of it.
        assert marks(judging.along(three(due=False))) == [set() if placed else {"UNPLACED"}]
        return marks(judgement), states(judgement)[0]

    fault = Claim("points/1", fault=Mark.MARK_CODE_INVALID)
    assert found(fault, placed=True) == ([{"CODE_INVALID"}], "PENDING")
    assert found(fault, placed=False) == ([{"UNPLACED", "CODE_INVALID"}], "PENDING")
    printed = Claim("points/1", needs_place=True)
    assert found(printed, placed=True) == ([set()], "REACHED")
    assert found(printed, placed=False) == ([{"UNPLACED"}], "PENDING")
    assert found(Claim("points/1", proven=True), placed=False) == ([set()], "REACHED")


def test_a_point_that_comes_twice_is_reached_each_time_by_whoever_is_there_then() -> None:
    round_trip = course(
        *(a_waypoint(number, north(1_000 * number), due=NOON + hours * HOUR) for hours, number in enumerate((1, 2, 1)))
    )
    device = a_device()
    walk(device, (1, NOON + MINUTE), (1, NOON + 2 * HOUR - MINUTE))
    judgement = judged(device, course=round_trip)
    assert [each.entry and each.entry.entry.counter for each in judgement.waypoints] == [1, None, 2]
    with pytest.raises(ValueError, match="several times"):
        course(a_waypoint(1, HERE), a_waypoint(1, HERE, due=NOON))


def test_from_the_future_a_waypoint_is_reached_if_nothing_else_reaches_it_and_no_order_or_pace_follows() -> None:
    device = a_device(skew=3 * HOUR)
    walk(device, (2, NOON), (1, NOON + MINUTE))
    device.restart(NOON + 2 * MINUTE)
    device.skew = timedelta()
    walk(device, (1, NOON + 10 * MINUTE))
    judgement = judged(
        device, logs=all_sent(device, now=NOON + 11 * MINUTE), course=three(due=False, least=10 * MINUTE)
    )
    assert marks(judgement) == [{"FROM_FUTURE"}, {"FROM_FUTURE"}, {"CLOCK_CHANGED"}]
    assert [each.entry and each.entry.entry.counter for each in judgement.waypoints] == [3, 1, None]


# What was missed, and what has not arrived.


def test_before_its_time_is_over_a_waypoint_is_pending() -> None:
    judgement = judged(a_device(), course=three(), now=NOON + 40 * MINUTE)
    assert states(judgement) == ["PENDING"] * 3


def test_what_was_not_reached_is_missed_once_all_is_known_until_then() -> None:
    device = a_device()
    walk(device, (1, NOON + 30 * MINUTE))
    heard, now = NOON + 71 * MINUTE, NOON + 2 * HOUR + SECOND
    judgement = judged(device, logs=all_sent(device, now=heard), course=three(), now=now)
    # It was heard of after the second was due, and not since the third was.
    assert states(judgement) == ["REACHED", "MISSED", "OUTSTANDING"]


def test_a_batch_that_was_signed_at_the_last_moment_is_enough_and_one_at_the_first_is_before_all() -> None:
    device = a_device()
    walk(device, (2, NOON + 60 * MINUTE))
    at_first, at_last = device.batch(NOON - HOUR), device.batch(NOON + 40 * MINUTE)
    at_first.newest_counter = 1
    logs = {device.name: known((at_first, NOON - HOUR), (at_last, NOON + 40 * MINUTE), missing=[(1, 1)])}
    now = NOON + 40 * MINUTE + SECOND
    assert states(judge([], logs, now, three())) == ["MISSED", "PENDING", "PENDING"]
    # By the clock of a second before, it would not be known.
    early = {device.name: known((at_first, NOON - HOUR), (at_last, NOON + 40 * MINUTE - SECOND), missing=[(1, 1)])}
    assert states(judge([], early, now, three()))[0] == "OUTSTANDING"


def test_what_a_lacking_entry_may_have_reached_is_outstanding_and_late_evidence_retracts_a_miss() -> None:
    device = a_device()
    walk(device, (1, NOON + 30 * MINUTE), (2, NOON + 60 * MINUTE), (3, NOON + 90 * MINUTE))
    batch = device.batch(LATER)
    for arrived, missing, expected in (
        ([0, 2], [(2, 2)], ["REACHED", "OUTSTANDING", "REACHED"]),
        ([0], [(2, 3)], ["REACHED", "OUTSTANDING", "OUTSTANDING"]),
        ([0, 1, 2], [], ["REACHED"] * 3),
    ):
        logs = {device.name: known((batch, LATER), missing=missing)}
        judgement = judge(read(device.entries[each] for each in arrived), logs, LATER, three())
        assert states(judgement) == expected


def test_what_lacks_since_before_the_course_began_does_not_matter() -> None:
    device = a_device()
    walk(device, (1, NOON + 30 * MINUTE), (2, NOON + 60 * MINUTE), (3, NOON + 90 * MINUTE))
    before = device.batch(NOON - 2 * HOUR)
    before.newest_counter = 1
    logs = {device.name: known((before, NOON - 2 * HOUR), (device.batch(LATER), LATER), missing=[(1, 1)])}
    judgement = judge(read(device.entries[1:]), logs, LATER, three())
    assert states(judgement) == ["MISSED", "REACHED", "REACHED"]


def test_what_lacks_since_after_its_time_does_not_matter_either() -> None:
    device = a_device()
    walk(device, (2, NOON + 60 * MINUTE))
    in_time = device.batch(NOON + 41 * MINUTE)
    in_time.newest_counter = 1
    logs = {device.name: known((in_time, NOON + 41 * MINUTE), missing=[(2, 7)])}
    assert states(judge(read(device.entries), logs, LATER, three()))[0] == "MISSED"


def test_a_batch_that_was_held_up_says_nothing_of_the_time_after_it_was_signed() -> None:
    device = a_device()
    walk(device, (1, NOON + 30 * MINUTE))
    quick, held_up = device.batch(NOON + 31 * MINUTE), device.batch(NOON + 32 * MINUTE)
    logs = {device.name: known((quick, NOON + 31 * MINUTE), (held_up, LATER))}
    assert states(judged(device, logs=logs, course=three()))[1:] == ["OUTSTANDING"] * 2


def test_each_device_that_should_have_been_there_must_be_heard() -> None:
    device, silent = a_device(), a_device()
    walk(device, (1, NOON + 30 * MINUTE))
    logs = dict(all_sent(device, now=LATER))
    assert states(judged(device, logs=logs, course=three())) == ["REACHED", "MISSED", "MISSED"]
    logs[silent.name] = DeviceLog()
    assert states(judged(device, logs=logs, course=three())) == ["REACHED", "OUTSTANDING", "OUTSTANDING"]
    assert states(judged(course=three())) == ["OUTSTANDING"] * 3


def test_without_a_course_and_without_entries_there_is_nothing() -> None:
    judgement = judged()
    assert (judgement.entries, judgement.waypoints, judgement.current) == ((), (), None)
    assert judgement.coverage.track_m == 0


def test_who_stands_still_covers_no_way_though_fixes_jump_about() -> None:
    device = a_device()
    for minutes in range(60):
        moment = NOON + minutes * MINUTE
        device.record(NOTHING, moment, position=at(device, north(random.uniform(-4, 4)), moment))
    assert judged(device).coverage.track_m == 0


# Any order.

places = st.builds(
    Location, st.floats(124.39, 124.41) | st.floats(-180, 180), st.floats(40.09, 40.11) | st.floats(-90, 90)
)
datums = st.sampled_from([*Datum.values(), 99])
moments = st.datetimes(datetime(1971, 1, 1), datetime(9999, 1, 1)).map(lambda each: each.replace(tzinfo=UTC))  # noqa: DTZ001
steps = st.tuples(
    st.sampled_from(["record"] * 6 + ["restart", "set clock", "send", "fork"]),
    st.integers(0, 1_500),
    places,
    datums,
    st.integers(-1, 4),
    st.booleans(),
    st.sampled_from(["users/a", "users/b"]),
    st.integers(-200, 200) | st.integers(-8_000_000, 8_000_000),
    st.none() | moments,
)
COURSE = course(
    *(
        a_waypoint(number, HERE, due=NOON + position * 20 * MINUTE, least=5 * MINUTE)
        for position, number in enumerate((1, 2, 1))
    ),
    a_waypoint(0, HERE),
    a_waypoint(4, north(500), due=NOON + HOUR),
    end=NOON + HOUR,
    corridor_m=400,
)
FAULTS = (None, None, Mark.MARK_CODE_MISSING, Mark.MARK_CODE_INVALID, Mark.MARK_CODE_REUSED)


def live_through(device: Device, script: Iterable[tuple[Any, ...]]) -> tuple[list[bytes], DeviceLog]:
    """What a device recorded, with forks as of restored backups, and what is known of it."""
    now, sent, forked = NOON, [], []
    for what, seconds, place, datum, number, proven, author, shift, fix_time in script:
        now += seconds * SECOND
        if what == "restart":
            device.restart(now)
        elif what == "set clock":
            device.skew = shift * SECOND
        elif what == "send" and device.entries:
            sent.append((device.batch(now), now + abs(shift) * SECOND))
        else:
            position = device.fix(*_degrees(place), now - shift * SECOND, datum=datum, accuracy_m=abs(shift))
            if fix_time is not None:
                position = Position(
                    longitude=place.longitude, latitude=place.latitude, datum=datum, fix_time=_timestamp(fix_time)
                )
            device.record(claiming(number, proven=proven), now, author=author, position=position)
            if what == "fork":
                forked.append(device.entries.pop())
    missing = [(number, number) for number in range(1, 60) if number % 7 == 3]
    return device.entries + forked, dataclasses.replace(known(*sent, missing=missing), lost_time=NOON + HOUR)


@given(
    st.lists(st.lists(steps, max_size=12), min_size=1, max_size=3),
    st.randoms(use_true_random=False),
    st.integers(-3_600, 20_000),
)
def test_any_order_repetition_and_division_of_entries_is_judged_the_same(
    scripts: Sequence[Sequence[tuple[Any, ...]]], chance: random.Random, seconds: int
) -> None:
    entries: list[Logged] = []
    logs: dict[str, DeviceLog] = {}
    for number, script in enumerate(scripts, start=1):
        device = a_device(number=number)
        recorded, logs[device.name] = live_through(device, script)
        entries += read(recorded)
    now = NOON + seconds * SECOND
    claims = {
        each.hash: dataclasses.replace(each.claim, fault=FAULTS[each.hash[0] % 5], needs_place=each.hash[1] % 2 > 0)
        for each in entries
        if each.claim is not None
    }
    ordered = sorted(entries, key=lambda each: (each.device_key, each.counter, each.hash))
    expected = Judging(ordered, logs, now).along(COURSE, claims)
    arrived = entries + chance.choices(entries, k=len(entries)) if entries else []
    chance.shuffle(arrived)
    shuffled = {name: _shuffled(logs[name], chance) for name in chance.sample(sorted(logs), len(logs))}
    assert Judging(arrived, shuffled, now).along(COURSE, claims) == expected
    assert len(expected.entries) == len({each.hash for each in entries})
    assert sorted(each.time for each in expected.entries) == [each.time for each in expected.entries]
    assert expected.current is None or Mark.MARK_FROM_FUTURE not in expected.current.marks


def _shuffled(log: DeviceLog, chance: random.Random) -> DeviceLog:
    twice = [*log.sendings, *log.sendings]
    return dataclasses.replace(
        log,
        sendings=tuple(chance.sample(twice, len(twice))),
        missing=tuple(chance.sample(log.missing, len(log.missing))),
        anchors=dict(chance.sample(sorted(log.anchors.items()), len(log.anchors))),
    )


def _degrees(place: Location) -> tuple[float, float]:
    return place.longitude, place.latitude


def _timestamp(moment: datetime) -> Any:
    found = Position().fix_time
    found.FromDatetime(moment)
    return found
