"""The statements over what members completed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, select, text

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.store.organizations import below
from onegrid_partyedu.tables import completion, member

__all__ = [
    "add_completions",
    "completed_subjects",
    "completions_below_page",
    "completions_between",
    "completions_of",
    "completions_page",
    "find_completion",
]

# In one order everywhere: whoever stores the same rows at the same moment waits, and no two for each other.
_ADD: Final = text(
    """
    INSERT INTO completion (district, member, subject, year, kind, minutes, percent, complete_time)
    SELECT new.* FROM jsonb_to_recordset(CAST(:document AS jsonb)) AS new (
      district text, member text, subject text, year smallint, kind smallint, minutes integer, percent smallint,
      complete_time timestamptz)
    ORDER BY member COLLATE "C", subject COLLATE "C", year
    ON CONFLICT (district, member, subject, year) DO UPDATE SET
      percent = greatest(excluded.percent, completion.percent),
      complete_time = least(excluded.complete_time, completion.complete_time)
    WHERE coalesce(excluded.percent, -1) > coalesce(completion.percent, -1)
      OR excluded.complete_time < completion.complete_time
    RETURNING completion.*
    """
)


def add_completions(conn: Connection, completions: Collection[Completion]) -> list[Completion]:
    """Store what was completed; those that are new, or better or earlier than what was there, as they are now."""
    known: dict[tuple[str, str, int], Completion] = {}
    for each in completions:
        key = each.member, each.subject, each.year
        known[key] = each.with_that_of(known[key]) if key in known else each
    if not known:
        return []
    rows = conn.execute(_ADD, {"document": orjson.dumps([_values(each) for each in known.values()]).decode()})
    return [_completion(row) for row in rows]


def find_completion(conn: Connection, like: Completion) -> Completion | None:
    """What is stored of the same member, subject and year."""
    c = completion.c
    query = select(completion).where(
        c.district == like.district, c.member == like.member, c.subject == like.subject, c.year == like.year
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else _completion(row)


def completed_subjects(
    conn: Connection, district: str, members: Collection[str], subjects: Collection[str]
) -> dict[tuple[str, str, int], Completion]:
    """What these members completed of these subjects, by member, subject and year."""
    c = completion.c
    query = select(completion).where(c.district == district, c.subject.in_(subjects), c.member.in_(members))
    found = map(_completion, conn.execute(query))
    return {(each.member, each.subject, each.year): each for each in found}


def completions_below_page(
    conn: Connection, organization: str, year: int, after: Position, limit: int
) -> Sequence[tuple[str, Completion]]:
    """What the members of an organization and of those below it completed in a year, with the member's number, by
    member and subject.
    """
    c, m = completion.c, member.c
    query = (
        select(completion, m.number)
        .join(member, (m.district == c.district) & (m.id == c.member))
        .where(
            c.district == codes.district_of(organization),
            c.year == year,
            m.organization.in_(below(organization)),
            behind(after, c.member, c.subject),
        )
    )
    rows = conn.execute(query.order_by(c.member, c.subject).limit(limit))
    return [(row.number, _completion(row)) for row in rows]


def completions_of(conn: Connection, member_id: str, subjects: Collection[str]) -> list[Completion]:
    """What a member completed of these, in whatever year."""
    c = completion.c
    query = select(completion).where(
        c.district == codes.district_of(member_id), c.member == member_id, c.subject.in_(subjects)
    )
    return [_completion(row) for row in conn.execute(query)]


def completions_page(conn: Connection, member_id: str, year: int, after: Position, limit: int) -> Sequence[Completion]:
    """What a member completed in a year, or in all of them if it is 0, the latest first."""
    c = completion.c
    query = select(completion).where(
        c.district == codes.district_of(member_id),
        c.member == member_id,
        behind(after, c.complete_time, c.subject, descending=True),
    )
    if year:
        query = query.where(c.year == year)
    ordered = query.order_by(c.complete_time.desc(), c.subject.desc()).limit(limit)
    return [_completion(row) for row in conn.execute(ordered)]


def completions_between(conn: Connection, member_id: str, since: datetime, until: datetime) -> Sequence[Completion]:
    """What a member completed from one moment on and before another one."""
    c = completion.c
    query = select(completion).where(
        c.district == codes.district_of(member_id),
        c.member == member_id,
        c.complete_time >= since,
        c.complete_time < until,
    )
    return [_completion(row) for row in conn.execute(query)]


def _values(of: Completion) -> dict[str, object]:
    return {
        "district": of.district,
        "member": of.member,
        "subject": of.subject,
        "year": of.year,
        "kind": of.kind,
        "minutes": of.minutes,
        "percent": of.percent,
        "complete_time": of.complete_time,
    }


def _completion(row: Any) -> Completion:
    return Completion(
        member=row.member,
        subject=row.subject,
        kind=row.kind,
        minutes=row.minutes,
        percent=row.percent,
        complete_time=row.complete_time,
    )
