"""The statements over how far those are whom a study plan is for: each over all of them at once, nothing of it is
stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from onegrid_kit.paging import Position, Scan
from onegrid_partyedu.study_plan import StudyPlan

__all__ = ["Overall", "Standing", "members_behind", "members_open", "overall", "parents_below", "totals"]

_LOOKED_AT: Final = 2_000
"""How many members are looked at for a page of those behind."""

# `asked`: whom the plan is for of an organization and of those below it, behind a member.
# `standing`: of each of them, which requirements are not done; the same rule as study_plan.progress_of.
# OFFSET keeps the planner at looking up what is the members', by their index: it would read what all of a district
# have.
_STANDING = """
    WITH RECURSIVE tree AS (
      SELECT id FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT o.id FROM tree JOIN organization o ON o.district = :district AND o.parent = tree.id
    ),
    whole AS (
      SELECT id FROM organization WHERE district = :district AND id = :whole
      UNION
      SELECT o.id FROM whole JOIN organization o ON o.district = :district AND o.parent = whole.id
    ),
    holder AS MATERIALIZED (
      SELECT DISTINCT f.member FROM officer f JOIN whole ON whole.id = f.organization
      WHERE f.district = :district AND f.post = ANY (CAST(:posts AS smallint[]))
        AND f.begin_time <= :at AND (f.end_time IS NULL OR f.end_time > :at)
    ),
    asked AS MATERIALIZED (
      SELECT s.member, s.organization
      FROM tree CROSS JOIN LATERAL (
        SELECT member, organization FROM membership
        WHERE district = :district AND organization = tree.id AND member > :after
          AND begin_time <= :at AND (end_time IS NULL OR end_time > :at)
        OFFSET 0
      ) AS s
      WHERE (:member_state = 0 OR :member_state = (
          SELECT CASE WHEN m.confirm_time <= :at THEN 2 ELSE 1 END FROM member m
          WHERE m.district = :district AND m.id = s.member
        ))
        AND (cardinality(CAST(:posts AS smallint[])) = 0 OR s.member IN (SELECT member FROM holder))
      ORDER BY s.member LIMIT CAST(:looked_at AS integer)
    ),
    wanted AS MATERIALIZED (
      SELECT *, due_time <= :at AS due FROM unnest(
        CAST(:subjects AS text[]), CAST(:meetings AS integer[]), CAST(:minutes AS integer[]),
        CAST(:due_times AS timestamptz[])
      ) WITH ORDINALITY AS w (subject, meetings, minutes, due_time, position)
    ),
    standing AS (
      SELECT asked.member, asked.organization, compared.open, compared.behind
      FROM asked
      CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE c.kind = 3 AND c.complete_time >= :begin_time) AS meetings,
          coalesce(sum(c.minutes) FILTER (WHERE c.complete_time >= :begin_time), 0) AS minutes,
          coalesce(array_agg(c.subject) FILTER (WHERE c.subject = ANY (CAST(:subjects AS text[]))), '{}') AS subjects
        FROM completion c
        WHERE c.district = :district AND c.member = asked.member
          AND c.complete_time >= :since AND c.complete_time < :until
        OFFSET 0
      ) AS studied
      CROSS JOIN LATERAL (
        SELECT array_agg(position ORDER BY position) AS open,
          array_agg(position ORDER BY position) FILTER (WHERE due) AS behind
        FROM wanted
        WHERE NOT CASE
          WHEN wanted.subject <> '' THEN wanted.subject = ANY (studied.subjects)
          WHEN wanted.meetings > 0 THEN studied.meetings >= wanted.meetings
          ELSE studied.minutes >= wanted.minutes
        END
        OFFSET 0
      ) AS compared
    )
    """
_TOTALS = text(
    _STANDING
    + """
    SELECT organization, count(*) AS members, count(*) - count(open) AS done, count(behind) AS behind
    FROM standing GROUP BY organization
    """
)
_OVERALL = text(
    _STANDING
    + """
    SELECT count(*) AS members, count(*) - count(open) AS done, count(behind) AS behind,
      ARRAY(
        SELECT (SELECT count(*) FROM standing) - count(left_open.position)
        FROM wanted LEFT JOIN (SELECT unnest(open) AS position FROM standing) AS left_open USING (position)
        GROUP BY wanted.position ORDER BY wanted.position
      ) AS requirements
    FROM standing
    """
)
_MEMBERS = text(_STANDING + "SELECT member, open, behind FROM standing ORDER BY member")
_PARENTS = text(
    """
    WITH RECURSIVE tree AS (
      SELECT id, parent FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT o.id, o.parent FROM tree JOIN organization o ON o.district = :district AND o.parent = tree.id
    )
    SELECT id, parent FROM tree
    """
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a member has not done."""

    member: str
    """The member's id."""
    requirements: tuple[str, ...]
    """The ids of the requirements, in the plan's order."""


