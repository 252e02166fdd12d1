"""Units: defined, retired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from onegrid_border import messages
from onegrid_border.commands.shifts import plan_shifts
from onegrid_border.store import units as store
from onegrid_border.unit import UNIT, Unit
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.names import code_in

__all__ = ["DefineUnit", "define_unit", "retire_unit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineUnit:
    """A unit as it is to be."""

    id: str
    display_name: str
    roster: str
    lone: bool
    shift_route: str
    shift_start: timedelta
    alarm_roster: str
    etag: str


def define_unit(conn: Connection, command: DefineUnit, call: Call) -> Unit:
    """Enter a unit, or make it what it is to be. Raises StaleEtag, or InvalidRequest for the roster of its alarms."""
    _require_near(command)
    before = store.lock_unit(conn, command.id)
    require_fresh(UNIT.name(command.id), "" if before is None else before.etag, command.etag)
    if before is None:
        after = Unit(
            id=command.id,
            display_name=command.display_name,
            roster=command.roster,
            lone=command.lone,
            shift_route=command.shift_route,
            shift_start=command.shift_start,
            alarm_roster=command.alarm_roster,
            create_time=call.now,
            update_time=call.now,
        )
    else:
        after = replace(
            before,
            display_name=command.display_name,
            roster=command.roster,
            lone=command.lone,
            shift_route=command.shift_route,
            shift_start=command.shift_start,
            alarm_roster=command.alarm_roster,
            retire_time=None,
        )
        if after == before:
            return before
        after = replace(after, version=before.version + 1, update_time=call.now)
    return _saved(conn, after, call)


def retire_unit(conn: Connection, unit: str, etag: str, call: Call) -> Unit:
    """Retire a unit. Raises NotFound or StaleEtag."""
    before = store.lock_unit(conn, unit)
    if before is None:
        raise NotFound(UNIT.name(unit))
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    after = replace(before, version=before.version + 1, retire_time=call.now, update_time=call.now)
    return _saved(conn, after, call)


def _require_near(command: DefineUnit) -> None:
    """Alarms page those alone who hear of them anyway."""
    office, of_roster = (codes.office_of(each) for each in (command.id, code_in(command.alarm_roster)))
    if of_roster not in ("", office, codes.district_of(office)):
        raise InvalidRequest(FieldViolation("unit.alarm_roster", "is no roster of the unit's office or district"))


def _saved(conn: Connection, unit: Unit, call: Call) -> Unit:
    store.save_unit(conn, unit)
    plan_shifts(conn, unit, call)
    outbox.append(conn, call, [(unit.name, messages.unit_defined(unit))])
    return unit
