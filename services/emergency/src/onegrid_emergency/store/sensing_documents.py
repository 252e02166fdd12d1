"""Rules, states and windows of sensors as the database keeps them: JSON, in which every number is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import inf, isfinite, nan
from typing import Any

from onegrid_emergency.sensing.device import Rules, Threshold
from onegrid_emergency.sensing.judging import FIRST, Phase, Reading, State, Window

__all__ = [
    "detail_document",
    "readings_document",
    "readings_of",
    "rules_document",
    "rules_of",
    "state_of",
    "window_document",
    "window_of",
]


def rules_document(rules: Rules) -> Mapping[str, Any]:
    """The document of rules."""
    document = asdict(rules)
    del document["quiet_above"], document["quiet_below"]
    for key in ("lowest_possible", "highest_possible"):
        document[key] = _number(document[key])
    return document


def rules_of(document: Mapping[str, Any]) -> Rules:
    """The rules in a document."""
    thresholds = tuple(Threshold(**each) for each in document["thresholds"])
    bounds = {key: _float(document[key]) for key in ("lowest_possible", "highest_possible")}
    return Rules(**{**document, **bounds, "thresholds": thresholds})


def detail_document(state: State) -> Mapping[str, Any] | None:
    """What a state holds beside its last reading, which is nothing most of the time."""
    if not (state.phases or state.held):
        return None
    return {
        "phases": _phases_document(state),
        "held": [[*_reading_document(reading), arrived] for reading, arrived in state.held],
        "window": None if state.window is None else window_document(state.window),
    }


def state_of(row: Any) -> State:
    """The state in the columns of a row."""
    state = State(row.time_ms, row.sequence, row.value, row.value_since_ms, row.condition)
    if row.detail is None:
        return state
    window = row.detail["window"]
    return state._replace(
        phases=tuple(Phase(*each) for each in row.detail["phases"]),
        held=tuple((_reading(each[:3]), each[3]) for each in row.detail["held"]),
        window=None if window is None else window_of(window),
    )


def window_document(window: Window) -> Mapping[str, Any]:
    """The document of a window."""
    base = window.base
    return {
        "base": [
            base.time,
            base.sequence,
            _number(base.value),
            base.value_since,
            base.condition,
            _phases_document(base),
        ],
        "readings": readings_document(window.readings),
    }


def window_of(document: Mapping[str, Any]) -> Window:
    """The window in a document."""
    time, sequence, value, since, condition, phases = document["base"]
    base = FIRST._replace(
        time=time,
        sequence=sequence,
        value=_float(value),
        value_since=since,
        condition=condition,
        phases=tuple(Phase(*each) for each in phases),
    )
    return Window(base, readings_of(document["readings"]))


def readings_document(readings: Sequence[Reading]) -> Sequence[Sequence[Any]]:
    """The document of readings."""
    return [_reading_document(each) for each in readings]


def readings_of(document: Sequence[Sequence[Any]]) -> tuple[Reading, ...]:
    """The readings in a document."""
    return tuple(_reading(each) for each in document)


def _phases_document(state: State) -> Sequence[Sequence[Any]]:
    return [list(each) for each in state.phases]


def _reading_document(reading: Reading | State) -> Sequence[Any]:
    return reading.time, reading.sequence, _number(reading.value)


def _reading(document: Sequence[Any]) -> Reading:
    return Reading(document[0], document[1], _float(document[2]))


def _number(value: float) -> float | str | None:
    """JSON knows neither infinity nor what is no number."""
    return value if isfinite(value) else str(value)


def _float(value: float | str) -> float:
    return {"inf": inf, "-inf": -inf, "nan": nan}[value] if isinstance(value, str) else float(value)
