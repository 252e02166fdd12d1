"""The statements over petition's tables, each named for what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Connection, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.petition.v1.resources_pb2 import Action, Actor, Kind, Part, State, TaskState
from onegrid_kit import codes
from onegrid_kit.batches import BatchStatement
from onegrid_kit.paging import Position, behind
from onegrid_kit.projections import keep_newest
from onegrid_kit.versioned import LoadStatement
from onegrid_petition import bigrams, lifecycle
from onegrid_petition.deadlines import Promise
from onegrid_petition.petition import (
    WORK_ITEM,
    Attachment,
    Decision,
    Entry,
    Known,
    Location,
    Petition,
    Rating,
    Task,
    WorkItem,
)
from onegrid_petition.tables import department, ground_version, petition, place, search, tally, timeline

__all__ = [
    "add_to_tally",
    "confirm_deadline",
    "decision_row",
    "entries",
    "entries_after",
    "file_petitions",
    "filed_row",
    "index_words",
    "keep_department",
    "keep_place",
    "known_petitions",
    "load_petition",
    "office_names",
    "petitions_by_id",
    "petitions_to_index",
    "petitions_with_estimates",
    "take_steps",
    "with_tasks",
]

file_petitions = BatchStatement(
    """
    district text, id text, kind smallint, text text, petitioner text, petitioner_kind smallint, organization text,
    anonymous boolean, contact_phone text, place text, longitude double precision, latitude double precision, address
    text, grid_worker text, attachments jsonb, responsible text, accept_due_time timestamptz, create_time timestamptz
    """,
    f"""
    filed AS (
      INSERT INTO petition (
        district, id, sequence, kind, state, text, petitioner, petitioner_kind, organization, anonymous, contact_phone,
        place, longitude, latitude, address, grid_worker, attachments, work_item, responsible, reopen_count,
        accept_due_time, create_time, update_time, end_reason)
      SELECT district, id, 1, kind, {State.STATE_FILED:d}, text, petitioner, petitioner_kind, organization, anonymous,
             decode(contact_phone, 'hex'), place, longitude, latitude, address, grid_worker, attachments, '',
             responsible, 0, accept_due_time, create_time, create_time, ''
      FROM fresh
    )
    """,
    f"""
    stepped AS (
      INSERT INTO timeline (
        district, petition, sequence, time, action, actor, office, office_display_name, state, assignees, public_note,
        internal_note, stars)
      SELECT district, id, 1, create_time, {Action.ACTION_FILE:d}, {Actor.ACTOR_PETITIONER:d}, '', '',
             {State.STATE_FILED:d}, '{{}}', '', '', 0
      FROM fresh
    )
    """,
)
"""Stores new petitions and the first step of each; see `filed_row`."""


def filed_row(p: Petition) -> dict[str, object]:
    """What `file_petitions` stores of a new petition."""
    return {
        "district": p.district,
        "id": p.id,
        "kind": p.kind,
        "text": p.text,
        "petitioner": p.petitioner,
        "petitioner_kind": p.petitioner_kind,
        "organization": p.organization,
        "anonymous": p.anonymous,
        "contact_phone": None if p.sealed_phone is None else p.sealed_phone.hex(),
        "place": p.place,
        "longitude": p.location.longitude if p.location else None,
        "latitude": p.location.latitude if p.location else None,
        "address": p.address,
        "grid_worker": p.grid_worker,
        "attachments": _attachments_json(p.attachments),
        "responsible": p.responsible,
        "accept_due_time": p.accept_due_time,
        "create_time": p.create_time,
    }


take_steps = BatchStatement(
    """
    district text, id text, sequence bigint, state smallint, work_item text, responsible text, rating jsonb,
    verification jsonb, reopen_count integer, accept_time timestamptz, promised_working_days integer, promise_time
    timestamptz, conclude_due_time timestamptz, conclude_due_estimated boolean, conclude_time timestamptz, end_reason
    text, action smallint, actor smallint, office text, office_display_name text, assignees text[], public_note text,
    internal_note text, stars smallint, tasks jsonb
    """,
    """
    moved AS (
      UPDATE petition SET
        sequence = fresh.sequence, state = fresh.state, work_item = fresh.work_item, responsible = fresh.responsible,
        rating = fresh.rating, verification = fresh.verification, reopen_count = fresh.reopen_count, accept_time =
        fresh.accept_time, promised_working_days = fresh.promised_working_days, promise_time = fresh.promise_time,
        conclude_due_time = fresh.conclude_due_time, conclude_due_estimated = fresh.conclude_due_estimated,
        update_time = fresh.time, conclude_time = fresh.conclude_time, end_reason = fresh.end_reason
      FROM fresh WHERE petition.district = fresh.district AND petition.id = fresh.id
    )
    """,
    """
    stepped AS (
      INSERT INTO timeline (
        district, petition, sequence, time, action, actor, office, office_display_name, state, assignees, public_note,
        internal_note, stars)
      SELECT district, id, sequence, time, action, actor, office, office_display_name, state, assignees, public_note,
             internal_note, stars
      FROM fresh
    )
    """,
    """
    handled AS (
      INSERT INTO task (
        district, petition, number, assignee, part, state, instruction, answer, due_time, create_time, take_time,
        end_time)
      SELECT fresh.district, fresh.id, task.number, task.assignee, task.part, task.state, task.instruction, task.answer,
             task.due_time, task.create_time, task.take_time, task.end_time
      FROM fresh, jsonb_to_recordset(fresh.tasks) AS task (
        number integer, assignee text, part smallint, state smallint, instruction text, answer text, due_time
        timestamptz, create_time timestamptz, take_time timestamptz, end_time timestamptz)
      ON CONFLICT (district, petition, number) DO UPDATE SET
        state = excluded.state, answer = excluded.answer, due_time = excluded.due_time,
        take_time = excluded.take_time, end_time = excluded.end_time
    )
    """,
    guard="""
      SELECT item.position FROM item
      JOIN petition ON petition.district = item.district AND petition.id = item.id
                   AND petition.sequence = item.sequence - 1
      ORDER BY petition.district, petition.id FOR UPDATE OF petition SKIP LOCKED
    """,
)
"""Stores steps of petitions that are still as they were before; see `decision_row`."""


def decision_row(decision: Decision) -> dict[str, object]:
    """What `take_steps` stores of a decision."""
    p, entry = decision.after, decision.entry
    return {
        "district": p.district,
        "id": p.id,
        "sequence": p.sequence,
        "state": p.state,
        "work_item": p.work_item,
        "responsible": p.responsible,
        "rating": _rating_json(p.rating),
        "verification": _rating_json(p.verification),
        "reopen_count": p.reopen_count,
        "accept_time": p.accept_time,
        "promised_working_days": p.promise.working_days if p.promise else None,
        "promise_time": p.promise.begin if p.promise else None,
        "conclude_due_time": p.conclude_due_time,
        "conclude_due_estimated": p.conclude_due_estimated,
        "conclude_time": p.conclude_time,
        "end_reason": p.end_reason,
        "action": entry.action,
        "actor": entry.actor,
        "office": entry.office,
        "office_display_name": entry.office_display_name,
        "assignees": entry.assignees,
        "public_note": entry.public_note,
        "internal_note": entry.internal_note,
        "stars": entry.stars,
        "tasks": [_task_json(t) for t in p.tasks if t != decision.before.task(t.number)],
    }


def _known(row: Mapping[str, Any]) -> Known:
    if row["id"] is None:
        return Known(None)
    tasks = tuple(_task(each) for each in row["tasks"] or ())
    item = row["known_work_item"]
    return Known(
        _petition(row, tasks),
        row["office_names"] or {},
        WorkItem(WORK_ITEM.name(item["id"]), item["display_name"], item["department"], item["promised_working_days"])
        if item
        else None,
    )


known_petitions = LoadStatement(
    "district text, id text, offices text[], work_item text",
    """
    petition.*, tasks.tasks, named.office_names, to_jsonb(item) AS known_work_item
    """,
    """
    LEFT JOIN petition ON petition.district = wanted.district AND petition.id = wanted.id
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(to_jsonb(task) ORDER BY number) AS tasks, array_agg(assignee) AS assignees
      FROM task WHERE task.district = petition.district AND task.petition = petition.id
    ) AS tasks ON petition.sequence > 1
    LEFT JOIN work_item AS item ON item.district = wanted.district AND item.id = wanted.work_item
    LEFT JOIN LATERAL (
      SELECT jsonb_object_agg(code, display_name) AS office_names
      FROM (
        SELECT district, code, display_name FROM department UNION ALL SELECT district, code, display_name FROM place
      ) AS office
      WHERE office.district = wanted.district
        AND office.code = ANY (wanted.offices || tasks.assignees || item.department)
    ) AS named ON wanted.offices IS NOT NULL
    """,
    _known,
)
"""Loads petitions with their tasks, and for commands what else they are decided on."""


_BY_ID = select(petition).where(
    tuple_(petition.c.district, petition.c.id).in_(
        select(
            text("district"),
            text("id"),
        ).select_from(text("unnest(CAST(:districts AS text[]), CAST(:ids AS text[])) AS wanted (district, id)"))
    )
)
_TASKS_BY_PETITION = text(
    """
    SELECT task.* FROM task
    JOIN unnest(CAST(:districts AS text[]), CAST(:ids AS text[])) AS wanted (district, id)
      ON task.district = wanted.district AND task.petition = wanted.id
    ORDER BY task.district, task.petition, task.number
    """
)


def petitions_by_id(conn: Connection, ids: Sequence[str]) -> dict[str, Petition]:
    """The petitions of these ids that exist, with their tasks."""
    keys = {"districts": [codes.district_of(id_) for id_ in ids], "ids": list(ids)}
    rows = conn.execute(_BY_ID, keys).all()
    return {p.id: p for p in with_tasks(conn, rows)}


def with_tasks(conn: Connection, rows: Sequence[Any]) -> list[Petition]:
    """The petitions of these rows, in their order, with their tasks."""
    # A petition that is not dispatched has no tasks to load.
    split = [row for row in rows if row.sequence > 1]
    tasks: dict[str, list[Task]] = {}
    if split:
        keys = {"districts": [row.district for row in split], "ids": [row.id for row in split]}
        for row in conn.execute(_TASKS_BY_PETITION, keys):
            tasks.setdefault(row.petition, []).append(_task(row._mapping))
    return [_petition(row._mapping, tuple(tasks.get(row.id, ()))) for row in rows]


def load_petition(conn: Connection, petition_id: str) -> Petition | None:
    """The petition with its tasks."""
    return petitions_by_id(conn, [petition_id]).get(petition_id)


def petitions_with_estimates(conn: Connection) -> list[Petition]:
    """The petitions that have not ended and whose deadline is an estimate, with their tasks."""
    found = select(petition).where(petition.c.conclude_due_estimated, petition.c.state.in_(lifecycle.OPEN))
    return with_tasks(conn, conn.execute(found.order_by(petition.c.district, petition.c.id)).all())


def confirm_deadline(conn: Connection, confirmed: Petition) -> None:
    """Note that a petition's deadline is no estimate any more, unless the petition has changed meanwhile."""
    of_version = (petition.c.district == confirmed.district, petition.c.id == confirmed.id)
    conn.execute(
        petition.update()
        .where(*of_version, petition.c.sequence == confirmed.sequence)
        .values(conclude_due_estimated=confirmed.with_deadline().conclude_due_estimated)
    )


