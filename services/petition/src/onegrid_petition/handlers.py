"""What petition does when others, or itself, announce something."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, Table
from sqlalchemy.dialects.postgresql import insert

from onegrid.grid.v1.events_pb2 import CellDefined, DivisionDefined
from onegrid.identity.v1.events_pb2 import DepartmentDefined
from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit import codes
from onegrid_kit.clock import CHINA
from onegrid_kit.events import Delivery, on
from onegrid_petition import store, tables, words

__all__ = ["HANDLERS"]


def keep_division(conn: Connection, event: DivisionDefined, _: Delivery) -> None:
    """Keep a division's code and name."""
    _keep(
        conn,
        tables.place,
        event.code,
        event.version,
        {"display_name": event.display_name, "grid_worker": "", "boundary": None},
    )


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Keep a cell's ground and the first of its grid workers, and have the routing know it."""
    boundary = [[corner.longitude, corner.latitude] for corner in event.boundary.corners]
    worker = event.appointments[-1].user if event.appointments else ""
    _keep(
        conn,
        tables.place,
        event.code,
        event.version,
        {"display_name": event.display_name, "grid_worker": worker, "boundary": boundary},
    )


def keep_department(conn: Connection, event: DepartmentDefined, _: Delivery) -> None:
    """Keep a department's name."""
    _keep(conn, tables.department, event.code, event.version, {"display_name": event.display_name})


def index_words(conn: Connection, event: events_pb2.PetitionFiled, _: Delivery) -> None:
    """Make a new petition findable by its words."""
    petition_id = event.step.petition.removeprefix("petitions/")
    petition = store.load_petition(conn, petition_id)
    if petition is not None:
        store.replace_grams(conn, petition_id, words.grams(f"{petition.text}\n{petition.address}"))


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


def _keep(conn: Connection, table: Table, code: str, version: int, values: dict[str, object]) -> None:
    """Store what is newer than what is there; events may come late or twice."""
    statement = insert(table).values(district=codes.district_of(code), code=code, version=version, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.district, table.c.code],
            set_={name: statement.excluded[name] for name in ("version", *values)},
            where=table.c.version < statement.excluded.version,
        )
    )
    conn.execute(tables.ground_version.update().values(version=tables.ground_version.c.version + 1))


def _count(conn: Connection, step: events_pb2.Step, *columns: str) -> None:
    moment: datetime = step.time.ToDatetime(tzinfo=UTC)
    table = tables.tally
    statement = insert(table).values(
        district=codes.district_of(step.place),
        place=step.place,
        day=moment.astimezone(CHINA).date(),
        **dict.fromkeys(columns, 1),
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.district, table.c.place, table.c.day],
            set_={name: table.c[name] + 1 for name in columns},
        )
    )


HANDLERS = (
    on(DivisionDefined, keep_division),
    on(CellDefined, keep_cell),
    on(DepartmentDefined, keep_department),
    on(events_pb2.PetitionFiled, index_words),
    on(events_pb2.PetitionFiled, count_filed),
    on(events_pb2.PetitionAccepted, count_accepted),
    on(events_pb2.PetitionDeclined, count_declined),
    on(events_pb2.TaskConcluded, count_concluded),
    on(events_pb2.PetitionRated, count_rated),
    on(events_pb2.PetitionVerified, count_verified),
)
