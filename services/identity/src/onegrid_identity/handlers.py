"""What identity does when others announce something."""

from __future__ import annotations

from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import (
    ShiftAuthority,
    ShiftCancelled,
    ShiftChanged,
    ShiftElevated,
    ShiftScheduled,
)
from onegrid.emergency.v1.events_pb2 import PlanActivated, PlanDeactivated
from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid_identity import store
from onegrid_identity.accounts import ROLE, USER, TemporaryRole
from onegrid_identity.commands import temporary_roles
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS"]


def keep_division_code(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """A role can be held over the division from now on."""
    store.keep_place(conn, event.code)


def keep_cell_code(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """A role can be held over the cell from now on."""
    store.keep_place(conn, event.code)


def follow_shift(conn: Connection, event: ShiftScheduled | ShiftChanged | ShiftCancelled, delivery: Delivery) -> None:
    """Whoever is on duty holds the role of the duty meanwhile."""
    authority = ShiftAuthority() if isinstance(event, ShiftCancelled) else event.authority
    period = event.shift.begin_time, event.shift.end_time
    role = _role(event.shift.name, event.shift.revision, event.shift.user, authority, *period)
    temporary_roles.follow(conn, role, delivery.call())


def follow_elevated_shift(conn: Connection, event: ShiftElevated, delivery: Delivery) -> None:
    """Whoever is on duty holds what a plan gives them meanwhile."""
    source = f"{event.elevation}/{event.shift.name}"
    period = event.begin_time, event.end_time
    role = _role(source, event.revision, event.shift.user, event.authority, *period)
    temporary_roles.follow(conn, role, delivery.call())


def follow_plan(conn: Connection, event: PlanActivated | PlanDeactivated, delivery: Delivery) -> None:
    """Whom a plan elevates holds the role for as long as it lasts. For its rosters duty says who that is."""
    activation = event.activation
    revision = 1 if isinstance(event, PlanActivated) else 2
    for each in activation.elevations:
        elevation = each.elevation
        if not elevation.holder.startswith("users/"):
            continue
        authority = ShiftAuthority(scope=elevation.scope, definer=activation.guarantor)
        if revision == 1:
            authority.role = elevation.role
        period = activation.activate_time, activation.expire_time
        role = _role(each.name, revision, elevation.holder, authority, *period)
        temporary_roles.follow(conn, role, delivery.call())


def _role(
    source: str, revision: int, user: str, authority: ShiftAuthority, begin: Timestamp, end: Timestamp
) -> TemporaryRole:
    """What is granted for a source; nothing, if it names no role."""
    given = bool(authority.role)
    return TemporaryRole(
        source=source,
        revision=revision,
        user=USER.id(user) if given else "",
        role=ROLE.id(authority.role) if given else "",
        scope=authority.scope,
        guarantor=USER.id(authority.definer) if given else "",
        begin=begin.ToDatetime(UTC),
        end=end.ToDatetime(UTC),
        pending=given,
    )


HANDLERS = (
    on("follow_scheduled_shift", ShiftScheduled, follow_shift),
    on("follow_changed_shift", ShiftChanged, follow_shift),
    on("follow_cancelled_shift", ShiftCancelled, follow_shift),
    on("follow_elevated_shift", ShiftElevated, follow_elevated_shift),
    on("follow_activated_plan", PlanActivated, follow_plan),
    on("follow_deactivated_plan", PlanDeactivated, follow_plan),
    on("keep_division_code", DivisionDefined, keep_division_code),
    on("keep_cell_code", CellDefined, keep_cell_code),
)