_ENTRIES_AFTER = text(
    """
    SELECT timeline.* FROM timeline
    JOIN unnest(CAST(:districts AS text[]), CAST(:ids AS text[]), CAST(:after AS bigint[])) AS wanted (district,
    id, after) ON timeline.district = wanted.district AND timeline.petition = wanted.id AND timeline.sequence >
    wanted.after ORDER BY timeline.petition, timeline.sequence LIMIT :most
    """
)


def entries_after(conn: Connection, after: Mapping[str, int], most: int = 10_000) -> dict[str, list[Entry]]:
    """For each petition's id the steps after that sequence number, oldest first; ids without any are left out."""
    entries: dict[str, list[Entry]] = {}
    parameters = {
        "districts": [codes.district_of(id_) for id_ in after],
        "ids": list(after),
        "after": list(after.values()),
        "most": most,
    }
    for row in conn.execute(_ENTRIES_AFTER, parameters):
        entries.setdefault(row.petition, []).append(entry_of(row))
    return entries


def entries(conn: Connection, petition_id: str, after: Position, limit: int) -> list[Entry]:
    """The steps of a petition, oldest first."""
    query = select(timeline).where(
        timeline.c.district == codes.district_of(petition_id),
        timeline.c.petition == petition_id,
        behind(after, timeline.c.sequence),
    )
    return [entry_of(row) for row in conn.execute(query.order_by(timeline.c.sequence).limit(limit))]


