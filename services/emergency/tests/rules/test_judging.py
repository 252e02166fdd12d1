"""Readings are judged alike in whatever order they arrive, by levels with hysteresis, and by the device's time."""

from __future__ import annotations

from math import inf, nan
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition, DeviceKind
from onegrid_emergency.sensing.device import Rules, Threshold, rules_of_kind
from onegrid_emergency.sensing.judging import (
    FIRST,
    Changed,
    Cleared,
    Decision,
    Judged,
    Raised,
    Reading,
    State,
    judge,
    replay,
    wait_until,
)

SECOND = 1_000
BEGIN = 1_700_000_000_000
HIGH = Threshold("high", True, 3.0, 2.5)
SLOW = Threshold("slow", True, 3.0, 2.5, raise_hold_ms=20 * SECOND, clear_hold_ms=10 * SECOND)
LOW = Threshold("low", False, 0.5, 1.0)


def series(*values: float, every: int = 10 * SECOND) -> list[Reading]:
    return [Reading(BEGIN + number * every, number + 1, value) for number, value in enumerate(values)]


def judged(rules: Rules, *values: float) -> Judged:
    return judge(rules, FIRST, series(*values), BEGIN)


def names(decisions: tuple[Decision, ...]) -> list[str]:
    found = []
    for each in decisions:
        match each:
            case Raised(threshold, reading):
                found.append(f"+{threshold.name}@{(reading.time - BEGIN) // SECOND}")
            case Cleared(name, reading):
                found.append(f"-{name}@{(reading.time - BEGIN) // SECOND}")
            case Changed(condition):
                found.append(DeviceCondition.Name(condition).removeprefix("DEVICE_CONDITION_"))
    return found


@pytest.mark.parametrize(
    ("thresholds", "values", "expected"),
    [
        ((HIGH,), (1, 2.9, 3, 4, 2.6, 2.5, 2.9), ["+high@20", "-high@50"]),
        ((HIGH,), (2.9, 2.5, 2.9), []),
        ((LOW,), (1, 0.6, 0.5, 0.9, 1, 0.6), ["+low@20", "-low@40"]),
        ((HIGH, LOW), (3, 0.5), ["+high@0", "-high@10", "+low@10"]),
        ((SLOW,), (3, 3, 2.9, 3, 3, 3), ["+slow@50"]),  # back below the level, it counts anew
        ((SLOW,), (3, 3, 3, 2.5, 2.6, 2.5, 2.4), ["+slow@20", "-slow@60"]),
    ],
)
def test_an_alarm_is_raised_at_one_level_and_cleared_at_another_once_values_have_stayed_there(
    thresholds: tuple[Threshold, ...], values: tuple[float, ...], expected: list[str]
) -> None:
    assert names(judged(Rules(thresholds), *values).decisions) == expected


@pytest.mark.parametrize("value", [nan, inf, -inf, 99.0, -1.0])
def test_a_value_that_is_not_possible_marks_the_device_and_raises_nothing(value: float) -> None:
    rules = Rules((HIGH, LOW), 0, 10)
    found = judged(rules, 1, value, value, 1.1)
    assert names(found.decisions) == ["IMPOSSIBLE", "SOUND"]
    assert found.state.value == 1.1
    # An alarm that is raised stays raised by it.
    assert names(judged(rules, 5, value).decisions) == ["+high@0", "IMPOSSIBLE"]


def test_values_that_do_not_change_for_too_long_mark_the_device_and_are_not_judged() -> None:
    stuck = Threshold("stuck", True, 3.0, 2.5, raise_hold_ms=30 * SECOND)
    rules = Rules((stuck,), flat_after_ms=20 * SECOND)
    assert names(judged(rules, 1, 3, 3, 3, 3, 3, 3).decisions) == ["FLAT"]
    assert names(judged(rules, 1, 3, 3.1, 3.2, 3.3).decisions) == ["+stuck@40"]
    assert names(judged(rules, 3, 3, 3, 3.1).decisions) == ["FLAT", "SOUND", "+stuck@30"]


@pytest.mark.parametrize("kind", DeviceKind.values())
def test_every_kind_has_rules(kind: DeviceKind) -> None:
    assert rules_of_kind(kind).silent_intervals == 3