@dataclass(frozen=True, slots=True)
class Overall:
    """How far members are with a plan, counted."""

    members: int
    """How many it is for."""
    done: int
    """Of them have done everything."""
    behind: int
    """Have not done what was due."""
    requirements: tuple[int, ...]
    """How many have done each requirement, in the plan's order."""


def totals(conn: Connection, plan: StudyPlan, organization: str, now: datetime) -> dict[str, tuple[int, int, int]]:
    """Of each organization from this one down whose own members the plan is for: how many it is for, how many have
    done everything, how many are behind.
    """
    rows = conn.execute(_TOTALS, _values(plan, organization, now))
    return {row.organization: (row.members, row.done, row.behind) for row in rows}


def overall(conn: Connection, plan: StudyPlan, organization: str, now: datetime) -> Overall:
    """How far all members from this organization down are whom the plan is for."""
    row = conn.execute(_OVERALL, _values(plan, organization, now)).one()
    return Overall(row.members, row.done, row.behind, tuple(row.requirements))


def parents_below(conn: Connection, district: str, organization: str) -> dict[str, str]:
    """The ids of the organization and of all below it, each with that of the one above it."""
    rows = conn.execute(_PARENTS, {"district": district, "organization": organization})
    return {row.id: row.parent for row in rows}


def members_behind(
    conn: Connection, plan: StudyPlan, organization: str, now: datetime, after: Position, limit: int
) -> Scan[Standing]:
    """Who from this organization down has not done what was due, by the member's id."""
    rows = _look(conn, plan, organization, now, str(after[0]) if after else "", _LOOKED_AT)
    found = [Standing(row.member, _ids(plan, row.behind)) for row in rows if row.behind]
    if len(found) > limit or len(rows) < _LOOKED_AT:
        return Scan(found[:limit])
    return Scan(found, None if len(found) == limit else (rows[-1].member,))


def members_open(
    conn: Connection, plan: StudyPlan, requirements: Sequence[str], now: datetime, after: str, most: int
) -> tuple[list[str], str]:
    """The ids of those among the plan's next members who have not done one of these requirements, and the last one
    that was looked at; empty: there are no more.
    """
    rows = _look(conn, plan, plan.organization, now, after, most)
    wanted = set(requirements)
    found = [row.member for row in rows if wanted.intersection(_ids(plan, row.open or ()))]
    return found, rows[-1].member if len(rows) == most else ""


def _look(conn: Connection, plan: StudyPlan, organization: str, now: datetime, after: str, most: int) -> Sequence[Any]:
    return conn.execute(_MEMBERS, {**_values(plan, organization, now), "after": after, "looked_at": most}).all()


def _ids(plan: StudyPlan, positions: Sequence[int]) -> tuple[str, ...]:
    return tuple(plan.requirements[position - 1].id for position in positions)


def _values(plan: StudyPlan, organization: str, now: datetime) -> Mapping[str, Any]:
    return {
        "district": plan.district,
        "organization": organization,
        "whole": plan.organization,
        "member_state": int(plan.member_state),
        "posts": [int(each) for each in plan.posts],
        "at": plan.at(now),
        "begin_time": plan.begin_time,
        "since": plan.since,
        "until": plan.until,
        "subjects": [each.subject for each in plan.requirements],
        "meetings": [each.meetings for each in plan.requirements],
        "minutes": [each.minutes for each in plan.requirements],
        "due_times": [each.due_time for each in plan.requirements],
        "after": "",
        "looked_at": None,
    }
