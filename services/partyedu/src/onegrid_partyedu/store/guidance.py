"""The statements over guidance tasks and assignments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, exists, false, func, or_, select, text, update

from onegrid.partyedu.v1.guidance_pb2 import GuidanceState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.guidance import OPEN, Assignment, Progress, Task
from onegrid_partyedu.store.organizations import below
from onegrid_partyedu.tables import guidance_assignment, guidance_task, organization

__all__ = [
    "assignments_page",
    "find_assignment",
    "find_task",
    "insert_task",
    "is_assigned",
    "oldest_overdue",
    "open_organizations",
    "organization_page",
    "organizations_below",
    "overdue_page",
    "progress_of",
    "save_assignment",
    "tasks_page",
    "withdraw",
    "withdraw_of",
]

_OPEN: Final = [int(state) for state in OPEN]
_SHOWN: Final = 500
"""Of how many organizations the progress is shown at most."""


def insert_task(conn: Connection, new: Task, organizations: Collection[str]) -> None:
    """Enter a task, with an assignment for each of the organizations, given by their ids."""
    conn.execute(
        guidance_task.insert().values(
            district=new.district,
            id=new.id,
            sender=new.sender,
            title=new.title,
            text=new.text,
            media=list(new.media),
            due_time=new.due_time,
            report_wanted=new.report_wanted,
            upper=new.upper,
            article=new.article,
            assignments=new.assignments,
            withdraw_reason="",
            create_time=new.create_time,
        )
    )
    conn.execute(
        guidance_assignment.insert(),
        [{"district": new.district, **_values(Assignment(task=new, organization=id_))} for id_ in organizations],
    )


def find_task(conn: Connection, id_: str, *, lock: bool = False) -> Task | None:
    """The task of that id; `lock`: nobody else changes it until the transaction ends."""
    t = guidance_task.c
    query = select(guidance_task).where(t.district == codes.district_of(id_), t.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _task(row)


def tasks_by_id(conn: Connection, ids: Collection[str]) -> dict[str, Task]:
    """These tasks, by id, those that there are."""
    t = guidance_task.c
    districts = {codes.district_of(each) for each in ids}
    query = select(guidance_task).where(t.district.in_(districts), t.id.in_(ids))
    return {row.id: _task(row) for row in conn.execute(query)}


def tasks_page(conn: Connection, sender: str, after: Position, limit: int) -> list[Task]:
    """The tasks that an organization sent, the latest first."""
    t = guidance_task.c
    query = select(guidance_task).where(
        t.district == codes.district_of(sender),
        t.sender == sender,
        behind(after, t.create_time, t.id, descending=True),
    )
    return [_task(row) for row in conn.execute(query.order_by(t.create_time.desc(), t.id.desc()).limit(limit))]


def is_assigned(conn: Connection, task: str, scopes: Collection[str]) -> bool:
    """Whether an organization of one of these places or departments, or of what is inside them, has a task."""
    a = guidance_assignment.c
    inside = or_(false(), *(a.organization.startswith(scope) for scope in scopes))
    query = select(exists().where(a.district == codes.district_of(task), a.task == task, inside))
    return bool(conn.execute(query).scalar_one())


def withdraw(conn: Connection, after: Task) -> list[str]:
    """Store that a task was taken back; the ids of the organizations that have not done it."""
    t, a = guidance_task.c, guidance_assignment.c
    conn.execute(
        update(guidance_task)
        .where(t.district == after.district, t.id == after.id)
        .values(withdraw_reason=after.withdraw_reason, withdraw_time=after.withdraw_time)
    )
    ended = (
        update(guidance_assignment)
        .where(a.district == after.district, a.task == after.id, a.state.in_(_OPEN))
        .values(state=int(GuidanceState.GUIDANCE_STATE_WITHDRAWN), version=a.version + 1)
    )
    return sorted(conn.execute(ended.returning(a.organization)).scalars())


def withdraw_of(conn: Connection, organization_id: str) -> None:
    """Store that an organization, which was dissolved, need not do any more what it has not done."""
    t, a = guidance_task.c, guidance_assignment.c
    district = codes.district_of(organization_id)
    own = (a.district == district, a.organization == organization_id, a.state.in_(_OPEN))
    # Tasks are locked, not assignments: somebody may report at this moment.
    tasks = select(t.id).where(t.district == district, t.id.in_(select(a.task).where(*own)))
    conn.execute(tasks.order_by(t.id).with_for_update())
    ended = update(guidance_assignment).where(*own)
    conn.execute(ended.values(state=int(GuidanceState.GUIDANCE_STATE_WITHDRAWN), version=a.version + 1))


def find_assignment(conn: Connection, task: str, organization_id: str) -> Assignment | None:
    """The assignment of a task to an organization, both given by their ids."""
    a = guidance_assignment.c
    row = conn.execute(_assignments(task).where(a.organization == organization_id)).one_or_none()
    return None if row is None else _assignment(row)


def save_assignment(conn: Connection, changed: Assignment) -> None:
    """Store an assignment as it is now."""
    a, values = guidance_assignment.c, _values(changed)
    key = (values.pop("task"), values.pop("organization"))
    conn.execute(
        update(guidance_assignment)
        .where(a.district == changed.task.district, a.task == key[0], a.organization == key[1])
        .values(**values)
    )


def assignments_page(
    conn: Connection,
    task: str,
    under: str,
    state: GuidanceState,
    overdue_before: datetime | None,
    after: Position,
    limit: int,
) -> list[Assignment]:
    """The assignments of a task, by organization; of one organization and those below it, in one state, or open and due
    before that moment.
    """
    a = guidance_assignment.c
    query = _assignments(task).where(behind(after, a.organization))
    if under:
        query = query.where(a.organization.in_(below(under)))
    if state:
        query = query.where(a.state == state)
    if overdue_before is not None:
        query = query.where(a.state.in_(_OPEN), a.due_time <= overdue_before)
    return [_assignment(row) for row in conn.execute(query.order_by(a.organization).limit(limit))]


def organization_page(
    conn: Connection, organization_id: str, *, ended: bool, after: Position, limit: int
) -> list[Assignment]:
    """What an organization has to do, the latest first; `ended`: also what is done or was withdrawn."""
    a = guidance_assignment.c
    query = _joined().where(
        a.district == codes.district_of(organization_id),
        a.organization == organization_id,
        behind(after, a.create_time, a.task, descending=True),
    )
    if not ended:
        query = query.where(a.state.in_(_OPEN))
    rows = conn.execute(query.order_by(a.create_time.desc(), a.task.desc()).limit(limit))
    return [_assignment(row) for row in rows]


def overdue_page(conn: Connection, scope: str, now: datetime, after: Position, limit: int) -> list[Assignment]:
    """What organizations of a place or department and of those inside it have not done in time, the one due first
    first.
    """
    a = guidance_assignment.c
    query = _joined().where(
        a.district == codes.district_of(scope),
        a.state.in_(_OPEN),
        a.due_time <= now,
        a.organization.startswith(scope),
        behind(after, a.due_time, a.task, a.organization),
    )
    rows = conn.execute(query.order_by(a.due_time, a.task, a.organization).limit(limit))
    return [_assignment(row) for row in rows]


def open_organizations(conn: Connection, task: str) -> list[str]:
    """The ids of the organizations that have not done a task."""
    a = guidance_assignment.c
    query = select(a.organization).where(a.district == codes.district_of(task), a.task == task, a.state.in_(_OPEN))
    return sorted(conn.execute(query).scalars())


def organizations_below(conn: Connection, id_: str, *, all_below: bool) -> list[str]:
    """The ids of the organizations directly below one that were not dissolved, or of all below it."""
    o = organization.c
    query = select(o.id).where(o.district == codes.district_of(id_), o.dissolve_time.is_(None), o.id != id_)
    return sorted(conn.execute(query.where(o.id.in_(below(id_)) if all_below else o.parent == id_)).scalars())


_PROGRESS: Final = text(
    """
    WITH RECURSIVE tree (top, id) AS (
      SELECT id, id FROM organization WHERE district = :district AND parent = :sender
      UNION
      SELECT tree.top, child.id FROM organization AS child JOIN tree ON child.parent = tree.id
      WHERE child.district = :district AND child.id <> :sender
    )
    SELECT coalesce(tree.top, '') COLLATE "C" AS organization, count(*) AS assignments,
           count(*) FILTER (WHERE a.read_time IS NOT NULL) AS read,
           count(*) FILTER (WHERE a.state = :reported) AS reported,
           count(*) FILTER (WHERE a.state = :done) AS done,
           count(*) FILTER (WHERE a.state = ANY (CAST(:open AS smallint[])) AND a.due_time <= :now) AS overdue
    FROM guidance_assignment AS a LEFT JOIN tree ON tree.id = a.organization
    WHERE a.district = :district AND a.task = :task
    GROUP BY 1 ORDER BY 1 LIMIT :most
    """
)


def progress_of(conn: Connection, of: Task, now: datetime) -> list[Progress]:
    """How far a task is with each organization directly below its sender and all below that one, by id."""
    values = {
        "district": of.district,
        "sender": of.sender,
        "task": of.id,
        "reported": int(GuidanceState.GUIDANCE_STATE_REPORTED),
        "done": int(GuidanceState.GUIDANCE_STATE_DONE),
        "open": _OPEN,
        "now": now,
        "most": _SHOWN,
    }
    return [Progress(**row._mapping) for row in conn.execute(_PROGRESS, values)]


def oldest_overdue(conn: Connection, now: datetime) -> tuple[int, timedelta]:
    """How many assignments are open after their due time, and for how long the first of them has been."""
    a = guidance_assignment.c
    query = select(func.count(), func.min(a.due_time)).where(a.state.in_(_OPEN), a.due_time <= now)
    count, first = conn.execute(query).one()
    return count, timedelta() if first is None else now - first


def _joined() -> Select[Any]:
    a, t = guidance_assignment.c, guidance_task.c
    joined = guidance_assignment.join(guidance_task, (t.district == a.district) & (t.id == a.task))
    of_task = [column.label(f"task_{column.name}") for column in guidance_task.c]
    return select(guidance_assignment, *of_task).select_from(joined)


def _assignments(task: str) -> Select[Any]:
    a = guidance_assignment.c
    return _joined().where(a.district == codes.district_of(task), a.task == task)


def _values(of: Assignment) -> dict[str, Any]:
    return {
        "task": of.task.id,
        "organization": of.organization,
        "version": of.version,
        "state": int(of.state),
        "due_time": of.task.due_time,
        "create_time": of.task.create_time,
        "reader": of.reader,
        "read_time": of.read_time,
        "report": of.report,
        "report_media": list(of.report_media),
        "report_time": of.report_time,
        "return_reason": of.return_reason,
        "decide_time": of.decide_time,
    }


def _task(row: Any, prefix: str = "") -> Task:
    def field(name: str) -> Any:
        return getattr(row, prefix + name)

    return Task(
        id=field("id"),
        sender=field("sender"),
        title=field("title"),
        text=field("text"),
        media=tuple(field("media")),
        due_time=field("due_time"),
        report_wanted=field("report_wanted"),
        upper=field("upper"),
        article=field("article"),
        assignments=field("assignments"),
        withdraw_reason=field("withdraw_reason"),
        withdraw_time=field("withdraw_time"),
        create_time=field("create_time"),
    )


def _assignment(row: Any) -> Assignment:
    return Assignment(
        task=_task(row, "task_"),
        organization=row.organization,
        version=row.version,
        state=row.state,
        reader=row.reader,
        read_time=row.read_time,
        report=row.report,
        report_media=tuple(row.report_media),
        report_time=row.report_time,
        return_reason=row.return_reason,
        decide_time=row.decide_time,
    )
