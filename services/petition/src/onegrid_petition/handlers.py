"""What petition does when others, or itself, announce something."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.border.v1.events_pb2 import RepairRequested
from onegrid.emergency.v1 import events_pb2 as emergency_events
from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined, FindingTransferred
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.clock import day_in_china
from onegrid_kit.events import Delivery, on
from onegrid_kit.incidents import LaterStep, first_step, later_step
from onegrid_petition import store
from onegrid_petition.commands.emergencies import follow_incident, track_incident
from onegrid_petition.commands.origins import file_for_aid, file_for_finding, file_for_repair
from onegrid_petition.petition import PETITION

__all__ = ["HANDLERS", "keep_cell", "keep_department", "keep_division"]

_TrackedStep = (
    emergency_events.AllClearDeclared | emergency_events.IncidentDismissed | emergency_events.IncidentReopened
)


def keep_division(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """Keep a division's code and name."""
    store.keep_place(conn, event.code, event.version, event.display_name)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Keep a cell's ground and the first of its grid workers, and have the routing know it."""
    boundary = [(corner.longitude, corner.latitude) for corner in event.boundary.corners]
    worker = event.appointments[-1].user if event.appointments else ""
    store.keep_place(conn, event.code, event.version, event.display_name, grid_worker=worker, boundary=boundary)


def keep_department(conn: Connection, event: DepartmentDefined, _: Delivery) -> None:
    """Keep a department's name."""
    store.keep_department(conn, event.code, event.version, event.display_name)


def index_words(conn: Connection, event: events_pb2.PetitionFiled, _: Delivery) -> None:
    """Index the text of a new petition for search."""
    petition = store.load_petition(conn, PETITION.id(event.step.petition))
    if petition is not None:
        store.index_words(conn, petition)


def count_filed(conn: Connection, event: events_pb2.PetitionFiled, _: Delivery) -> None:
    """Count a filing."""
    _count(conn, event.step, "filed")


def count_accepted(conn: Connection, event: events_pb2.PetitionAccepted, _: Delivery) -> None:
    """Count an acceptance."""
    _count(conn, event.step, "accepted")


def count_declined(conn: Connection, event: events_pb2.PetitionDeclined, _: Delivery) -> None:
    """Count a refusal."""
    _count(conn, event.step, "declined")


def count_concluded(conn: Connection, event: events_pb2.TaskConcluded, _: Delivery) -> None:
    """Count a conclusion, once the lead's."""
    if event.step.state == State.STATE_CONCLUDED:
        _count(conn, event.step, "concluded")


def count_rated(conn: Connection, event: events_pb2.PetitionRated, _: Delivery) -> None:
    """Count a petitioner's rating."""
    _count(conn, event.step, "rated", *(["satisfied"] if event.rating.satisfied else ["reopened"]))


def count_verified(conn: Connection, event: events_pb2.PetitionVerified, _: Delivery) -> None:
    """Count what goes back to its lead because it was found unsolved."""
    if not event.verification.satisfied:
        _count(conn, event.step, "reopened")


def track_reported(conn: Connection, event: emergency_events.IncidentReported, delivery: Delivery) -> None:
    """Link a petition to the incident that was made of it."""
    step = first_step(event)
    track_incident(conn, step, step.sources, delivery.call())


def track_moved(conn: Connection, event: emergency_events.ReportsMoved, delivery: Delivery) -> None:
    """Link petitions to the incident that has their reports now."""
    track_incident(conn, later_step(event), event.sources, delivery.call())


def track_step(conn: Connection, event: _TrackedStep, delivery: Delivery) -> None:
    """Note in the timelines of petitions that their incident is over, or goes on."""
    track_incident(conn, later_step(event), event.step.sources, delivery.call())


def follow_step(conn: Connection, event: LaterStep, _: Delivery) -> None:
    """Keep where an incident stands and which petitions are part of it."""
    follow_incident(conn, later_step(event))


def _count(conn: Connection, step: events_pb2.Step, *columns: str) -> None:
    store.add_to_tally(conn, step.place, day_in_china(step.time.ToDatetime(tzinfo=UTC)), columns)


HANDLERS = (
    on("keep_division", DivisionDefined, keep_division),
    on("keep_cell", CellDefined, keep_cell),
    on("keep_department", DepartmentDefined, keep_department),
    on("file_for_aid", AidRequested, file_for_aid),
    on("file_for_finding", FindingTransferred, file_for_finding),
    on("file_for_repair", RepairRequested, file_for_repair),
    on("track_incident_reported", emergency_events.IncidentReported, track_reported),
    on("track_reports_moved", emergency_events.ReportsMoved, track_moved),
    on("track_all_clear", emergency_events.AllClearDeclared, track_step),
    on("track_dismissed", emergency_events.IncidentDismissed, track_step),
    on("track_reopened", emergency_events.IncidentReopened, track_step),
    on("follow_responded", emergency_events.IncidentResponded, follow_step),
    on("follow_graded", emergency_events.IncidentGraded, follow_step),
    on("follow_reviewed", emergency_events.IncidentReviewed, follow_step),
    on("follow_merged", emergency_events.IncidentMerged, follow_step),
    on("follow_detached", emergency_events.ReportsDetached, follow_step),
    on("index_words", events_pb2.PetitionFiled, index_words),
    on("count_filed", events_pb2.PetitionFiled, count_filed),
    on("count_accepted", events_pb2.PetitionAccepted, count_accepted),
    on("count_declined", events_pb2.PetitionDeclined, count_declined),
    on("count_concluded", events_pb2.TaskConcluded, count_concluded),
    on("count_rated", events_pb2.PetitionRated, count_rated),
    on("count_verified", events_pb2.PetitionVerified, count_verified),
)
