"""The statements over hours of study in a year."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit import codes
from onegrid_partyedu.hours import HoursDuty, at_in_year, span_of, with_standing
from onegrid_partyedu.tables import completion, hours_duty, officer

__all__ = [
    "YearOfStudy",
    "duties_of",
    "lock_duties",
    "parents_of",
    "posts_at",
    "save_duty",
    "studied_minutes",
    "studied_years",
    "year_of_study",
]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('partyedu duties'), hashtext(:district))")
# A member's duty is the most of those for everybody (post 0) and for the posts that the member holds. All members of
# the district are counted; what those inside of the organization studied is looked up, by their index, which OFFSET
# keeps the planner at.
_BY_ORGANIZATION = text(
    """
    WITH RECURSIVE tree AS (
      SELECT id FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT o.id FROM tree JOIN organization o ON o.district = :district AND o.parent = tree.id
    ),
    duty AS (
      SELECT post, max(minutes) AS minutes
      FROM unnest(CAST(:posts AS smallint[]), CAST(:minutes AS integer[])) AS d (post, minutes) GROUP BY post
    ),
    posted AS (
      SELECT f.member, max(duty.minutes) AS minutes
      FROM officer f JOIN duty ON duty.post = f.post
      WHERE f.district = :district AND f.begin_time <= :at AND (f.end_time IS NULL OR f.end_time > :at)
      GROUP BY f.member
    )
    SELECT s.organization, count(*) AS members, CAST(sum(studied.minutes) AS bigint) AS minutes,
      count(*) FILTER (
        WHERE studied.minutes >= greatest(posted.minutes, (SELECT minutes FROM duty WHERE post = 0), 0)
      ) AS reached,
      CAST(sum(studied.courses) AS bigint) AS courses, CAST(sum(studied.quizzes) AS bigint) AS quizzes,
      CAST(sum(studied.meetings) AS bigint) AS meetings, CAST(sum(studied.trainings) AS bigint) AS trainings
    FROM membership s
    LEFT JOIN posted ON posted.member = s.member
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(c.minutes), 0) AS minutes,
        count(*) FILTER (WHERE c.kind = 1) AS courses, count(*) FILTER (WHERE c.kind = 2) AS quizzes,
        count(*) FILTER (WHERE c.kind = 3) AS meetings, count(*) FILTER (WHERE c.kind = 4) AS trainings
      FROM completion c
      WHERE s.organization IN (SELECT id FROM tree) AND c.district = :district AND c.member = s.member
        AND c.complete_time >= :begin_time AND c.complete_time < :end_time
      OFFSET 0
    ) AS studied
    WHERE s.district = :district AND s.begin_time <= :at AND (s.end_time IS NULL OR s.end_time > :at)
    GROUP BY s.organization
    """
)
_PARENTS = text("SELECT id, parent FROM organization WHERE district = :district")


class YearOfStudy(NamedTuple):
    """What the members of an organization studied in a year."""

    members: int
    minutes: int
    """Of all together."""
    reached: int
    """How many studied as much as they are to."""
    courses: int
    quizzes: int
    meetings: int
    trainings: int

    @property
    def figures(self) -> tuple[int, int, int]:
        """Members, their minutes, and how many reached it."""
        return self.members, self.minutes, self.reached


def lock_duties(conn: Connection, district: str) -> None:
    """Have nobody else define duties of the district until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def duties_of(conn: Connection, district: str) -> tuple[HoursDuty, ...]:
    """The duties of a district, with those that stand from the start, by id."""
    rows = conn.execute(select(hours_duty).where(hours_duty.c.district == district))
    return with_standing(district, [_duty(row) for row in rows])


def save_duty(conn: Connection, changed: HoursDuty) -> None:
    """Enter a duty, or store it as it is now."""
    values: dict[str, Any] = {**asdict(changed), "posts": list(changed.posts)}
    id_ = values.pop("id")
    statement = insert(hours_duty).values(district=changed.district, id=id_, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=list(hours_duty.primary_key), set_={name: statement.excluded[name] for name in values}
        )
    )


def year_of_study(
    conn: Connection, organization: str, year: int, duties: Collection[HoursDuty], now: datetime
) -> dict[str, YearOfStudy]:
    """Of each organization of the district that has members: how many, and what those studied in the year who belong to
    this organization or one below it.
    """
    district = codes.district_of(organization)
    begin, end = span_of(year)
    each_post = [(int(post), duty.minutes) for duty in duties if duty.holds_in(year) for post in (duty.posts or (0,))]
    values = {
        "district": district,
        "organization": organization,
        "posts": [post for post, _ in each_post],
        "minutes": [minutes for _, minutes in each_post],
        "at": at_in_year(year, now),
        "begin_time": begin,
        "end_time": end,
    }
    return {row.organization: YearOfStudy(*row[1:]) for row in conn.execute(_BY_ORGANIZATION, values)}


def parents_of(conn: Connection, district: str) -> dict[str, str]:
    """The ids of all organizations of the district, each with that of the one above it."""
    return {row.id: row.parent for row in conn.execute(_PARENTS, {"district": district})}


def studied_minutes(conn: Connection, member: str, year: int) -> int:
    """How much a member studied in a year."""
    begin, end = span_of(year)
    c = completion.c
    query = select(c.minutes).where(
        c.district == codes.district_of(member),
        c.member == member,
        c.complete_time >= begin,
        c.complete_time < end,
    )
    return sum(conn.execute(query).scalars())


def studied_years(conn: Connection, member: str) -> list[int]:
    """The years in which a member completed something, the latest first."""
    c = completion.c
    query = select(c.year).where(c.district == codes.district_of(member), c.member == member).distinct()
    return list(conn.execute(query.order_by(c.year.desc())).scalars())


def posts_at(conn: Connection, member: str, at: datetime) -> list[OfficerPost]:
    """The posts that a member holds or held at a moment."""
    f = officer.c
    query = select(f.post).where(
        f.district == codes.district_of(member),
        f.member == member,
        f.begin_time <= at,
        f.end_time.is_(None) | (f.end_time > at),
    )
    return list(conn.execute(query).scalars())


def _duty(row: Any) -> HoursDuty:
    return HoursDuty(
        id=row.id,
        display_name=row.display_name,
        posts=tuple(row.posts),
        minutes=row.minutes,
        first_year=row.first_year,
        last_year=row.last_year,
        update_time=row.update_time,
    )
