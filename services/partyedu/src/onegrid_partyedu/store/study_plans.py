"""The statements over study plans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.study_plans_pb2 import StudyPlanState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.store.organizations import below
from onegrid_partyedu.study_plan import Requirement, StudyPlan
from onegrid_partyedu.tables import organization, study_plan, study_requirement

__all__ = [
    "find_plan",
    "is_for_organization",
    "is_for_places",
    "lock_plan",
    "plans_of_ids",
    "plans_of_member",
    "plans_page",
    "save_plan",
]

# The organizations in which the member is or was, or holds or held a post, and all above them.
_OF_MEMBER = text(
    """
    WITH RECURSIVE up AS (
      SELECT o.id AS start, o.id, o.parent
      FROM (
        SELECT organization FROM membership WHERE district = :district AND member = :member
        UNION SELECT organization FROM officer WHERE district = :district AND member = :member
      ) AS at
      JOIN organization o ON o.district = :district AND o.id = at.organization
      UNION
      SELECT up.start, o.id, o.parent FROM up
      JOIN organization o ON o.district = :district AND o.id = up.parent
    )
    SELECT p.id FROM study_plan p
    JOIN member m ON m.district = p.district AND m.id = :member
    CROSS JOIN LATERAL (
      SELECT least(CAST(:now AS timestamptz), p.end_time, p.close_time) AS at
    ) AS looked
    WHERE p.district = :district AND p.state IN (2, 3)
      AND (CAST(:end_time AS timestamptz) IS NULL OR (p.end_time, p.id) < (:end_time, :id))
      AND EXISTS (
        SELECT FROM membership s JOIN up ON up.start = s.organization AND up.id = p.organization
        WHERE s.district = :district AND s.member = :member
          AND s.begin_time <= looked.at AND (s.end_time IS NULL OR s.end_time > looked.at)
      )
      AND (p.member_state = 0 OR p.member_state = CASE WHEN m.confirm_time <= looked.at THEN 2 ELSE 1 END)
      AND (cardinality(p.posts) = 0 OR EXISTS (
        SELECT FROM officer f JOIN up ON up.start = f.organization AND up.id = p.organization
        WHERE f.district = :district AND f.member = :member AND f.post = ANY (p.posts)
          AND f.begin_time <= looked.at AND (f.end_time IS NULL OR f.end_time > looked.at)
      ))
    ORDER BY p.end_time DESC, p.id DESC LIMIT :limit
    """
)


def find_plan(conn: Connection, id_: str) -> StudyPlan | None:
    """The plan of that id."""
    p = study_plan.c
    row = conn.execute(select(study_plan).where(p.district == codes.district_of(id_), p.id == id_)).one_or_none()
    return None if row is None else _plans(conn, [row])[0]


def lock_plan(conn: Connection, id_: str) -> StudyPlan | None:
    """The plan of that id, which nobody else changes until the transaction ends."""
    p = study_plan.c
    query = select(study_plan).where(p.district == codes.district_of(id_), p.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _plans(conn, [row])[0]


def save_plan(conn: Connection, changed: StudyPlan) -> bool:
    """Enter a plan, or store it as it is now; False if it is new and there is one of its name."""
    values = asdict(changed)
    id_ = values.pop("id")
    requirements = values.pop("requirements")
    for name in ("posts", "remind_days_before", "remind_days_after"):
        values[name] = list(values[name])
    statement = insert(study_plan).values(district=changed.district, id=id_, **values)
    if changed.version == 1:
        if conn.execute(statement.on_conflict_do_nothing()).rowcount == 0:
            return False
    else:
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=list(study_plan.primary_key), set_={name: statement.excluded[name] for name in values}
            )
        )
    r = study_requirement.c
    conn.execute(delete(study_requirement).where(r.district == changed.district, r.plan == id_))
    conn.execute(
        insert(study_requirement).values(
            [
                {"district": changed.district, "plan": id_, "position": position, **each}
                for position, each in enumerate(requirements)
            ]
        )
    )
    return True


def plans_page(conn: Connection, scope: str, state: StudyPlanState, after: Position, limit: int) -> Sequence[StudyPlan]:
    """The plans that are for members of organizations of a place or department and of those inside it, the one that
    ends last first.
    """
    district = codes.district_of(scope)
    p, o = study_plan.c, organization.c
    up = select(o.id, o.parent).where(o.district == district, o.id.startswith(scope)).cte("up", recursive=True)
    above = organization.alias("above")
    up = up.union(select(above.c.id, above.c.parent).where(above.c.district == district, above.c.id == up.c.parent))
    query = select(study_plan).where(
        p.district == district,
        p.organization.in_(select(up.c.id)),
        behind(after, p.end_time, p.id, descending=True),
    )
    if state:
        query = query.where(p.state == state)
    return _plans(conn, conn.execute(query.order_by(p.end_time.desc(), p.id.desc()).limit(limit)).all())


def plans_of_member(conn: Connection, member: str, now: datetime, after: Position, limit: int) -> Sequence[StudyPlan]:
    """The published and closed plans that a member is in, or was in when they ended, the one that ends last first."""
    district = codes.district_of(member)
    end_time, id_ = after or (None, "")
    values = {"district": district, "member": member, "now": now, "end_time": end_time, "id": id_, "limit": limit}
    ids = list(conn.execute(_OF_MEMBER, values).scalars())
    found = plans_of_ids(conn, district, ids)
    return [found[each] for each in ids if each in found]


def plans_of_ids(conn: Connection, district: str, ids: Collection[str]) -> dict[str, StudyPlan]:
    """These plans of a district, by id."""
    p = study_plan.c
    rows = conn.execute(select(study_plan).where(p.district == district, p.id.in_(ids))).all() if ids else []
    return {each.id: each for each in _plans(conn, rows)}


def is_for_organization(conn: Connection, plan: StudyPlan, id_: str) -> bool:
    """Whether an organization is the plan's, or below it."""
    line = below(plan.organization).subquery()
    return conn.execute(select(line.c.id).where(line.c.id == id_)).one_or_none() is not None


def is_for_places(conn: Connection, plan: StudyPlan, scopes: Sequence[str]) -> bool:
    """Whether an organization of one of these places or departments, or inside them, is the plan's or below it."""
    return any(id_.startswith(tuple(scopes)) for id_ in conn.execute(below(plan.organization)).scalars())


def _plans(conn: Connection, rows: Sequence[Any]) -> list[StudyPlan]:
    if not rows:
        return []
    r = study_requirement.c
    keys = [(row.district, row.id) for row in rows]
    asked = conn.execute(
        select(study_requirement).where(tuple_(r.district, r.plan).in_(keys)).order_by(r.plan, r.position)
    )
    requirements: dict[str, list[Requirement]] = {}
    for each in asked:
        requirements.setdefault(each.plan, []).append(
            Requirement(
                id=each.id,
                subject=each.subject,
                meetings=each.meetings,
                minutes=each.minutes,
                due_time=each.due_time,
            )
        )
    return [_plan(row, tuple(requirements[row.id])) for row in rows]


def _plan(row: Any, requirements: tuple[Requirement, ...]) -> StudyPlan:
    return StudyPlan(
        id=row.id,
        version=row.version,
        display_name=row.display_name,
        organization=row.organization,
        member_state=row.member_state,
        posts=tuple(row.posts),
        begin_time=row.begin_time,
        end_time=row.end_time,
        requirements=requirements,
        remind_days_before=tuple(row.remind_days_before),
        remind_days_after=tuple(row.remind_days_after),
        state=row.state,
        publish_time=row.publish_time,
        close_time=row.close_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )
