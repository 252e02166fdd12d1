"""The statements over organizations, their terms and officers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.organizations_pb2 import OrganizationKind
from onegrid_kit import codes
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.organization import DEEPEST, Officer, Organization, Term, in_order
from onegrid_partyedu.tables import officer, organization, term

__all__ = [
    "all_organizations",
    "below",
    "count_below",
    "count_overdue",
    "elections_page",
    "find_organization",
    "find_organizations",
    "height_below",
    "hold_line",
    "line_of",
    "lock_line",
    "organizations_held_by",
    "organizations_page",
    "save_organization",
    "save_term",
    "terms_page",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('partyedu line'), hashtext(:district))")
_HOLD: Final = text("SELECT pg_advisory_xact_lock_shared(hashtext('partyedu line'), hashtext(:district))")
_NEVER: Final = text("'-infinity'::timestamptz")


def lock_line(conn: Connection, district: str) -> None:
    """Have nobody else change the district's organizations, their officers, or who belongs where, until the
    transaction ends.
    """
    conn.execute(_LOCK, {"district": district})


def hold_line(conn: Connection, district: str) -> None:
    """Have the district's organizations stay as they are until the transaction ends; members can join meanwhile."""
    conn.execute(_HOLD, {"district": district})


def find_organization(conn: Connection, id_: str) -> Organization | None:
    """The organization of that id, with its term."""
    o = organization.c
    row = conn.execute(select(organization).where(o.district == codes.district_of(id_), o.id == id_)).one_or_none()
    return None if row is None else _organizations(conn, [row])[0]


def find_organizations(conn: Connection, district: str, ids: Collection[str]) -> dict[str, Organization]:
    """These organizations of a district, by id, those that there are; without their terms."""
    o = organization.c
    query = select(organization).where(o.district == district, o.id.in_(ids))
    return {row.id: _organization(row, None) for row in conn.execute(query)}


