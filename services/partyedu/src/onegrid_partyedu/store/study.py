"""The statements over what members study: when, on which player, and what was done of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid_kit import codes, ladder
from onegrid_kit.batches import BatchStatement
from onegrid_partyedu.course import LESSON
from onegrid_partyedu.course_progress import CourseCounts, Evidence
from onegrid_partyedu.sitting import Sitting
from onegrid_partyedu.study_time import REPORT_TOLERANCE, Interval

__all__ = [
    "count_progress",
    "enter_sittings",
    "evidence_of",
    "find_sittings",
    "forget_players",
    "mark_done",
    "report_study",
    "save_sittings",
    "sittings_of_device",
    "students_after",
    "times_in_line",
]

_COUNTED: Final = f"{CompletionKind.COMPLETION_KIND_COURSE:d}, {CompletionKind.COMPLETION_KIND_QUIZ:d}"
_PUBLISHED: Final = f"{CourseState.COURSE_STATE_PUBLISHED:d}"

report_study = BatchStatement(
    "district text, course text, lesson text, device uuid, year_begin timestamptz",
    f"""
    looked AS MATERIALIZED (
      SELECT DISTINCT ON (fresh.district, member, device, course, lesson) fresh.*, (
        SELECT player.report_time FROM study_player AS player
        WHERE player.district = fresh.district AND player.member = fresh.member AND player.device = fresh.device
          AND player.course = fresh.course AND player.lesson = fresh.lesson AND player.report_time < fresh.time
          AND player.report_time >= fresh.time - interval '{REPORT_TOLERANCE.total_seconds():.0f} seconds'
      ) AS since
      FROM fresh ORDER BY fresh.district, member, device, course, lesson, fresh.time DESC
    )
    """,
    # Rows in one order everywhere, so that two batches can't wait for one another.
    """
    studied AS (
      INSERT INTO study_time AS known (district, member, course, lesson, studied)
      SELECT district, member, course, lesson,
             coalesce(range_agg(tstzrange(since, time)) FILTER (WHERE since IS NOT NULL), '{}')
      FROM looked GROUP BY district, member, course, lesson ORDER BY district, member, course, lesson
      ON CONFLICT (district, member, course, lesson) DO UPDATE SET studied = known.studied + excluded.studied
      WHERE NOT isempty(excluded.studied)
      RETURNING district, member, course, lesson, complete_time,
        (SELECT sum(upper(range) - lower(range)) FROM unnest(known.studied) AS range) AS study_time
    )
    """,
    """
    played AS (
      INSERT INTO study_player AS known (district, member, device, course, lesson, report_time)
      SELECT DISTINCT ON (district, member, device) district, member, device, course, lesson, time
      FROM looked ORDER BY district, member, device, time DESC
      ON CONFLICT (district, member, device) DO UPDATE SET
        course = excluded.course, lesson = excluded.lesson, report_time = excluded.report_time
      WHERE known.report_time <= excluded.report_time
    )
    """,
    # Whether it is done depends on what else was studied at the same time: that is looked at outside of this statement.
    "due AS ("
    + ladder.setting(
        """
        SELECT 'study', 'members/' || member || '/courses/' || course, 1, max(looked.time)
        FROM studied JOIN looked USING (district, member, course, lesson)
        WHERE study_time >= make_interval(mins => looked.required_minutes)
          AND (complete_time IS NULL OR complete_time < looked.year_begin)
        GROUP BY member, course ORDER BY member, course
        """
    )
    + ")",
    guard=f"""
      SELECT item.position, member.id AS member, lesson.required_minutes
      FROM item
      JOIN member ON member.district = item.district AND member."user" = item.caller AND member."user" <> ''
        AND member.end_time IS NULL
      JOIN course ON course.district = item.district AND course.id = item.course AND course.state = {_PUBLISHED}
      JOIN lesson ON lesson.district = item.district AND lesson.course = item.course AND lesson.id = item.lesson
      WHERE course.organization IN ('', member.organization) OR EXISTS (
        WITH RECURSIVE above AS (
          SELECT parent FROM organization AS own WHERE own.district = item.district AND own.id = member.organization
          UNION
          SELECT next.parent FROM above JOIN organization AS next
            ON next.district = item.district AND next.id = above.parent
        ) SELECT FROM above WHERE above.parent = course.organization
      )
    """,
    shared=True,
)
"""Takes reports of players, of members whom the lesson is for; what they come to is looked at by the ladder `study`."""

_RANGES: Final = """
  ARRAY(SELECT lower(range) FROM unnest(studied) AS range ORDER BY 1) AS begins,
  ARRAY(SELECT upper(range) FROM unnest(studied) AS range ORDER BY 1) AS ends
