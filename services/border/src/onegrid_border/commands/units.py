"""Units: defined, retired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from onegrid_border import messages
from onegrid_border.commands.shifts import plan_shifts
from onegrid_border.store import units as store
from onegrid_border.unit import UNIT, Unit
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.etags import require_fresh

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
    etag: str


def define_unit(conn: Connection, command: DefineUnit, call: Call) -> Unit:
    """Enter a unit, or make it what it is to be. Raises StaleEtag."""
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


def _saved(conn: Connection, unit: Unit, call: Call) -> Unit:
    store.save_unit(conn, unit)
    plan_shifts(conn, unit, call)
    outbox.append(conn, call, [(unit.name, messages.unit_defined(unit))])
    return unit
