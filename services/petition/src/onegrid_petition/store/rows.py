"""Between rows, or JSON, and the domain's records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid.petition.v1.resources_pb2 import Action, Actor, Kind, Part, State, TaskState
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import Location
from onegrid_petition.deadlines import Promise
from onegrid_petition.petition import Attachment, Entry, Petition, Rating, Task

__all__ = ["attachments_json", "entry_of", "petition_of", "rating_json", "task_json", "task_of"]


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
        incident=_incident(row._mapping),
    )


def petition_of(row: Mapping[Any, Any], tasks: tuple[Task, ...]) -> Petition:
    """The petition of a row."""
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
        origin=row["origin"],
        extend_time=row["extend_time"],
        emergency_report_time=row["emergency_report_time"],
        incident=_incident(row),
    )


def _incident(row: Mapping[Any, Any]) -> Incident | None:
    if not row["incident"]:
        return None
    return Incident(
        row["incident"], cast(IncidentState, row["incident_state"]), cast(IncidentLevel, row["incident_level"])
    )


def task_of(row: Mapping[Any, Any]) -> Task:
    """The task of a row."""
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


def task_json(t: Task) -> dict[str, Any]:
    """A task as a statement takes it."""
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


def attachments_json(attachments: Sequence[Attachment]) -> list[dict[str, Any]]:
    """Attachments as they are stored."""
    return [
        {"filename": a.filename, "media_type": a.media_type, "size_bytes": a.size_bytes, "sha256": a.sha256.hex()}
        for a in attachments
    ]


def rating_json(rating: Rating | None) -> dict[str, Any] | None:
    """A rating as it is stored."""
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
