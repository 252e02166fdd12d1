"""Readings of one device are judged: `judge` is a pure function of what was known and what has arrived.

Readings are taken in the order of the device's time and sequence. One that follows the last by its sequence is taken at
once. Another one is held until those before it have arrived, or for as long as the rules say; so every order of arrival
within that time ends in the same state, with the same decisions. Without a sequence nobody can say that one is missing:
such readings are taken as they arrive.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import nan
from typing import Final, NamedTuple

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid_emergency.sensing.device import Rules, Threshold

__all__ = [
    "ACTIVE",
    "FIRST",
    "Changed",
    "Cleared",
    "Decision",
    "Judged",
    "Phase",
    "Raised",
    "Reading",
    "State",
    "Window",
    "follow",
    "judge",
    "replay",
    "wait_until",
]

_SOUND: Final = DeviceCondition.DEVICE_CONDITION_SOUND
_FLAT: Final = DeviceCondition.DEVICE_CONDITION_FLAT
_IMPOSSIBLE: Final = DeviceCondition.DEVICE_CONDITION_IMPOSSIBLE
_MOST_KEPT: Final = 200
_MOST_HELD: Final = 1_000

RISING, ACTIVE, FALLING = 1, 2, 3
"""An alarm that may be raised, one that is, and one that may be cleared."""


class Reading(NamedTuple):
    """What a device measured."""

    time: int
    """Milliseconds since 1970, by the device's clock."""
    sequence: int
    """Its count of readings, from 1 on; 0 if it does not count."""
    value: float


class Phase(NamedTuple):
    """Where an alarm stands; one that is not raised, and is not about to be, has none."""

    name: str
    step: int
    since: int
    """The device's time of the first reading of it."""


class Window(NamedTuple):
    """The readings around an alarm, and the state before them."""

    base: State
    readings: tuple[Reading, ...]


class State(NamedTuple):
    """What is known of a device."""

    time: int
    """That of the last reading that was taken."""
    sequence: int
    """The same."""
    value: float
    """The last possible one; NaN before the first."""
    value_since: int
    """The device's time of the first reading of the present run of equal values."""
    condition: DeviceCondition
    """Silence is none of its business."""
    phases: tuple[Phase, ...] = ()
    held: tuple[tuple[Reading, int], ...] = ()
    """Those that wait, in order, with the time of their arrival by our clock, milliseconds since 1970."""
    window: Window | None = None
    """Kept while an alarm is raised, or may be."""


FIRST: Final = State(0, 0, nan, 0, DeviceCondition.DEVICE_CONDITION_UNSPECIFIED)
"""Before the first reading."""


class Raised(NamedTuple):
    """An alarm is raised."""

    threshold: Threshold
    reading: Reading
    window: Window
    """Ends with that reading; judged again, it raises the alarm again."""


class Cleared(NamedTuple):
    """An alarm is cleared."""

    name: str
    reading: Reading
    readings: tuple[Reading, ...]
    """The last ones, that reading among them."""


class Changed(NamedTuple):
    """The device's values can't be right, or are right again."""

    condition: DeviceCondition


Decision = Raised | Cleared | Changed


class Judged(NamedTuple):
    """What comes of readings."""

    state: State
    decisions: tuple[Decision, ...]
    taken: int
    """How many were new."""
    stale: int
    """How many are known, or come after a later one was taken."""


def follow(rules: Rules, state: State, reading: Reading) -> State | None:
    """The state after the next reading, if that is far from every threshold, as nearly all are; None if it must be
    judged.
    """
    time, sequence, value = reading
    last_time, last_sequence, last_value, since, condition, phases, held, _ = state
    if (
        (time < last_time or sequence != last_sequence + 1 if sequence else time <= last_time)
        or not rules.quiet_above < value < rules.quiet_below
        or condition != _SOUND
        or phases
        or held
    ):
        return None
    if value != last_value:
        since = time
    elif rules.flat_after_ms and time - since >= rules.flat_after_ms:
        return None
    return _made((time, sequence, value, since, condition, (), (), None))


_made = State._make


def judge(rules: Rules, state: State, arrivals: Iterable[Reading], now: int) -> Judged:
    """Judge what has arrived now, and what has waited long enough."""
    decisions: tuple[Decision, ...] = ()
    taken = stale = 0
    for arrival in arrivals:
        followed = follow(rules, state, arrival)
        if followed is not None:
            state = followed
            taken += 1
        elif _is_stale(state, arrival):
            stale += 1
        else:
            taken += 1
            waiting = sorted((*state.held, (arrival, now)), key=_order)
            state, more = _release(rules, state._replace(held=tuple(waiting)), now)
            decisions += more
    if state.held:
        state, more = _release(rules, state, now)
        decisions += more
    return Judged(state, decisions, taken, stale)


