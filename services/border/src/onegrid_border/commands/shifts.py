"""Patrols that follow the shifts of a roster: planned with them, changed with them, until they have started."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import PatrolState
from onegrid_border.commands.looking import look_soon
from onegrid_border.commands.patrols import announce_planned, cancelled, new_patrol
from onegrid_border.patrol import GRACE, Patrol
from onegrid_border.route import ROUTE
from onegrid_border.shift import Shift
from onegrid_border.store import patrols as store
from onegrid_border.store import routes, shifts, units
from onegrid_border.unit import Unit
from onegrid_kit.callers import Call

__all__ = ["follow_shift", "plan_shifts"]

_AHEAD: Final = timedelta(days=60)
_CANCELLED: Final = "班次已取消"
_NOT_PATROLLED: Final = "该分队不再按此班次巡逻"


def follow_shift(conn: Connection, shift: Shift, call: Call) -> None:
    """Plan the patrols of a shift as it is now, or change those that were planned for it."""
    of_units = {unit.id: unit for unit in units.units_on(conn, shift.roster)}
    _follow(conn, shift, of_units.values(), store.patrols_of_shift(conn, shift.district, shift.name), call)


def plan_shifts(conn: Connection, unit: Unit, call: Call) -> None:
    """Plan the patrols of a unit that was defined anew, for the shifts of its roster to come; those that were planned
    for other shifts, or on another route, are cancelled.
    """
    follows = bool(unit.roster and unit.shift_route) and unit.retire_time is None
    to_come = shifts.shifts_to_come(conn, unit.district, unit.roster, call.now) if follows else []
    standing = store.planned_of_unit(conn, unit.id, call.now)
    for patrol in standing:
        if patrol.shift not in {shift.name for shift in to_come}:
            cancelled(conn, patrol, _NOT_PATROLLED, call)
    for shift in to_come:
        _follow(conn, shift, [unit], [each for each in standing if each.shift == shift.name], call)


def _follow(conn: Connection, shift: Shift, of_units: Iterable[Unit], standing: Iterable[Patrol], call: Call) -> None:
    by_unit = {patrol.unit: patrol for patrol in standing}
    for unit in of_units:
        before = by_unit.get(unit.id)
        if before is None:
            _plan(conn, unit, shift, call)
        elif before.state == PatrolState.PATROL_STATE_PLANNED:
            _change(conn, before, unit, shift, call)


def _plan(conn: Connection, unit: Unit, shift: Shift, call: Call) -> None:
    start_time = shift.begin + unit.shift_start
    if shift.cancelled or not call.now <= start_time <= call.now + _AHEAD:
        return
    route = routes.find_route(conn, ROUTE.id(unit.shift_route), start_time)
    if route is None or route.retire_time is not None:
        return
    new = new_patrol(unit, route, shift.user, start_time, call, grace=GRACE, shift=shift.name)
    if store.insert_patrol(conn, new):
        look_soon(conn, [new.id], call.now)
        announce_planned(conn, new, call)


def _change(conn: Connection, before: Patrol, unit: Unit, shift: Shift, call: Call) -> None:
    if shift.cancelled:
        cancelled(conn, before, _CANCELLED, call)
        return
    after = replace(
        before,
        planned_leader=shift.user,
        leader=shift.user,
        start_due_time=shift.begin + unit.shift_start,
        route=ROUTE.id(unit.shift_route),
        lone=unit.lone,
    )
    if after != before:
        after = replace(after, version=before.version + 1, update_time=call.now)
        store.update_patrols(conn, [after])
        look_soon(conn, [after.id], call.now)
        announce_planned(conn, after, call, before.leader if before.leader != after.leader else "")