def office_names(conn: Connection, district: str, offices: Sequence[str]) -> dict[str, str]:
    """The names of those of these departments, districts, streets, communities and cells that are known, by code."""
    found = conn.execute(
        select(department.c.code, department.c.display_name)
        .where(department.c.district == district, department.c.code.in_(offices))
        .union_all(
            select(place.c.code, place.c.display_name).where(place.c.district == district, place.c.code.in_(offices))
        )
    )
    return {row.code: row.display_name for row in found}


def index_words(conn: Connection, of: Petition) -> None:
    """Index the text of a petition for search."""
    found = f"{of.text}\n{of.address}"
    statement = insert(search).values(
        district=of.district, petition=of.id, grams=sorted(bigrams.bigrams(found)), letters=bigrams.normalized(found)
    )
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[search.c.district, search.c.petition],
            set_={name: statement.excluded[name] for name in ("grams", "letters")},
        )
    )


def petitions_to_index(conn: Connection, limit: int) -> list[Petition]:
    """Petitions whose words an older release indexed, before their letters were normalized."""
    ids = conn.execute(select(search.c.petition).where(search.c.letters.is_(None)).limit(limit)).scalars().all()
    return list(petitions_by_id(conn, ids).values())


def keep_place(
    conn: Connection,
    code: str,
    version: int,
    display_name: str,
    *,
    grid_worker: str = "",
    boundary: Sequence[tuple[float, float]] | None = None,
) -> None:
    """Keep what grid announced of a place; only a cell has a boundary."""
    key = {"district": codes.district_of(code), "code": code}
    values = {"display_name": display_name, "grid_worker": grid_worker, "boundary": boundary}
    if keep_newest(conn, place, key, version, values):
        conn.execute(ground_version.update().values(version=ground_version.c.version + 1))


