"""The statements over a year of an organization and of those below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from onegrid.partyedu.v1.guidance_pb2 import GuidanceState
from onegrid.partyedu.v1.meetings_pb2 import MeetingKind, MeetingState
from onegrid_kit import codes
from onegrid_partyedu.hours import at_in_year, span_of
from onegrid_partyedu.store.study_plans import plans_of_ids
from onegrid_partyedu.study_plan import StudyPlan

__all__ = ["certificates_of_year", "counts_of_year", "guidance_of_year", "meetings_of_year", "plans_of_year"]

_TREE = """
    WITH RECURSIVE tree AS (
      SELECT id FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT o.id FROM tree JOIN organization o ON o.district = :district AND o.parent = tree.id
    )
    """
# OFFSET keeps the planner at looking up what is theirs, by the index: it would read what all of a district have.
_PRESENT = """
    , present AS MATERIALIZED (
      SELECT s.member FROM tree CROSS JOIN LATERAL (
        SELECT member FROM membership
        WHERE district = :district AND organization = tree.id
          AND begin_time <= :at AND (end_time IS NULL OR end_time > :at)
        OFFSET 0
      ) AS s
    )
    """
_COUNTS = text(
    _TREE
    + _PRESENT
    + """,
    people AS (
      SELECT count(*) FILTER (WHERE m.join_time >= :begin_time AND m.join_time < :end_time) AS joined,
        count(*) FILTER (WHERE m.confirm_time >= :begin_time AND m.confirm_time < :end_time) AS confirmed,
        count(*) FILTER (WHERE m.end_time >= :begin_time AND m.end_time < :end_time) AS ended
      FROM member m JOIN tree ON tree.id = m.organization WHERE m.district = :district
    ),
    moved AS (
      SELECT count(*) FILTER (WHERE comes.id IS NOT NULL AND leaves.id IS NULL) AS transferred_in,
        count(*) FILTER (WHERE comes.id IS NULL AND leaves.id IS NOT NULL) AS transferred_out
      FROM transfer t
      LEFT JOIN tree comes ON comes.id = t.target
      LEFT JOIN tree leaves ON leaves.id = t.source
      WHERE t.district = :district AND t.state = 2 AND t.end_time >= :begin_time AND t.end_time < :end_time
    ),
    standing AS (
      SELECT count(*) AS organizations,
        count(*) FILTER (WHERE NOT EXISTS (
          SELECT FROM term t
          WHERE t.district = :district AND t.organization = o.id AND t.begin_time <= :at
            AND (t.end_time IS NULL OR t.end_time > :at) AND t.due_time > :at
        )) AS overdue
      FROM tree JOIN organization o ON o.district = :district AND o.id = tree.id
      WHERE o.create_time <= :at AND (o.dissolve_time IS NULL OR o.dissolve_time > :at)
    ),
    taken AS (
      SELECT CAST(coalesce(sum(own.quizzes), 0) AS bigint) AS quizzes_taken
      FROM present CROSS JOIN LATERAL (
        SELECT count(DISTINCT a.quiz) AS quizzes FROM quiz_attempt a
        WHERE a.district = :district AND a.member = present.member
          AND a.begin_time >= :begin_time AND a.begin_time < :end_time
        OFFSET 0
      ) AS own
    )
    SELECT standing.*, people.*, moved.*, taken.*,
      (SELECT count(*) FROM present) AS members,
      (SELECT count(*) FROM present JOIN member m ON m.district = :district AND m.id = present.member
       WHERE m.confirm_time IS NULL OR m.confirm_time > :at) AS probationary,
      (SELECT count(*) FROM tree JOIN term t ON t.district = :district AND t.organization = tree.id
       WHERE t.begin_time >= :begin_time AND t.begin_time < :end_time) AS held
    FROM standing, people, moved, taken
    """
)
_CERTIFICATES = text(
    _TREE
    + _PRESENT
    + """,
    counted AS (
      SELECT own.scheme, count(*) AS issued, count(*) FILTER (WHERE own.valid) AS valid
      FROM present CROSS JOIN LATERAL (
        SELECT scheme, bool_or(coalesce(end_time > :at, true) AND coalesce(expire_time > :at, true)) AS valid
        FROM certificate
        WHERE district = :district AND member = present.member AND issue_time >= :begin_time AND issue_time < :end_time
        GROUP BY scheme, year
        OFFSET 0
      ) AS own
      GROUP BY own.scheme
    )
    SELECT s.id, s.title, counted.issued, counted.valid
    FROM counted JOIN certificate_scheme s ON s.district = :district AND s.id = counted.scheme
    ORDER BY counted.issued DESC, s.id
    """
)
_MEETINGS = text(
    _TREE
    + """
    SELECT m.kind, count(*) AS held FROM tree
    JOIN meeting m ON m.district = :district AND m.organization = tree.id
    WHERE m.state = :held AND m.begin_time >= :begin_time AND m.begin_time < :end_time
    GROUP BY m.kind
    """
)
_GUIDANCE = text(
    _TREE
    + """
    SELECT count(*) AS assignments, count(a.read_time) AS read, count(*) FILTER (WHERE a.state = :done) AS done,
      count(*) FILTER (WHERE a.state <> :done AND a.due_time <= :at) AS overdue
    FROM tree JOIN guidance_assignment a ON a.district = :district AND a.organization = tree.id
    WHERE a.state <> :withdrawn AND a.create_time >= :begin_time AND a.create_time < :end_time
    """
)
_PLANS = text(
    _TREE
    + """,
    up AS (
      SELECT id, parent FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT o.id, o.parent FROM up JOIN organization o ON o.district = :district AND o.id = up.parent
    )
    SELECT p.id, p.organization IN (SELECT id FROM tree) AS within FROM study_plan p
    WHERE p.district = :district AND p.state IN (2, 3) AND p.publish_time <= :at
      AND p.begin_time < :end_time AND least(p.end_time, p.close_time) > :begin_time
      AND p.organization IN (SELECT id FROM tree UNION SELECT id FROM up)
    """
)


def counts_of_year(conn: Connection, organization: str, year: int, now: datetime) -> Any:
    """The row of what there was in a year; its columns are named as the report's fields."""
    return conn.execute(_COUNTS, _values(organization, year, now)).one()


