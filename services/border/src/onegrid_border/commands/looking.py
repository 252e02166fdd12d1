"""Looking at patrols: what their logs come to by now, what that changes, and when to look next.

A patrol is looked at when entries have arrived, and when time alone may have changed something. Everything follows from
the entries and the moment, so a look that is missed, repeated or late changes nothing that the next one does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid_border import messages, patrol_log
from onegrid_border.alarm import Alarm, WelfareCheck, changed_alarms
from onegrid_border.commands import alarms as alarming
from onegrid_border.commands.announcing import News, announce
from onegrid_border.commands.observations import correct_observations
from onegrid_border.evidence import ShownCodes, Tap, changed_taps
from onegrid_border.patrol import PATROL, Patrol
from onegrid_border.records import BEFORE, recorded_in
from onegrid_border.route import Route
from onegrid_border.store import alarms as alarm_store
from onegrid_border.store import codes, routes, units
from onegrid_border.store import patrols as store
from onegrid_kit.field import log as field_log
from onegrid_kit.field.log import Wanted
from onegrid_kit.field.model import JudgedEntry, Judgement
from onegrid_kit.ladder import Climb, Next

__all__ = ["LOOK", "look_at_patrols", "look_soon", "walked_with"]

LOOK: Final = "patrol"
_JUDGED_ANEW: Final = timedelta(days=30)


def look_soon(conn: Connection, ids: Iterable[str], now: datetime) -> None:
    """Have these patrols looked at once this transaction is committed."""
    # In one order, so that two transactions do not wait for one another.
    names = sorted(PATROL.name(each) for each in ids)
    if names:
        store.look(conn, LOOK, names, now)


def walked_with(conn: Connection, device_key: str, now: datetime) -> Sequence[str]:
    """The patrols of the last 30 days of which a device recorded something: those that are judged otherwise once more
    is known of its clock or its holder.
    """
    return store.recent_of(conn, device_key, now - _JUDGED_ANEW)


def look_at_patrols(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Judge these patrols, and say when each is to be looked at next. All are read, and what changes is stored,
    together.
    """
    found = _read(conn, [PATROL.id(climb.subject) for climb in climbs])
    changed: list[tuple[Climb, Patrol, Patrol]] = []
    alarms: list[Alarm] = []
    observed: list[tuple[str, JudgedEntry]] = []
    news: list[tuple[Climb, News]] = []
    taps: list[tuple[str, Tap, datetime | None]] = []
    answers: list[Next | None] = []
    for climb in climbs:
        seen = found.get(PATROL.id(climb.subject))
        if seen is None:
            answers.append(None)
            continue
        judged = _look(seen, now)
        after = judged.patrol
        if after != seen.patrol:
            changed.append((climb, seen.patrol, after))
        alarms += judged.alarms
        observed += ((after.district, each) for each in judged.observed)
        taps += ((after.id, tap, before) for tap, before in judged.taps)
        news += ((climb, alarming.news_of(alarm)) for alarm in judged.alarms)
        moments = [patrol_log.next_change(after, now), *(check.due_time for check in seen.checks)]
        due = min((moment for moment in moments if moment is not None and moment > now), default=None)
        answers.append(None if due is None else Next(due, 1))
    store.update_patrols(conn, [after for _, _, after in changed])
    correct_observations(conn, observed)
    alarming.keep(conn, alarms, now)
    announce(conn, now, [*news, *_news(conn, changed)])
    # Of two patrols that show what one tag gave, one is judged by the other.
    touched = codes.update_taps(conn, taps)
    look_soon(conn, touched - found.keys(), now)
    return [
        Next(now, 1) if PATROL.id(climb.subject) in touched else answer
        for climb, answer in zip(climbs, answers, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A patrol, which is locked, and all that it is judged by."""

    patrol: Patrol
    route: Route | None
    log: field_log.Log
    checks: Sequence[WelfareCheck]
    alarms: Mapping[str, Alarm]
    codes: ShownCodes


def _read(conn: Connection, ids: Sequence[str]) -> Mapping[str, _Seen]:
    patrols = store.lock_patrols(conn, ids)
    checks = store.checks_of(conn, ids)
    alarms = alarm_store.alarms_of(conn, ids)
    shown = codes.shown_on(conn, ids)
    ways = routes.routes_at(conn, [(each.route, each.start_due_time) for each in patrols.values()])
    logs = field_log.read(
        conn,
        [Wanted(each.district, each.name, each.start_due_time - BEFORE, each.devices) for each in patrols.values()],
    )
    return {
        each.id: _Seen(
            each,
            ways.get((each.route, each.start_due_time)),
            log,
            checks[each.id],
            alarms[each.id],
            shown.get(each.id, ShownCodes()),
        )
        for each, log in zip(patrols.values(), logs, strict=True)
    }


@dataclass(frozen=True, slots=True)
class _Judged:
    """A patrol as it is now."""

    patrol: Patrol
    alarms: Sequence[Alarm] = ()
    """Those that change."""
    observed: Sequence[JudgedEntry] = ()
    """The entries of what was noticed."""
    taps: Sequence[tuple[Tap, datetime | None]] = ()
    """Those that other patrols are to know otherwise, with when they were made as far as those know."""


def _look(seen: _Seen, now: datetime) -> _Judged:
    before = seen.patrol
    if seen.route is None or len(seen.log.entries) < before.entries:
        # Entries are deleted after a time: what was made of them stays.
        return _Judged(before)
    after, judgement, answers, observed = _judged(before, seen.route, seen.log, seen.codes, now)
    alarms = changed_alarms(after, seen.checks, answers, seen.alarms, now)
    if after != before:
        after = replace(after, version=before.version + 1, update_time=now)
    return _Judged(after, alarms, observed, list(changed_taps(judgement.entries, seen.codes.shown)))


def _judged(
    before: Patrol, route: Route, found: field_log.Log, shown: ShownCodes, now: datetime
) -> tuple[Patrol, Judgement, list[datetime], list[JudgedEntry]]:
    """The patrol as it is now and the judgement that it comes from, when welfare checks were answered, and the entries
    of what was noticed.
    """
    recorded = recorded_in(found)
    log = patrol_log.Log(recorded, found.devices, shown)
    after, judgement = patrol_log.judged(before, route.course, log, now)
    kinds = {each.entry.hash: each.record.WhichOneof("record") for each in recorded}
    answered = [each for each in judgement.entries if kinds[each.entry.hash] == "welfare_answer"]
    answers = [each.time for each in answered if each.counts]
    observed = [each for each in judgement.entries if kinds[each.entry.hash] == "observe"]
    return replace(after, route_revision=route.revision), judgement, answers, observed


def _news(conn: Connection, changed: Sequence[tuple[Climb, Patrol, Patrol]]) -> Iterable[tuple[Climb, News]]:
    """What is to be announced of patrols, which were so before and are so now."""
    names = units.display_names_of(conn, sorted({after.unit for _, _, after in changed})) if changed else {}
    for climb, before, after in changed:
        for event in _events(before, after, names.get(after.unit, "")):
            yield climb, (after.name, event)


def _events(before: Patrol, after: Patrol, unit_name: str) -> Iterable[Message]:
    if after.start_time is not None and before.start_time is None:
        yield messages.patrol_started(after, unit_name)
    finished = PatrolState.PATROL_STATE_FINISHED
    if after.state == finished != before.state:
        yield messages.patrol_finished(after, unit_name)
    goes_on = after.out and before.state == finished
    never_was_out = before.out and after.state == PatrolState.PATROL_STATE_PLANNED
    # Of a device that is known to be lost by now the fix is another one, which may be older, or there is none.
    if goes_on or never_was_out or after.position_time != before.position_time:
        yield messages.moved(after, unit_name)