def replay(rules: Rules, window: Window) -> tuple[Decision, ...]:
    """What the readings of a window decide when they are judged again."""
    return _take_all(rules, window.base, window.readings)[1]


def wait_until(rules: Rules, state: State) -> int | None:
    """When what is held must be judged at last, by our clock; None if nothing is."""
    return min(arrived for _, arrived in state.held) + rules.reordering_ms if state.held else None


def _order(waiting: tuple[Reading, int]) -> tuple[int, int]:
    return waiting[0][:2]


def _is_stale(state: State, reading: Reading) -> bool:
    place = reading[:2]
    # Without a sequence, a second reading of the same moment is the same reading.
    passed = place <= (state.time, state.sequence) if reading.sequence else reading.time <= state.time
    return passed or any(held[:2] == place for held, _ in state.held)


def _release(rules: Rules, state: State, now: int) -> tuple[State, tuple[Decision, ...]]:
    """Take of those that are held what need not wait any more."""
    waiting = state.held
    newest = waiting[-1][0].time
    decisions: tuple[Decision, ...] = ()
    count = 0
    for reading, arrived in waiting:
        follows = reading.sequence in (0, state.sequence + 1)
        waited = max(newest - reading.time, now - arrived) >= rules.reordering_ms
        if not (follows or waited or len(waiting) - count > _MOST_HELD):
            break
        state, more = _take(rules, state, reading)
        decisions += more
        count += 1
    return state._replace(held=waiting[count:]), decisions


def _take_all(rules: Rules, state: State, readings: Iterable[Reading]) -> tuple[State, tuple[Decision, ...]]:
    decisions: tuple[Decision, ...] = ()
    for reading in readings:
        state, more = _take(rules, state, reading)
        decisions += more
    return state, decisions


def _take(rules: Rules, state: State, reading: Reading) -> tuple[State, tuple[Decision, ...]]:
    """Judge the reading that is next."""
    time, sequence, value = reading
    before = State(state.time, state.sequence, state.value, state.value_since, state.condition, state.phases)
    if not rules.lowest_possible <= value <= rules.highest_possible:  # NaN is not, either
        after = before._replace(time=time, sequence=sequence, condition=_IMPOSSIBLE)
    else:
        since = state.value_since if value == state.value else time
        flat = bool(rules.flat_after_ms) and time - since >= rules.flat_after_ms
        phases = state.phases if flat else _moved(rules, state.phases, reading)
        after = State(time, sequence, value, since, _FLAT if flat else _SOUND, phases)
    decisions: list[Decision] = []
    if after.condition != before.condition and (before.condition or after.condition != _SOUND):
        decisions.append(Changed(after.condition))
    if not (before.phases or after.phases):
        return after, tuple(decisions)
    window = _kept(rules, state.window or Window(before, ()), reading)
    steps_before = {phase.name: phase.step for phase in before.phases}
    steps_after = {phase.name: phase.step for phase in after.phases}
    for threshold in rules.thresholds:
        name = threshold.name
        was, is_now = (steps.get(name, 0) >= ACTIVE for steps in (steps_before, steps_after))
        if is_now and not was:
            decisions.append(Raised(threshold, reading, window))
        elif was and not is_now:
            decisions.append(Cleared(name, reading, window.readings))
    return after._replace(window=window if after.phases else None), tuple(decisions)


def _moved(rules: Rules, phases: tuple[Phase, ...], reading: Reading) -> tuple[Phase, ...]:
    known = {phase.name: phase for phase in phases}
    moved = (_next(threshold, known.get(threshold.name), reading) for threshold in rules.thresholds)
    return tuple(phase for phase in moved if phase is not None)


def _next(threshold: Threshold, phase: Phase | None, reading: Reading) -> Phase | None:
    """Where an alarm stands after the reading."""
    name, time, value = threshold.name, reading.time, reading.value
    if phase is None or phase.step == RISING:
        if not threshold.raises(value):
            return None
        since = time if phase is None else phase.since
        raised = time - since >= threshold.raise_hold_ms
        return Phase(name, ACTIVE, time) if raised else Phase(name, RISING, since)
    if not threshold.clears(value):
        return phase if phase.step == ACTIVE else Phase(name, ACTIVE, time)
    since = time if phase.step == ACTIVE else phase.since
    return None if time - since >= threshold.clear_hold_ms else Phase(name, FALLING, since)


def _kept(rules: Rules, window: Window, reading: Reading) -> Window:
    """The window with one more reading; of one that is full, the oldest becomes part of its base."""
    base, readings = window
    if len(readings) >= _MOST_KEPT:
        base, _ = _take(rules, base, readings[0])
        readings = readings[1:]
    return Window(base._replace(window=None), (*readings, reading))
