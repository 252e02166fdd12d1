"""What border does when others announce something."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import PageTaken, ShiftCancelled, ShiftChanged, ShiftScheduled
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.petition.v1 import events_pb2 as petition_events
from onegrid_border.commands.alarms import take_alarm
from onegrid_border.commands.defects import follow_petition
from onegrid_border.commands.incidents import follow_incident
from onegrid_border.commands.looking import look_soon, walked_with
from onegrid_border.commands.shifts import follow_shift
from onegrid_border.shift import Shift
from onegrid_border.store import cells, shifts
from onegrid_kit.events import Delivery, on
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.handlers import keeping_device_keys
from onegrid_kit.incident_links import following_incidents
from onegrid_kit.timestamps import moment

__all__ = ["HANDLERS"]

_PetitionStep = (
    petition_events.PetitionFiled
    | petition_events.PetitionAccepted
    | petition_events.PetitionDeclined
    | petition_events.PetitionDispatched
    | petition_events.TaskTaken
    | petition_events.TaskReturned
    | petition_events.TaskConcluded
    | petition_events.PetitionRated
    | petition_events.PetitionVerified
    | petition_events.PetitionWithdrawn
    | petition_events.PetitionClosed
)
"""The steps that change where a petition stands."""


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Know a cell: whose a position is, and that its code is no old identity number, though it has as many digits."""
    boundary = [(corner.longitude, corner.latitude) for corner in event.boundary.corners]
    cells.keep_cell(conn, event.code, event.version, boundary)


def judge_anew(conn: Connection, key: DeviceKey, delivery: Delivery) -> None:
    """Judge anew what a device signed: it may be known by now that it was lost."""
    look_soon(conn, walked_with(conn, key.name, delivery.time), delivery.time)


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


def follow_page(conn: Connection, event: PageTaken, delivery: Delivery) -> None:
    """Have whoever took the page of an alarm look after it."""
    page = event.page
    if page.alarm:
        take_alarm(conn, page.alarm, moment(page.alarm_raise_time), page.acknowledger, delivery.call())


def follow_repair(conn: Connection, event: _PetitionStep, _: Delivery) -> None:
    """Keep which petition the repair of a defect has become, and where that stands."""
    follow_petition(conn, event.step)


HANDLERS = (
    on("keep_cell", CellDefined, keep_cell),
    keeping_device_keys(judge_anew),
    on("keep_scheduled_shift", ShiftScheduled, keep_shift),
    on("keep_changed_shift", ShiftChanged, keep_shift),
    on("keep_cancelled_shift", ShiftCancelled, keep_shift),
    on("follow_taken_page", PageTaken, follow_page),
    *following_incidents(follow_incident),
    on("follow_repair_filed", petition_events.PetitionFiled, follow_repair),
    on("follow_repair_accepted", petition_events.PetitionAccepted, follow_repair),
    on("follow_repair_declined", petition_events.PetitionDeclined, follow_repair),
    on("follow_repair_dispatched", petition_events.PetitionDispatched, follow_repair),
    on("follow_repair_task_taken", petition_events.TaskTaken, follow_repair),
    on("follow_repair_task_returned", petition_events.TaskReturned, follow_repair),
    on("follow_repair_task_concluded", petition_events.TaskConcluded, follow_repair),
    on("follow_repair_rated", petition_events.PetitionRated, follow_repair),
    on("follow_repair_verified", petition_events.PetitionVerified, follow_repair),
    on("follow_repair_withdrawn", petition_events.PetitionWithdrawn, follow_repair),
    on("follow_repair_closed", petition_events.PetitionClosed, follow_repair),
)