def certificates_of_year(conn: Connection, organization: str, year: int, now: datetime) -> Sequence[Any]:
    """How many certificates were issued in the year by each scheme, and are valid, the one with most first."""
    return conn.execute(_CERTIFICATES, _values(organization, year, now)).all()


def meetings_of_year(conn: Connection, organization: str, year: int, now: datetime) -> dict[MeetingKind, int]:
    """How many meetings of each kind were held in the year, of those of which some were."""
    values = {**_values(organization, year, now), "held": int(MeetingState.MEETING_STATE_HELD)}
    return {row.kind: row.held for row in conn.execute(_MEETINGS, values)}


def guidance_of_year(conn: Connection, organization: str, year: int, now: datetime) -> Any:
    """The row of what became of guidance tasks; its columns are named as the report's fields."""
    done, withdrawn = GuidanceState.GUIDANCE_STATE_DONE, GuidanceState.GUIDANCE_STATE_WITHDRAWN
    values = {**_values(organization, year, now), "done": int(done), "withdrawn": int(withdrawn)}
    return conn.execute(_GUIDANCE, values).one()


def plans_of_year(conn: Connection, organization: str, year: int, now: datetime) -> Sequence[tuple[StudyPlan, str]]:
    """The plans that ran in the year for members of these organizations, each with the id of the organization from
    which on down it is for them; as they stood at the end of the year, once it has ended.
    """
    _, end = span_of(year)
    rows = conn.execute(_PLANS, _values(organization, year, now)).all()
    found = plans_of_ids(conn, codes.district_of(organization), [row.id for row in rows])
    return [(found[row.id].ended_by(end), found[row.id].organization if row.within else organization) for row in rows]


def _values(organization: str, year: int, now: datetime) -> Mapping[str, Any]:
    begin, end = span_of(year)
    return {
        "district": codes.district_of(organization),
        "organization": organization,
        "begin_time": begin,
        "end_time": end,
        "at": at_in_year(year, now),
    }