def save_organization(conn: Connection, changed: Organization) -> None:
    """Enter an organization, or store it as it is now; its term has a statement of its own."""
    at = changed.location
    values = {
        "version": changed.version,
        "display_name": changed.display_name,
        "kind": changed.kind,
        "form": changed.form,
        "parent": changed.parent,
        "longitude": None if at is None else at.longitude,
        "latitude": None if at is None else at.latitude,
        "cells": list(changed.cells),
        "term": 0 if changed.term is None else changed.term.number,
        "term_due_time": None if changed.term is None else changed.term.due_time,
        "dissolve_time": changed.dissolve_time,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(organization).values(district=changed.district, id=changed.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[organization.c.district, organization.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )


def save_term(conn: Connection, changed: Term) -> None:
    """Enter a term with its officers, or store it as it is now."""
    key = {"district": codes.district_of(changed.organization), "organization": changed.organization}
    values = {"begin_time": changed.begin_time, "due_time": changed.due_time, "end_time": changed.end_time}
    statement = insert(term).values(**key, number=changed.number, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(term.primary_key), set_={name: statement.excluded[name] for name in values}
        )
    )
    rows = [
        {
            **key,
            "term": changed.number,
            "post": each.post,
            "member": each.member,
            "begin_time": each.begin_time,
            "end_time": each.end_time,
        }
        for each in changed.officers
    ]
    if rows:
        held = insert(officer).values(rows)
        conn.execute(
            held.on_conflict_do_update(
                index_elements=list(officer.primary_key), set_={"end_time": held.excluded.end_time}
            )
        )


def line_of(conn: Connection, id_: str) -> list[str]:
    """The ids of the organization and of those above it, upwards. No more than are allowed in a line, and one."""
    district = codes.district_of(id_)
    o = organization.c
    up = (
        select(o.id, o.parent, literal(1).label("height"))
        .where(o.district == district, o.id == id_)
        .cte("up", recursive=True)
    )
    above = organization.alias("above")
    joined = select(above.c.id, above.c.parent, up.c.height + 1).where(
        above.c.district == district, above.c.id == up.c.parent, up.c.height <= DEEPEST
    )
    up = up.union_all(joined)
    return list(conn.execute(select(up.c.id).order_by(up.c.height)).scalars())


def below(id_: str) -> Select[Any]:
    """Selects the ids of the organization and of all below it."""
    district = codes.district_of(id_)
    o = organization.c
    tree = select(o.id).where(o.district == district, o.id == id_).cte("tree", recursive=True)
    child = organization.alias("child")
    tree = tree.union(select(child.c.id).where(child.c.district == district, child.c.parent == tree.c.id))
    return select(tree.c.id)


def height_below(conn: Connection, id_: str) -> int:
    """How many organizations stand in the longest line from this one down, itself included; 0 if it is not there."""
    district = codes.district_of(id_)
    o = organization.c
    tree = (
        select(o.id, literal(1).label("depth")).where(o.district == district, o.id == id_).cte("tree", recursive=True)
    )
    child = organization.alias("child")
    tree = tree.union_all(
        select(child.c.id, tree.c.depth + 1).where(
            child.c.district == district, child.c.parent == tree.c.id, child.c.dissolve_time.is_(None)
        )
    )
    height: int = conn.execute(select(func.coalesce(func.max(tree.c.depth), 0))).scalar_one()
    return height


def count_below(conn: Connection, id_: str) -> int:
    """How many organizations stand directly below it that were not dissolved."""
    o = organization.c
    query = select(func.count()).where(o.district == codes.district_of(id_), o.parent == id_, o.dissolve_time.is_(None))
    return conn.execute(query).scalar_one()


def organizations_page(
    conn: Connection, scope: str, kind: OrganizationKind, parent: str, *, dissolved: bool, after: Position, limit: int
) -> list[Organization]:
    """The organizations of a place or department and of those inside it, by id."""
    o = organization.c
    query = _inside(scope).where(behind(after, o.id))
    if kind:
        query = query.where(o.kind == kind)
    if parent:
        query = query.where(o.parent == parent)
    if not dissolved:
        query = query.where(o.dissolve_time.is_(None))
    return _organizations(conn, conn.execute(query.order_by(o.id).limit(limit)).all())


def all_organizations(conn: Connection, after: Position, limit: int) -> list[Organization]:
    """The organizations of every district, by district and id."""
    o = organization.c
    query = select(organization).where(behind(after, o.district, o.id)).order_by(o.district, o.id).limit(limit)
    return _organizations(conn, conn.execute(query).all())


def elections_page(conn: Connection, scope: str, before: datetime, after: Position, limit: int) -> list[Organization]:
    """The organizations there whose next election is due before that moment, the one due first first; those where
    nobody was elected yet come before all others.
    """
    o = organization.c
    due = _due()
    query = _inside(scope).where(o.dissolve_time.is_(None), due < before)
    if after:
        moment, id_ = after
        at = _NEVER if moment == "" else moment
        query = query.where((due > at) | ((due == at) & (o.id > id_)))
    return _organizations(conn, conn.execute(query.order_by(due, o.id).limit(limit)).all())


def count_overdue(conn: Connection, now: datetime) -> tuple[int, datetime | None]:
    """How many organizations should have elected before now, and since when the first of them; not those where
    nobody was elected yet.
    """
    o = organization.c
    query = select(func.count(), func.min(o.term_due_time)).where(o.dissolve_time.is_(None), o.term_due_time < now)
    count, first = conn.execute(query).one()
    return count, first


def terms_page(conn: Connection, id_: str, after: Position, limit: int) -> list[Term]:
    """The terms of an organization, the latest first."""
    t = term.c
    query = select(term).where(
        t.district == codes.district_of(id_), t.organization == id_, behind(after, t.number, descending=True)
    )
    rows = conn.execute(query.order_by(t.number.desc()).limit(limit)).all()
    return _terms(conn, rows)


def organizations_held_by(conn: Connection, member: str) -> list[str]:
    """The ids of the organizations in which a member holds a post now."""
    f = officer.c
    query = (
        select(f.organization)
        .distinct()
        .where(f.district == codes.district_of(member), f.member == member, f.end_time.is_(None))
    )
    return sorted(conn.execute(query).scalars())


def _inside(scope: str) -> Select[Any]:
    o = organization.c
    return select(organization).where(o.district == codes.district_of(scope), o.id.startswith(scope))


def _due() -> ColumnElement[datetime]:
    return func.coalesce(organization.c.term_due_time, _NEVER)


def _organizations(conn: Connection, rows: Sequence[Any]) -> list[Organization]:
    in_term = [row for row in rows if row.term]
    terms = {each.organization: each for each in _terms_of(conn, [(row.district, row.id, row.term) for row in in_term])}
    return [_organization(row, terms.get(row.id)) for row in rows]


def _organization(row: Any, of_now: Term | None) -> Organization:
    return Organization(
        id=row.id,
        version=row.version,
        display_name=row.display_name,
        kind=row.kind,
        form=row.form,
        parent=row.parent,
        location=None if row.longitude is None else Location(row.longitude, row.latitude),
        cells=tuple(row.cells),
        term=of_now,
        dissolve_time=row.dissolve_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _terms_of(conn: Connection, keys: Collection[tuple[str, str, int]]) -> list[Term]:
    if not keys:
        return []
    t = term.c
    picked = select(term).where(tuple_(t.district, t.organization, t.number).in_(keys))
    return _terms(conn, conn.execute(picked).all())


def _terms(conn: Connection, rows: Sequence[Any]) -> list[Term]:
    if not rows:
        return []
    f = officer.c
    districts, organizations = {row.district for row in rows}, {row.organization for row in rows}
    held = conn.execute(
        select(officer).where(
            f.district.in_(districts), f.organization.in_(organizations), f.term.in_({row.number for row in rows})
        )
    ).all()
    officers: dict[tuple[str, int], list[Officer]] = {}
    for each in held:
        of = officers.setdefault((each.organization, each.term), [])
        of.append(
            Officer(
                post=each.post,
                member=each.member,
                begin_time=each.begin_time,
                end_time=each.end_time,
            )
        )
    return [
        Term(
            organization=row.organization,
            number=row.number,
            begin_time=row.begin_time,
            due_time=row.due_time,
            end_time=row.end_time,
            officers=in_order(officers.get((row.organization, row.number), ())),
        )
        for row in rows
    ]