def keep_department(conn: Connection, code: str, version: int, display_name: str) -> None:
    """Keep what identity announced of a department."""
    key = {"district": codes.district_of(code), "code": code}
    keep_newest(conn, department, key, version, {"display_name": display_name})


def add_to_tally(conn: Connection, place_code: str, day: date, columns: Sequence[str]) -> None:
    """Count one more of each of these in the figures of a place and day."""
    key = {"district": codes.district_of(place_code), "place": place_code, "day": day}
    statement = insert(tally).values(**key, **dict.fromkeys(columns, 1))
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[tally.c[name] for name in key], set_={name: tally.c[name] + 1 for name in columns}
        )
    )


def entry_of(row: Any) -> Entry:
    """The step of a timeline's row."""
    return Entry(
        sequence=row.sequence,
        time=row.time,
        action=cast(Action, row.action),
        actor=cast(Actor, row.actor),
        office=row.office,
        office_display_name=row.office_display_name,
        state=cast(State, row.state),
        assignees=tuple(row.assignees),
        public_note=row.public_note,
        internal_note=row.internal_note,
        stars=row.stars,
    )


def _petition(row: Mapping[Any, Any], tasks: tuple[Task, ...]) -> Petition:
    return Petition(
        district=row["district"],
        id=row["id"],
        sequence=row["sequence"],
        kind=cast(Kind, row["kind"]),
        state=cast(State, row["state"]),
        text=row["text"],
        petitioner=row["petitioner"],
        petitioner_kind=cast(AccountKind, row["petitioner_kind"]),
        organization=row["organization"],
        anonymous=row["anonymous"],
        sealed_phone=row["contact_phone"],
        place=row["place"],
        location=None if row["longitude"] is None else Location(row["longitude"], row["latitude"]),
        address=row["address"],
        grid_worker=row["grid_worker"],
        attachments=tuple(
            Attachment(a["filename"], a["media_type"], a["size_bytes"], bytes.fromhex(a["sha256"]))
            for a in row["attachments"]
        ),
        work_item=row["work_item"],
        responsible=row["responsible"],
        tasks=tasks,
        rating=_rating(row["rating"]),
        verification=_rating(row["verification"]),
        reopen_count=row["reopen_count"],
        accept_due_time=row["accept_due_time"],
        accept_time=row["accept_time"],
        promise=None
        if row["promised_working_days"] is None
        else Promise(row["promised_working_days"], row["promise_time"]),
        conclude_due_time=row["conclude_due_time"],
        conclude_due_estimated=row["conclude_due_estimated"],
        create_time=row["create_time"],
        update_time=row["update_time"],
        conclude_time=row["conclude_time"],
        end_reason=row["end_reason"],
    )


