"""The statements over meetings that branches should have held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Connection,
    DateTime,
    Select,
    SmallInteger,
    case,
    column,
    distinct,
    func,
    select,
    true,
    values,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from onegrid.partyedu.v1.meetings_pb2 import MeetingKind, MeetingState
from onegrid.partyedu.v1.organizations_pb2 import OrganizationForm
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.meeting_duties import COMMITTEE_FROM, MONTHS, Overdue, met_before
from onegrid_partyedu.store.organizations import below
from onegrid_partyedu.tables import meeting, officer, organization

__all__ = ["count_overdue", "count_overdue_below", "districts", "late_shares", "overdue_branches", "overdue_page"]

_BRANCH: Final = OrganizationForm.ORGANIZATION_FORM_BRANCH
_HELD: Final = MeetingState.MEETING_STATE_HELD


def overdue_page(
    conn: Connection, scope: str, kinds: Collection[MeetingKind], now: datetime, after: Position, limit: int
) -> list[Overdue]:
    """What branches of a place or department, and of those inside it, should have held, by branch and kind."""
    o = organization.c
    query, kind = _overdue(kinds, now)
    query = query.where(o.district == codes.district_of(scope), o.id.startswith(scope), behind(after, o.id, kind))
    return [
        Overdue(
            organization=row.id,
            display_name=row.display_name,
            kind=row.kind,
            last_time=row.last_time,
            begin_time=row.create_time,
        )
        for row in conn.execute(query.order_by(o.id, kind).limit(limit))
    ]


def overdue_branches(
    conn: Connection, district: str, now: datetime, after: str, limit: int
) -> list[tuple[str, str, list[MeetingKind]]]:
    """Branches of a district that should have held meetings, behind an id: id, display name, and which kinds."""
    owed = _overdue(MONTHS, now)[0].where(organization.c.district == district, organization.c.id > after).subquery()
    kinds = func.array_agg(aggregate_order_by(owed.c.kind, owed.c.kind)).label("kinds")
    query = select(owed.c.id, owed.c.display_name, kinds).group_by(owed.c.id, owed.c.display_name)
    return [(row.id, row.display_name, row.kinds) for row in conn.execute(query.order_by(owed.c.id).limit(limit))]


def districts(conn: Connection) -> Sequence[str]:
    """The districts that have organizations."""
    return conn.execute(select(organization.c.district).distinct()).scalars().all()


def count_overdue(conn: Connection, now: datetime) -> dict[MeetingKind, int]:
    """How many branches should have held a meeting of each kind."""
    owed = _overdue(MONTHS, now)[0].subquery()
    found = dict.fromkeys(MONTHS, 0)
    for row in conn.execute(select(owed.c.kind, func.count().label("branches")).group_by(owed.c.kind)):
        found[row.kind] = row.branches
    return found


def count_overdue_below(conn: Connection, organization_id: str, now: datetime) -> dict[MeetingKind, int]:
    """How many of an organization and those below it should have held a meeting of each kind, where some should."""
    o = organization.c
    owed = (
        _overdue(MONTHS, now)[0]
        .where(o.district == codes.district_of(organization_id), o.id.in_(below(organization_id)))
        .subquery()
    )
    counted = select(owed.c.kind, func.count().label("branches")).group_by(owed.c.kind)
    return {row.kind: row.branches for row in conn.execute(counted)}


def late_shares(conn: Connection, before: datetime) -> dict[MeetingKind, float]:
    """Which share of a district's branches should have held a meeting of each kind by that moment, in the district
    where it is the most.
    """
    o = organization.c
    standing = select(o.district, func.count().label("branches")).where(o.form == _BRANCH, o.dissolve_time.is_(None))
    branches = {row.district: row.branches for row in conn.execute(standing.group_by(o.district))}
    owed = _overdue(MONTHS, before)[0].add_columns(o.district).subquery()
    query = select(owed.c.district, owed.c.kind, func.count()).group_by(owed.c.district, owed.c.kind)
    found = dict.fromkeys(MONTHS, 0.0)
    for district, kind, late in conn.execute(query):
        found[kind] = max(found[kind], late / branches[district])
    return found


def _overdue(kinds: Collection[MeetingKind], now: datetime) -> tuple[Select[Any], Any]:
    o, m, f = organization.c, meeting.c, officer.c
    duty = values(column("kind", SmallInteger), column("met_before", DateTime(timezone=True)), name="duty").data(
        [(int(kind), met_before(kind, now)) for kind in kinds]
    )
    last = (
        select(func.max(m.begin_time).label("begin_time"))
        .where(m.district == o.district, m.organization == o.id, m.kind == duty.c.kind, m.state == _HELD)
        .lateral("last")
    )
    officers = (
        select(func.count(distinct(f.member)))
        .where(f.district == o.district, f.organization == o.id, f.end_time.is_(None))
        .scalar_subquery()
    )
    owed = case(
        (duty.c.kind == MeetingKind.MEETING_KIND_COMMITTEE, officers >= COMMITTEE_FROM),
        (duty.c.kind == MeetingKind.MEETING_KIND_GROUP, last.c.begin_time.is_not(None)),
        else_=true(),
    )
    query = (
        select(o.id, o.display_name, duty.c.kind, last.c.begin_time.label("last_time"), o.create_time)
        .select_from(organization.join(duty, true()).join(last, true()))
        .where(
            o.form == _BRANCH,
            o.dissolve_time.is_(None),
            func.coalesce(last.c.begin_time, o.create_time) < duty.c.met_before,
            owed,
        )
    )
    return query, duty.c.kind