def test_one_that_follows_the_last_is_judged_at_once_and_another_waits_for_it() -> None:
    first, second, third = series(1, 1, 9)
    rules = Rules((HIGH,))
    found = judge(rules, FIRST, [first, third], BEGIN)
    assert (found.decisions, found.taken, len(found.state.held)) == ((), 2, 1)
    assert wait_until(rules, found.state) == BEGIN + rules.reordering_ms
    assert names(judge(rules, found.state, [second], BEGIN).decisions) == ["+high@20"]
    # What is missing is waited for no longer than the rules say: by our clock, or by the device's.
    assert judge(rules, found.state, [], BEGIN + rules.reordering_ms - 1).decisions == ()
    assert names(judge(rules, found.state, [], BEGIN + rules.reordering_ms).decisions) == ["+high@20"]
    later = Reading(third.time + rules.reordering_ms, 9, 1)
    assert names(judge(rules, found.state, [later], BEGIN).decisions) == ["+high@20"]


def test_a_device_that_begins_to_count_again_is_judged_after_a_while() -> None:
    found = judged(Rules((HIGH,)), *(1.0 + number / 100 for number in range(50)))
    again = Reading(BEGIN + 600 * SECOND, 1, 9)
    state = judge(Rules((HIGH,)), found.state, [again], BEGIN).state
    assert [reading for reading, _ in state.held] == [again]
    assert names(judge(Rules((HIGH,)), state, [], BEGIN + 10 * SECOND).decisions) == ["+high@600"]


def test_one_without_a_sequence_is_judged_as_it_comes_unless_it_is_older() -> None:
    rules = Rules((HIGH,))
    readings = [Reading(BEGIN + at * SECOND, 0, value) for at, value in ((0, 1), (20, 9), (10, 1), (20, 9), (30, 1))]
    found = judge(rules, FIRST, readings, BEGIN)
    assert (names(found.decisions), found.taken, found.stale) == (["+high@20", "-high@30"], 3, 2)


def test_what_was_sent_before_is_stale_whether_it_was_judged_or_waits() -> None:
    first, second, third = series(1, 2, 9)
    found = judge(Rules((HIGH,)), FIRST, [first, third, third, first], BEGIN)
    assert (found.taken, found.stale) == (2, 2)
    found = judge(Rules((HIGH,)), found.state, [first, second, third], BEGIN)
    assert (names(found.decisions), found.taken, found.stale) == (["+high@20"], 1, 2)


# Values around the levels, some impossible, many equal.
VALUES = st.lists(st.sampled_from([1.0, 2.0, 2.5, 2.6, 3.0, 3.5, 99.0, nan]), min_size=1, max_size=40)
RULES = Rules((HIGH, SLOW, LOW), 0, 10, flat_after_ms=60 * SECOND, reordering_ms=30 * SECOND)


def arrivals(readings: list[Reading], random: Random) -> list[Reading]:
    """The readings, some twice, in an order in which each comes before one whose time is behind the window."""
    late = {reading: reading.time + random.randrange(0, RULES.reordering_ms) for reading in readings}
    again = [reading for reading in readings if random.random() < 0.2]
    return sorted([*readings, *again], key=lambda reading: (late[reading], random.random()))


def all_of(rules: Rules, readings: list[Reading], random: Random | None = None) -> tuple[State, tuple[Decision, ...]]:
    """What comes of them, in calls of any size, once nothing is waited for any more."""
    state, decisions = FIRST, []
    waiting = list(readings)
    while waiting:
        count = random.randrange(1, 6) if random else len(waiting)
        found = judge(rules, state, waiting[:count], BEGIN)
        state, waiting = found.state, waiting[count:]
        decisions += found.decisions
    found = judge(rules, state, [], BEGIN + rules.reordering_ms)
    assert not found.state.held
    return found.state, (*decisions, *found.decisions)


@settings(max_examples=300)
@given(values=VALUES, missing=st.sets(st.integers(0, 39), max_size=5), seed=st.integers(0, 2**32))
def test_every_order_of_arrival_within_the_window_ends_alike(values: list[float], missing: set[int], seed: int) -> None:
    random = Random(seed)
    sent = [reading for number, reading in enumerate(series(*values)) if number not in missing]
    expected = all_of(RULES, sent)
    found = all_of(RULES, arrivals(sent, random), random)
    # As text: what is no number does not equal itself.
    assert repr(found) == repr(expected)


@settings(max_examples=300)
@given(values=st.lists(st.sampled_from([1.0, 2.6, 3.0, 3.5, 99.0]), min_size=1, max_size=600))
def test_a_window_that_is_judged_again_raises_its_alarm_again(values: list[float]) -> None:
    for decision in judged(RULES, *values).decisions:
        if isinstance(decision, Raised):
            again = replay(RULES, decision.window)[-1]
            while not isinstance(again, Raised) or again.threshold != decision.threshold:
                again = next(each for each in replay(RULES, decision.window)[::-1] if isinstance(each, Raised))
            assert again.reading == decision.reading
            assert len(decision.window.readings) <= 200
