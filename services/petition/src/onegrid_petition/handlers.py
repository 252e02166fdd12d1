"""What petition does when others, or itself, announce something."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.clock import day_in_china
from onegrid_kit.events import Delivery, on
from onegrid_petition import store
from onegrid_petition.commands.aid import file_for_aid
from onegrid_petition.petition import PETITION

__all__ = ["HANDLERS", "keep_cell", "keep_department", "keep_division"]


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


def _count(conn: Connection, step: events_pb2.Step, *columns: str) -> None:
    store.add_to_tally(conn, step.place, day_in_china(step.time.ToDatetime(tzinfo=UTC)), columns)


HANDLERS = (
    on("keep_division", DivisionDefined, keep_division),
    on("keep_cell", CellDefined, keep_cell),
    on("keep_department", DepartmentDefined, keep_department),
    on("file_for_aid", AidRequested, file_for_aid),
    on("index_words", events_pb2.PetitionFiled, index_words),
    on("count_filed", events_pb2.PetitionFiled, count_filed),
    on("count_accepted", events_pb2.PetitionAccepted, count_accepted),
    on("count_declined", events_pb2.PetitionDeclined, count_declined),
    on("count_concluded", events_pb2.TaskConcluded, count_concluded),
    on("count_rated", events_pb2.PetitionRated, count_rated),
    on("count_verified", events_pb2.PetitionVerified, count_verified),
)
