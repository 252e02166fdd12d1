"""What border does when others announce something."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import ShiftCancelled, ShiftChanged, ShiftScheduled
from onegrid.emergency.v1 import events_pb2 as emergency_events
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid_border.commands.looking import look_soon
from onegrid_border.commands.observations import follow_incident
from onegrid_border.commands.shifts import follow_shift
from onegrid_border.shift import Shift
from onegrid_border.store import cells, patrols, shifts
from onegrid_kit.events import Delivery, on
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.handlers import keeping_device_keys
from onegrid_kit.incidents import LaterStep, first_step, later_step

__all__ = ["HANDLERS"]

_JUDGED_ANEW: Final = timedelta(days=30)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Know a cell: whose a position is, and that its code is no old identity number, though it has as many digits."""
    boundary = [(corner.longitude, corner.latitude) for corner in event.boundary.corners]
    cells.keep_cell(conn, event.code, event.version, boundary)


def judge_anew(conn: Connection, key: DeviceKey, delivery: Delivery) -> None:
    """Judge anew what a device signed: it may be known by now that it was lost."""
    look_soon(conn, patrols.recent_of(conn, key.name, delivery.time - _JUDGED_ANEW), delivery.time)


def keep_shift(conn: Connection, event: ShiftScheduled | ShiftChanged | ShiftCancelled, delivery: Delivery) -> None:
    """Have the patrols of a shift follow it."""
    shift = Shift(
        name=event.shift.name,
        version=event.shift.revision,
        roster=event.shift.roster,
        user=event.shift.user,
        begin=event.shift.begin_time.ToDatetime(UTC),
        end=event.shift.end_time.ToDatetime(UTC),
        cancelled=isinstance(event, ShiftCancelled),
    )
    if shifts.keep_shift(conn, shift):
        follow_shift(conn, shift, delivery.call())


def follow_reported(conn: Connection, event: emergency_events.IncidentReported, _: Delivery) -> None:
    """Link an observation to the incident that was made of it."""
    follow_incident(conn, first_step(event))


def follow_step(conn: Connection, event: LaterStep, _: Delivery) -> None:
    """Keep where an incident stands and which observations are part of it."""
    follow_incident(conn, later_step(event))


HANDLERS = (
    on("keep_cell", CellDefined, keep_cell),
    keeping_device_keys(judge_anew),
    on("keep_scheduled_shift", ShiftScheduled, keep_shift),
    on("keep_changed_shift", ShiftChanged, keep_shift),
    on("keep_cancelled_shift", ShiftCancelled, keep_shift),
    on("follow_reported", emergency_events.IncidentReported, follow_reported),
    on("follow_responded", emergency_events.IncidentResponded, follow_step),
    on("follow_graded", emergency_events.IncidentGraded, follow_step),
    on("follow_reviewed", emergency_events.IncidentReviewed, follow_step),
    on("follow_merged", emergency_events.IncidentMerged, follow_step),
    on("follow_moved", emergency_events.ReportsMoved, follow_step),
    on("follow_detached", emergency_events.ReportsDetached, follow_step),
    on("follow_all_clear", emergency_events.AllClearDeclared, follow_step),
    on("follow_dismissed", emergency_events.IncidentDismissed, follow_step),
    on("follow_reopened", emergency_events.IncidentReopened, follow_step),
)
