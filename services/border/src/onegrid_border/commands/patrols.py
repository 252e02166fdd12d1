"""Patrols: planned, cancelled, asked whether all is well."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid_border import messages, patrol_log
from onegrid_border.alarm import changed_alarms
from onegrid_border.authority import allowed
from onegrid_border.commands import alarms as alarming
from onegrid_border.commands.looking import look_soon
from onegrid_border.errors import PatrolWrongState, RouteRetired, UnitRetired
from onegrid_border.patrol import Patrol
from onegrid_border.route import ROUTE, Route
from onegrid_border.store import alarms as alarm_store
from onegrid_border.store import patrols as store
from onegrid_border.store import routes, units
from onegrid_border.store.cells import known_cells
from onegrid_border.unit import UNIT, Unit
from onegrid_kit import ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_kit.timestamps import timestamp

__all__ = [
    "PlanPatrol",
    "announce_planned",
    "cancel_patrol",
    "cancelled",
    "new_patrol",
    "plan_patrol",
    "request_welfare_check",
]

_FURTHEST: Final = timedelta(days=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPatrol:
    """A patrol that is to take place."""

    unit: str
    """The unit's id."""
    route: str
    """The route's id."""
    leader: str
    start_time: datetime
    grace: timedelta


def plan_patrol(conn: Connection, command: PlanPatrol, call: Call) -> Patrol:
    """Plan a patrol. Raises NotFound, UnitRetired, RouteRetired, or InvalidRequest for its start."""
    if not call.now - CLOCKS_DIFFER <= command.start_time <= call.now + _FURTHEST:
        raise InvalidRequest(FieldViolation("start_time", "is past, or more than 60 days ahead"))
    unit = units.find_unit(conn, command.unit)
    if unit is None:
        raise NotFound(UNIT.name(command.unit))
    if unit.retire_time is not None:
        raise UnitRetired(unit.name)
    route = routes.find_route(conn, command.route, command.start_time)
    if route is None:
        raise NotFound(ROUTE.name(command.route))
    if route.retire_time is not None:
        raise RouteRetired(route.name)
    new = new_patrol(unit, route, command.leader, command.start_time, call, grace=command.grace)
    store.insert_patrol(conn, new)
    look_soon(conn, [new.id], call.now)
    announce_planned(conn, new, call)
    return new


def new_patrol(
    unit: Unit, route: Route, leader: str, start_time: datetime, call: Call, *, grace: timedelta, shift: str = ""
) -> Patrol:
    """A patrol of a unit on a route, as it is before anything was recorded."""
    planned = Patrol(
        id=f"{unit.district}-{ids.new_id()}",
        unit=unit.id,
        route=route.id,
        route_revision=route.revision,
        planned_leader=leader,
        lone=unit.lone,
        shift=shift,
        start_due_time=start_time,
        grace=grace,
        create_time=call.now,
        update_time=call.now,
    )
    return patrol_log.judged(planned, route.course, patrol_log.Log((), {}), call.now)[0]


def announce_planned(conn: Connection, patrol: Patrol, call: Call, former_leader: str = "") -> None:
    """Announce a patrol that was planned, or whose plan has changed; and who was to lead it before, if another was."""
    event = events_pb2.PatrolPlanned(
        patrol=messages.patrol(patrol),
        unit_display_name=units.display_name_of(conn, patrol.unit),
        route_display_name=_route_name(conn, patrol),
        former_leader=former_leader,
    )
    outbox.append(conn, call, [(patrol.name, event)])


def cancel_patrol(conn: Connection, id_: str, reason: str, etag: str, call: Call) -> Patrol:
    """Have a patrol not take place. Raises PermissionDenied, NotFound, StaleEtag, PersonInText or PatrolWrongState."""
    require_nobody(partial(known_cells, conn), reason=reason)
    before = _locked(conn, id_, call)
    require_fresh(before.name, before.etag, etag)
    if before.cancel_time is not None:
        return before
    if before.state != PatrolState.PATROL_STATE_PLANNED:
        raise PatrolWrongState(before.name, before.state_name)
    return cancelled(conn, before, reason, call)


def cancelled(conn: Connection, before: Patrol, reason: str, call: Call) -> Patrol:
    """A patrol that is locked, and has not started, without it taking place; its alarms are retracted."""
    after = replace(
        before,
        state=PatrolState.PATROL_STATE_CANCELLED,
        cancel_reason=reason,
        cancel_time=call.now,
        version=before.version + 1,
        update_time=call.now,
    )
    store.update_patrols(conn, [after])
    ended = changed_alarms(after, (), (), alarm_store.alarms_of(conn, [after.id])[after.id], call.now)
    alarming.keep(conn, ended, call.now)
    event = events_pb2.PatrolCancelled(
        patrol=messages.patrol(after),
        unit_display_name=units.display_name_of(conn, after.unit),
        route_display_name=_route_name(conn, after),
    )
    outbox.append(conn, call, [*map(alarming.news_of, ended), (after.name, event)])
    return after


def request_welfare_check(conn: Connection, id_: str, within: timedelta, call: Call) -> datetime:
    """Ask whether all is well; until when that must be answered. Raises PermissionDenied, NotFound or
    PatrolWrongState.
    """
    patrol = _locked(conn, id_, call)
    if not patrol.out:
        raise PatrolWrongState(patrol.name, patrol.state_name)
    check = store.insert_check(conn, patrol, call.now, call.now + within)
    look_soon(conn, [patrol.id], call.now)
    event = events_pb2.WelfareCheckRequested(
        patrol=messages.patrol(patrol),
        answer_due_time=timestamp(check.due_time),
        unit_display_name=units.display_name_of(conn, patrol.unit),
    )
    outbox.append(conn, call, [(patrol.name, event)])
    return check.due_time


def _locked(conn: Connection, id_: str, call: Call) -> Patrol:
    return allowed(store.lock_patrols(conn, [id_]).get(id_), id_, call)


def _route_name(conn: Connection, patrol: Patrol) -> str:
    route = routes.find_route(conn, patrol.route, patrol.start_due_time)
    return "" if route is None else route.course.display_name