def _task(row: Mapping[Any, Any]) -> Task:
    # One column for both texts, since a returned task is never concluded: releases side by side agree on it.
    returned = row["state"] == TaskState.TASK_STATE_RETURNED
    return Task(
        number=row["number"],
        assignee=row["assignee"],
        part=cast(Part, row["part"]),
        state=cast(TaskState, row["state"]),
        instruction=row["instruction"],
        answer="" if returned else row["answer"],
        return_reason=row["answer"] if returned else "",
        due_time=_time(row["due_time"]),
        create_time=_time(row["create_time"]),
        take_time=row["take_time"] and _time(row["take_time"]),
        end_time=row["end_time"] and _time(row["end_time"]),
    )


def _time(value: datetime | str) -> datetime:
    """Of a column, or as JSON has it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _task_json(t: Task) -> dict[str, Any]:
    return {
        "number": t.number,
        "assignee": t.assignee,
        "part": t.part,
        "state": t.state,
        "instruction": t.instruction,
        "answer": t.return_reason or t.answer,
        "due_time": t.due_time,
        "create_time": t.create_time,
        "take_time": t.take_time,
        "end_time": t.end_time,
    }


def _attachments_json(attachments: Sequence[Attachment]) -> list[dict[str, Any]]:
    return [
        {"filename": a.filename, "media_type": a.media_type, "size_bytes": a.size_bytes, "sha256": a.sha256.hex()}
        for a in attachments
    ]


def _rating_json(rating: Rating | None) -> dict[str, Any] | None:
    if rating is None:
        return None
    return {
        "satisfied": rating.satisfied,
        "stars": rating.stars,
        "comment": rating.comment,
        "time": rating.time.isoformat(),
    }


def _rating(value: dict[str, Any] | None) -> Rating | None:
    if value is None:
        return None
    return Rating(value["satisfied"], value["stars"], value["comment"], datetime.fromisoformat(value["time"]))
