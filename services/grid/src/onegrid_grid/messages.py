"""Between the contract's messages and grid's records."""

from __future__ import annotations

from typing import Any

from onegrid.common.v1.common_pb2 import Point, Polygon
from onegrid.grid.v1 import events_pb2, findings_pb2, organizations_pb2, resources_pb2, rounds_pb2
from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid_grid.finding import Finding
from onegrid_grid.inspection_round import ROUND, Round
from onegrid_grid.registry import CELL, Appointment, Cell, Division
from onegrid_kit import codes, incidents
from onegrid_kit.field.listing import fields_of
from onegrid_kit.field.model import JudgedEntry
from onegrid_kit.geometry import Ring
from onegrid_kit.locations import point
from onegrid_kit.names import ResourceName
from onegrid_kit.timestamps import timestamp

__all__ = [
    "appointment",
    "appointment_ended",
    "cell",
    "cell_defined",
    "division",
    "division_defined",
    "finding",
    "party_organization",
    "ring",
    "round_",
    "round_entry",
]

_PARTY_ORGANIZATION = ResourceName("organizations/{organization}")


def division(of: Division) -> resources_pb2.Division:
    """The division as a message."""
    return resources_pb2.Division(
        name=of.name,
        code=of.code,
        level=of.level,
        display_name=of.display_name,
        parent=codes.parent_of(of.code),
        etag=str(of.version),
        update_time=timestamp(of.update_time),
    )


def cell(of: Cell) -> resources_pb2.Cell:
    """The cell as a message."""
    return resources_pb2.Cell(
        name=of.name,
        code=of.code,
        display_name=of.display_name,
        boundary=_polygon(of.boundary),
        area_m2=of.area_m2,
        appointments=[appointment(each) for each in of.appointments],
        etag=str(of.version),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )


def appointment(of: Appointment) -> resources_pb2.Appointment:
    """The appointment as a message."""
    return resources_pb2.Appointment(
        name=of.name,
        user=of.user,
        post=of.post,
        start_time=timestamp(of.start_time),
        end_time=timestamp(of.end_time),
    )


def division_defined(of: Division) -> events_pb2.DivisionDefined:
    """The event that announces the division."""
    return events_pb2.DivisionDefined(code=of.code, level=of.level, display_name=of.display_name, version=of.version)


def cell_defined(of: Cell) -> events_pb2.CellDefined:
    """The event that announces the cell's current state."""
    return events_pb2.CellDefined(
        code=of.code,
        display_name=of.display_name,
        boundary=_polygon(of.boundary),
        appointments=[appointment(each) for each in of.appointments],
        version=of.version,
    )


def appointment_ended(of: Appointment, cell_display_name: str) -> events_pb2.AppointmentEnded:
    """The event that announces that an appointment to a cell of this name ended."""
    return events_pb2.AppointmentEnded(cell_display_name=cell_display_name, appointment=appointment(of))


def round_(of: Round) -> rounds_pb2.Round:
    """The round as a message."""
    made = rounds_pb2.Round(
        name=of.name,
        cell=CELL.name(of.cell),
        state=of.state,
        worker=of.worker,
        start_time=timestamp(of.start_time),
        finish_time=timestamp(of.finish_time),
        entry_time=timestamp(of.entry_time),
        entries=of.entries,
        visits=of.visits,
        findings=of.findings,
        track_m=of.track_m,
        marks=of.marks,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )
    made.duration.FromTimedelta(of.duration)
    return made


def round_entry(of: JudgedEntry, record: RoundRecord) -> rounds_pb2.RoundEntry:
    """An entry of a round's log as a message."""
    return rounds_pb2.RoundEntry(**fields_of(of), record=record)


def finding(of: Finding) -> findings_pb2.Finding:
    """The finding as a message."""
    return findings_pb2.Finding(
        name=of.name,
        round=ROUND.name(of.round),
        entry_id=of.entry_id,
        kind=of.kind,
        hazard_level=of.hazard_level,
        text=of.text,
        media=of.media,
        location=point(of.location),
        place=of.place,
        time=timestamp(of.time),
        anchored=of.anchored,
        marks=of.marks,
        create_time=timestamp(of.create_time),
        escalate_time=timestamp(of.escalate_time),
        transfer_time=timestamp(of.transfer_time),
        petition=of.petition,
        **incidents.fields_of(of.incident),
    )


def party_organization(row: Any) -> organizations_pb2.PartyOrganization:
    """The Party organization of a row as a message."""
    return organizations_pb2.PartyOrganization(
        organization=_PARTY_ORGANIZATION.name(row.id),
        display_name=row.display_name,
        kind=row.kind,
        form=row.form,
        parent=row.parent,
        location=None if row.longitude is None else Point(longitude=row.longitude, latitude=row.latitude),
        cells=row.cells,
    )


def ring(of: Polygon) -> Ring:
    """The polygon's corners."""
    return [(corner.longitude, corner.latitude) for corner in of.corners]


def _polygon(of: Ring) -> Polygon:
    return Polygon(corners=[Point(longitude=longitude, latitude=latitude) for longitude, latitude in of])
