"""The statements that calls of the same moment share: filings, steps, and what steps are decided on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_kit.batches import BatchStatement
from onegrid_kit.reads import ReadStatement
from onegrid_kit.versioned import LoadStatement
from onegrid_petition.deadlines import Notice
from onegrid_petition.petition import WORK_ITEM, Decision, Known, Petition, WorkItem
from onegrid_petition.store.clocks import CLOCK_SET, CLOCK_STOPPED
from onegrid_petition.store.rows import attachments_json, petition_of, rating_json, task_json, task_of

__all__ = ["decision_row", "file_petitions", "filed_row", "known_petitions", "petitions", "take_steps"]

file_petitions = BatchStatement(
    """
    district text, id text, kind smallint, text text, petitioner text, petitioner_kind smallint, organization text,
    anonymous boolean, contact_phone text, place text, longitude double precision, latitude double precision, address
    text, grid_worker text, attachments jsonb, responsible text, accept_due_time timestamptz, clock_time timestamptz,
    create_time timestamptz, origin text
    """,
    f"""
    filed AS (
      INSERT INTO petition (
        district, id, sequence, kind, state, text, petitioner, petitioner_kind, organization, anonymous, contact_phone,
        place, longitude, latitude, address, grid_worker, attachments, work_item, responsible, reopen_count,
        accept_due_time, clock_due_time, create_time, update_time, end_reason, origin)
      SELECT district, id, 1, kind, {State.STATE_FILED:d}, text, petitioner, petitioner_kind, organization, anonymous,
             decode(contact_phone, 'hex'), place, longitude, latitude, address, grid_worker, attachments, '',
             responsible, 0, accept_due_time, accept_due_time, create_time, create_time, '', origin
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
    f"clocked AS ({CLOCK_SET})",
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
        "attachments": attachments_json(p.attachments),
        "responsible": p.responsible,
        "accept_due_time": p.accept_due_time,
        "clock_time": Notice.NEARED.time(p.accept_due_time),
        "create_time": p.create_time,
        "origin": p.origin,
    }


take_steps = BatchStatement(
    """
    district text, id text, sequence bigint, state smallint, work_item text, responsible text, rating jsonb,
    verification jsonb, reopen_count integer, accept_time timestamptz, promised_working_days integer, promise_time
    timestamptz, conclude_due_time timestamptz, clock_due_time timestamptz, clock_time timestamptz, clock_stopped
    boolean, conclude_due_estimated boolean, extend_time timestamptz, conclude_time
    timestamptz, end_reason text, action smallint, actor smallint, office text, office_display_name text, assignees
    text[], public_note text, internal_note text, stars smallint, emergency_report_time timestamptz, incident text,
    incident_state smallint, incident_level smallint, tasks jsonb
    """,
    """
    moved AS (
      UPDATE petition SET
        sequence = fresh.sequence, state = fresh.state, work_item = fresh.work_item, responsible = fresh.responsible,
        rating = fresh.rating, verification = fresh.verification, reopen_count = fresh.reopen_count, accept_time =
        fresh.accept_time, promised_working_days = fresh.promised_working_days, promise_time = fresh.promise_time,
        conclude_due_time = fresh.conclude_due_time, conclude_due_estimated = fresh.conclude_due_estimated,
        clock_due_time = fresh.clock_due_time,
        extend_time = fresh.extend_time, update_time = fresh.time, conclude_time = fresh.conclude_time,
        end_reason = fresh.end_reason, emergency_report_time = fresh.emergency_report_time
      FROM fresh WHERE petition.district = fresh.district AND petition.id = fresh.id
    )
    """,
    """
    stepped AS (
      INSERT INTO timeline (
        district, petition, sequence, time, action, actor, office, office_display_name, state, assignees, public_note,
        internal_note, stars, incident, incident_state, incident_level)
      SELECT district, id, sequence, time, action, actor, office, office_display_name, state, assignees, public_note,
             internal_note, stars, incident, incident_state, incident_level
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
    f"clocked AS ({CLOCK_SET})",
    f"stopped AS ({CLOCK_STOPPED})",
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
    due = p.running_due_time
    # Steps that leave the clock as it is cost no more than before.
    changed = due != decision.before.running_due_time
    return {
        "district": p.district,
        "id": p.id,
        "sequence": p.sequence,
        "state": p.state,
        "work_item": p.work_item,
        "responsible": p.responsible,
        "rating": rating_json(p.rating),
        "verification": rating_json(p.verification),
        "reopen_count": p.reopen_count,
        "accept_time": p.accept_time,
        "promised_working_days": p.promise.working_days if p.promise else None,
        "promise_time": p.promise.begin if p.promise else None,
        "conclude_due_time": p.conclude_due_time,
        "clock_due_time": due,
        "clock_time": Notice.NEARED.time(due) if changed and due is not None else None,
        "clock_stopped": changed and due is None,
        "conclude_due_estimated": p.conclude_due_estimated,
        "extend_time": p.extend_time,
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
        "emergency_report_time": p.emergency_report_time,
        "incident": entry.incident.name if entry.incident else "",
        "incident_state": entry.incident.state if entry.incident else 0,
        "incident_level": entry.incident.level if entry.incident else 0,
        "tasks": [task_json(t) for t in p.tasks if t != decision.before.task(t.number)],
    }


_PETITIONS: Final = """
    LEFT JOIN petition ON petition.district = wanted.district AND petition.id = wanted.id
    LEFT JOIN LATERAL (
      SELECT jsonb_agg(to_jsonb(task) ORDER BY number) AS tasks, array_agg(assignee) AS assignees
      FROM task WHERE task.district = petition.district AND task.petition = petition.id
    ) AS tasks ON petition.sequence > 1
"""


def _petition(row: Mapping[str, Any]) -> Petition | None:
    return None if row["id"] is None else petition_of(row, tuple(task_of(each) for each in row["tasks"] or ()))


petitions = ReadStatement("district text, id text", "petition.*, tasks.tasks", _PETITIONS, _petition)
"""Reads petitions with their tasks."""


def _known(row: Mapping[str, Any]) -> Known:
    item = row["known_work_item"]
    return Known(
        _petition(row),
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
    f"""
    {_PETITIONS}
    LEFT JOIN work_item AS item ON item.district = wanted.district AND item.id = wanted.work_item
    LEFT JOIN LATERAL (
      SELECT jsonb_object_agg(code, display_name) AS office_names
      FROM (
        SELECT district, code, display_name FROM department UNION ALL SELECT district, code, display_name FROM place
      ) AS office
      WHERE office.district = wanted.district
        AND office.code = ANY (wanted.offices || tasks.assignees || item.department)
    ) AS named ON petition.id IS NOT NULL
    """,
    _known,
)
"""Loads petitions with their tasks and what else commands are decided on."""
