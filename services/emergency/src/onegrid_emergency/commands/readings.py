"""Readings are taken, and silence is found: each in a transaction that locks the devices that it is about.

Most readings change nothing but the last value of their devices; `ingesting` stores those without a lock. Here are the
others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid_emergency.commands import alarms
from onegrid_emergency.sensing.judging import Judged, Reading, judge, wait_until
from onegrid_emergency.sensing.moments import milliseconds, moment_of
from onegrid_emergency.sensing.silence import silent_from
from onegrid_emergency.store import readings as store
from onegrid_emergency.store.devices import Known
from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call

__all__ = ["LookedAt", "Taken", "look_at_due", "take_readings"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the readings of one device."""

    known: Known
    """What is known of it now; its version is that of the stored state."""
    taken: int
    stale: int
    raised: int
    """How many alarms were raised."""
    cleared: int
    """How many alarms were cleared."""


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What was found when devices were looked at that were due."""

    count: int
    """How many there were."""
    silent: int
    """How many of them are silent from now on."""
    late: timedelta
    """How long after its time the first of these was found."""
    raised: int
    """How many alarms were raised."""
    cleared: int
    """How many alarms were cleared."""


def take_readings(
    conn: Connection, district: str, arrivals: Mapping[str, Sequence[Reading]], now: datetime, traceparent: str
) -> dict[str, Taken]:
    """Judge the readings of devices that are in use, by the ids of these; nothing is known of the others."""
    found = store.known_devices(conn, district, list(arrivals), lock=True)
    taken: dict[str, Taken] = {}
    for known in found:
        judged = judge(
            known.device.configuration.effective_rules, known.state, arrivals[known.device.id], milliseconds(now)
        )
        taken[known.device.id] = _heard(conn, known, judged, now, traceparent)
    store.save_states(conn, [each.known for each in taken.values()])
    return {
        id_: replace(each, known=replace(each.known, version=each.known.version + 1)) for id_, each in taken.items()
    }


def look_at_due(conn: Connection, now: datetime, ready_since: datetime, most: int) -> LookedAt:
    """Look at devices that are due: judge what waited long enough, and find those that are silent."""
    found = store.due(conn, now, most)
    silent: list[Known] = []
    changed: list[Known] = []
    late = timedelta()
    raised = cleared = 0
    for known in found:
        judged = judge(known.device.configuration.effective_rules, known.state, (), milliseconds(now))
        call = _call(now, "", known)
        done = alarms.take_decisions(conn, known, judged.decisions, call)
        raised, cleared = raised + done.raised, cleared + done.cleared
        since = silent_from(
            known.receive_time or known.device.create_time, ready_since, known.device.configuration.silent_after
        )
        is_silent = known.silent or since <= now
        if is_silent and not known.silent:
            silent.append(known)
            late = max(late, now - since)
        changed.append(
            replace(
                known,
                state=judged.state,
                silent=is_silent,
                incident=done.incident,
                due_time=_due_time(known, judged, None if is_silent else since),
            )
        )
    store.save_states(conn, changed)
    condition = DeviceCondition.DEVICE_CONDITION_SILENT
    events = [alarms.condition_changed(known, condition, _call(now, "", known)) for known in silent]
    outbox.append(conn, Call(caller=ANONYMOUS, now=now, method="find silent devices"), events)
    return LookedAt(len(found), len(silent), late, raised, cleared)


def _heard(conn: Connection, known: Known, judged: Judged, now: datetime, traceparent: str) -> Taken:
    call = _call(now, traceparent, known)
    done = alarms.take_decisions(conn, known, judged.decisions, call)
    if known.silent:
        outbox.append(conn, call, [alarms.condition_changed(known, judged.state.condition, call)])
    silent_at = silent_from(now, now, known.device.configuration.silent_after)
    after = replace(
        known,
        state=judged.state,
        silent=False,
        receive_time=now,
        incident=done.incident,
        due_time=_due_time(known, judged, silent_at),
    )
    return Taken(after, judged.taken, judged.stale, done.raised, done.cleared)


def _due_time(known: Known, judged: Judged, silent_at: datetime | None) -> datetime | None:
    held_until = wait_until(known.device.configuration.effective_rules, judged.state)
    if held_until is None:
        return silent_at
    at = moment_of(held_until)
    return at if silent_at is None else min(at, silent_at)


def _call(now: datetime, traceparent: str, known: Known) -> Call:
    """What is done for no person."""
    return Call(caller=ANONYMOUS, now=now, method="take readings", traceparent=traceparent, resource=known.device.id)