"""
_STUDIED: Final = text(
    f"""
    SELECT member, course, lesson, complete_time, {_RANGES} FROM study_time
    WHERE district = ANY(:districts) AND member = ANY(:members)
    UNION ALL
    SELECT member, course, lesson, NULL, {_RANGES} FROM sitting
    WHERE district = ANY(:districts) AND member = ANY(:members)
    """
)
_COMPLETED: Final = text(
    f"""
    SELECT member, subject, complete_time FROM completion
    WHERE district = ANY(:districts) AND member = ANY(:members) AND subject = ANY(:subjects) AND kind IN ({_COUNTED})
    ORDER BY complete_time
    """
)
_MARK_DONE: Final = text(
    """
    INSERT INTO study_time (district, member, course, lesson, studied, complete_time)
    VALUES (:district, :member, :course, :lesson, '{}', :complete_time)
    ON CONFLICT (district, member, course, lesson) DO UPDATE SET complete_time = excluded.complete_time
    """
)
_BELONGED: Final = text(
    """
    WITH RECURSIVE tree AS (
      SELECT district, id AS top, id FROM organization WHERE district = ANY(:districts) AND id = ANY(:organizations)
      UNION
      SELECT child.district, tree.top, child.id FROM tree
      JOIN organization AS child ON child.district = tree.district AND child.parent = tree.id
    )
    SELECT membership.member, tree.top, membership.begin_time, membership.end_time
    FROM membership JOIN tree ON tree.district = membership.district AND tree.id = membership.organization
    WHERE membership.district = ANY(:districts) AND membership.member = ANY(:members)
    """
)
_ENTER_SITTING: Final = text(
    """
    INSERT INTO sitting (district, member, course, lesson, id, entries, devices, studied, create_time)
    VALUES (:district, :member, :course, :lesson, :id, 0, '{}', '{}', :create_time) ON CONFLICT DO NOTHING
    """
)
_BEGIN: Final = text(
    """
    INSERT INTO study_time (district, member, course, lesson, studied)
    VALUES (:district, :member, :course, :lesson, '{}') ON CONFLICT DO NOTHING
    """
)
_SITTINGS: Final = text(
    f"""
    SELECT sitting.*, {_RANGES}
    FROM unnest(
      CAST(:districts AS text[]), CAST(:members AS text[]), CAST(:courses AS text[]), CAST(:lessons AS text[]),
      CAST(:ids AS text[])
    ) AS wanted (district, member, course, lesson, id)
    JOIN sitting USING (district, member, course, lesson, id)
    ORDER BY sitting.district, sitting.member, sitting.course, sitting.lesson, sitting.id
    FOR UPDATE OF sitting
    """
)
_SAVE_SITTING: Final = text(
    """
    UPDATE sitting SET entries = :entries, devices = :devices, studied = coalesce((
      SELECT range_agg(tstzrange(range.begin_time, range.end_time))
      FROM unnest(CAST(:begins AS timestamptz[]), CAST(:ends AS timestamptz[])) AS range (begin_time, end_time)
    ), '{}')
    WHERE district = :district AND member = :member AND course = :course AND lesson = :lesson AND id = :id
    """
)
_OF_DEVICE: Final = text(
    """
    SELECT member, course, lesson, id FROM sitting
    WHERE devices @> ARRAY[CAST(:device AS text)] AND create_time >= :since
    """
)
_STUDENTS: Final = text(
    """
    SELECT DISTINCT member FROM study_time
    WHERE district = :district AND course = :course AND member > :after ORDER BY member LIMIT :most
    """
)
_COUNT: Final = text(
    """
    WITH RECURSIVE tree AS (
      SELECT id FROM organization WHERE district = :district AND id = :organization
      UNION
      SELECT child.id FROM tree JOIN organization AS child ON child.district = :district AND child.parent = tree.id
    )
    SELECT count(*) AS members,
      count(*) FILTER (WHERE EXISTS (
        SELECT FROM study_time AS own
        WHERE own.district = member.district AND own.member = member.id AND own.course = :course OFFSET 0
      )) AS begun,
      count(*) FILTER (WHERE EXISTS (
        SELECT FROM completion AS own
        WHERE own.district = member.district AND own.member = member.id AND own.subject = :subject AND own.year = :year
        OFFSET 0
      )) AS completed
    FROM tree JOIN member ON member.district = :district AND member.organization = tree.id AND member.end_time IS NULL
    """
)
_FORGET_PLAYERS: Final = text("DELETE FROM study_player WHERE report_time < :before")


def evidence_of(conn: Connection, members: Collection[str], subjects: Collection[str]) -> dict[str, Evidence]:
    """What is known of the study of these members, by id: all that they studied, and which of these courses and
    quizzes, given by their names, they completed.
    """
    values = {"districts": list({codes.district_of(each) for each in members}), "members": list(members)}
    studied: dict[str, dict[str, list[Interval]]] = {each: {} for each in members}
    done: dict[str, dict[str, datetime]] = {each: {} for each in members}
    for row in conn.execute(_STUDIED, values):
        name = LESSON.name(row.course, row.lesson)
        studied[row.member].setdefault(name, []).extend(zip(row.begins, row.ends, strict=True))
        if row.complete_time is not None:
            done[row.member][name] = row.complete_time
    completed: dict[str, dict[str, list[datetime]]] = {each: {} for each in members}
    for row in conn.execute(_COMPLETED, {**values, "subjects": list(subjects)}):
        completed[row.member].setdefault(row.subject, []).append(row.complete_time)
    return {
        each: Evidence(
            studied=studied[each],
            done=done[each],
            completed={subject: tuple(times) for subject, times in completed[each].items()},
        )
        for each in members
    }


def times_in_line(
    conn: Connection, members: Collection[str], organizations: Collection[str]
) -> dict[tuple[str, str], list[tuple[datetime, datetime | None]]]:
    """When these members belonged to one of these organizations, or to one below it, as the line is now: by the ids of
    both.
    """
    values = {
        "districts": list({codes.district_of(each) for each in members}),
        "members": list(members),
        "organizations": list(organizations),
    }
    found: dict[tuple[str, str], list[tuple[datetime, datetime | None]]] = {}
    for row in conn.execute(_BELONGED, values) if organizations else ():
        found.setdefault((row.member, row.top), []).append((row.begin_time, row.end_time))
    return found


def mark_done(conn: Connection, member: str, course: str, lessons: Mapping[str, datetime]) -> None:
    """Keep when these lessons, given by their ids, were done."""
    key = {"district": codes.district_of(member), "member": member, "course": course}
    rows = [{**key, "lesson": lesson, "complete_time": time} for lesson, time in sorted(lessons.items())]
    if rows:
        conn.execute(_MARK_DONE, rows)


def enter_sittings(conn: Connection, new: Iterable[Sitting]) -> None:
    """Enter those of the sittings that are not there; what they are of has begun."""
    rows = sorted((_key(each) | {"create_time": each.create_time} for each in new), key=lambda row: tuple(row.values()))
    if rows:
        conn.execute(_ENTER_SITTING, rows)
        conn.execute(_BEGIN, [{name: row[name] for name in ("district", "member", "course", "lesson")} for row in rows])


def find_sittings(conn: Connection, keys: Sequence[tuple[str, str, str, str]]) -> list[Sitting]:
    """The sittings of these members, courses, lessons and ids, those that there are; nobody else changes them until the
    transaction ends.
    """
    members, courses, lessons, ids = zip(*keys, strict=True)
    values = {
        "districts": [codes.district_of(each) for each in members],
        "members": list(members),
        "courses": list(courses),
        "lessons": list(lessons),
        "ids": list(ids),
    }
    return [
        Sitting(
            member=row.member,
            course=row.course,
            lesson=row.lesson,
            id=row.id,
            entries=row.entries,
            devices=tuple(row.devices),
            studied=tuple(zip(row.begins, row.ends, strict=True)),
            create_time=row.create_time,
        )
        for row in conn.execute(_SITTINGS, values)
    ]


def save_sittings(conn: Connection, changed: Collection[Sitting]) -> None:
    """Store what their logs come to."""
    rows = [
        _key(each)
        | {
            "entries": each.entries,
            "devices": list(each.devices),
            "begins": [begin for begin, _ in each.studied],
            "ends": [end for _, end in each.studied],
        }
        for each in changed
    ]
    if rows:
        conn.execute(_SAVE_SITTING, rows)


def sittings_of_device(conn: Connection, device_key: str, since: datetime) -> list[tuple[str, str, str, str]]:
    """The sittings with entries of a device whose first entry arrived since then: member, course, lesson, id."""
    return [tuple(row) for row in conn.execute(_OF_DEVICE, {"device": device_key, "since": since})]


def students_after(conn: Connection, course: str, after: str, most: int) -> list[str]:
    """The ids of members who began the course, behind that one."""
    values = {"district": codes.district_of(course), "course": course, "after": after, "most": most}
    return list(conn.execute(_STUDENTS, values).scalars())


def count_progress(conn: Connection, organization: str, course: str, subject: str, year: int) -> CourseCounts:
    """How many members of an organization and of those below it there are, began a course, and completed it in a
    year.
    """
    values = {
        "district": codes.district_of(course),
        "organization": organization,
        "course": course,
        "subject": subject,
        "year": year,
    }
    row = conn.execute(_COUNT, values).one()
    return CourseCounts(members=row.members, begun=row.begun, completed=row.completed)


def forget_players(conn: Connection, before: datetime) -> None:
    """Forget players that have not reported since then."""
    conn.execute(_FORGET_PLAYERS, {"before": before})


def _key(of: Sitting) -> dict[str, Any]:
    return {
        "district": of.district,
        "member": of.member,
        "course": of.course,
        "lesson": of.lesson,
        "id": of.id,
    }
