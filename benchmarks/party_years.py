"""Five years of a district's Party organizations: 515 of them, 11,020 members, 275,500 completions a year."""

from __future__ import annotations

from typing import Final

import psycopg

from onegrid_demo import district, party_roll

__all__ = ["COMMITTEE", "LAST", "MEMBERS", "PLAN", "store"]

MEMBERS: Final = 11_020
LAST: Final = 2026
"""The last of the five years."""
COMMITTEE: Final = f"{district.CODE}-committee"
"""The id of the organization that all others stand below."""
PLAN: Final = f"{district.CODE}-year-{LAST}"
"""The id of the plan that asks most: of all members, for courses, quizzes, meetings and minutes."""
_ORGANIZATIONS: Final = 515
_YEARS: Final = 5
_MEETINGS: Final = 16
"""What of a year's 25 completions of a member are meetings; the rest are courses, quizzes and trainings in turn."""
_TASKS: Final = 100
"""How many guidance tasks go to all organizations in a year."""

_STORED: Final = (
    """
    INSERT INTO term (district, organization, number, begin_time, due_time, end_time)
    SELECT district, id, number, make_timestamptz(%(first)s - 2 + 3 * number, 3, 1, 0, 0, 0),
           make_timestamptz(%(first)s + 1 + 3 * number, 3, 1, 0, 0, 0),
           CASE WHEN number = 1 THEN make_timestamptz(%(first)s + 1 + 3 * number, 3, 1, 0, 0, 0) END
    FROM organization, generate_series(1, 2) AS number
    """,
    """
    INSERT INTO member (
      district, id, version, organization, organization_time, state, sealed_name, name_index, number, "user",
      join_time, probation_end_time, probation_extended, confirm_time, end_time, end_reason, create_time, update_time)
    SELECT %(district)s, %(district)s || '-' || lpad(n::text, 19, '0'), 1, branch[1 + n %% array_length(branch, 1)],
           begun, 2, '', '', 'D' || n, 'users/' || lpad(n::text, 20, '0'), begun, begun + '1 year', false,
           begun + '1 year', CASE WHEN n %% 50 = 0 THEN begun + '3 years' END, 0, begun, begun
    FROM (SELECT array_agg(id ORDER BY id) AS branch FROM organization WHERE parent <> '') AS line,
      generate_series(1, %(members)s) AS n,
      LATERAL (SELECT make_timestamptz(%(first)s - n %% 30 + CASE WHEN n %% 10 = 0 THEN 20 ELSE -5 END, 7, 1, 0, 0, 0)
               - make_interval(days => n %% 300) AS raw) AS joined,
      LATERAL (SELECT least(raw, make_timestamptz(%(last)s, 1, 1, 0, 0, 0)) AS begun) AS limited
    """,
    # One in ten has come from another organization.
    """
    INSERT INTO membership (district, member, organization, begin_time, end_time)
    SELECT m.district, m.id, other.id, m.join_time,
           least(m.join_time + '2 years', make_timestamptz(%(last)s, 2, 1, 0, 0, 0))
    FROM member m JOIN (
      SELECT id, lag(id) OVER (ORDER BY id) AS next FROM organization WHERE parent <> ''
    ) AS other ON other.next = m.organization WHERE hashtext(m.id) %% 10 = 0
    """,
    """
    INSERT INTO membership (district, member, organization, begin_time, end_time)
    SELECT m.district, m.id, m.organization, coalesce(s.end_time, m.join_time), m.end_time
    FROM member m LEFT JOIN membership s ON s.district = m.district AND s.member = m.id
    """,
    """
    INSERT INTO transfer (district, id, member, source, target, state, reason, create_time, expire_time, end_time)
    SELECT s.district, s.district || '-' || lpad(s.number::text, 19, '0'), s.member, s.organization, m.organization,
           2, '', s.end_time, s.end_time + '90 days', s.end_time
    FROM membership s JOIN member m ON m.id = s.member WHERE s.organization <> m.organization
    """,
    """
    INSERT INTO officer (district, organization, term, post, member, begin_time)
    SELECT district, organization, 2, row_number, id, make_timestamptz(%(first)s + 4, 3, 1, 0, 0, 0)
    FROM (SELECT *, row_number() OVER (PARTITION BY organization ORDER BY id) FROM member WHERE end_time IS NULL) AS m
    WHERE row_number <= 3
    """,
    # Each month a themed day and a committee, each quarter an assembly, each year a lecture.
    """
    INSERT INTO meeting (
      district, id, version, sequence, organization, kind, title, begin_time, planned_end_time, place, agenda,
      expected, members, guests_welcome, state, cancel_reason, sealed_secret, duration_minutes, create_time,
      update_time)
    SELECT district, %(district)s || '-' || lpad((row_number() OVER (ORDER BY begin, id))::text, 19, '0'), 3, 1, id,
           held.kind, '主题党日', begin, begin + '2 hours', '会议室', '{学习,讨论}', 1, '{}', false, 3, '', '', 90,
           begin, begin
    FROM organization, generate_series(%(first)s, %(last)s) AS year,
      LATERAL (
        SELECT CASE WHEN n <= 12 THEN 5 WHEN n <= 24 THEN 2 WHEN n <= 28 THEN 1 ELSE 4 END AS kind,
               make_timestamptz(year, 1 + n %% 12, 1 + n %% 27, 1, 0, 0) AS begin FROM generate_series(1, 29) AS n
      ) AS held
    WHERE form = 3
    """,
    """
    INSERT INTO completion (district, member, subject, year, kind, minutes, percent, complete_time)
    SELECT m.district, m.id,
           (ARRAY['courses/', 'quizzes/', 'meetings/', 'trainings/'])[of_kind.kind]
             || m.district || '-' || year || '-' || n,
           year, of_kind.kind, CASE WHEN kind = 4 THEN 240 ELSE 60 + n END, CASE kind WHEN 2 THEN 60 + n END,
           make_timestamptz(year, 1 + n %% 12, 1 + (hashtext(m.id) & 15), 2 + n %% 8, 0, n) AS complete_time
    FROM generate_series(%(first)s, %(last)s) AS year, generate_series(1, 25) AS n,
      LATERAL (SELECT CASE WHEN n <= %(meetings)s THEN 3 ELSE (ARRAY[1, 2, 4])[1 + n %% 3] END AS kind) AS of_kind,
      member m
    WHERE m.join_time < make_timestamptz(year, 1, 1, 0, 0, 0)
      AND (m.end_time IS NULL OR m.end_time > make_timestamptz(year, 1, 1, 0, 0, 0))
      AND hashtext(m.id || n) %% 16 <> 0
    ORDER BY complete_time
    """,
    """
    INSERT INTO quiz_attempt (
      district, id, version, quiz, quiz_revision, member, "user", number, state, sequences, begin_time, due_time,
      end_time, hundredths, most, worth, passed)
    SELECT district, district || '-' || lpad((row_number() OVER (ORDER BY complete_time))::text, 19, '0'), 22,
           substr(subject, 9), 1, member, 'users/' || substr(member, 8), 1, 2, array_fill(1, ARRAY[20]),
           complete_time - interval '20 minutes', complete_time + interval '10 minutes', complete_time, 7000, 10000,
           array_fill(350, ARRAY[20]), true
    FROM completion WHERE kind = 2
    """,
    """
    INSERT INTO guidance_task (
      district, id, sender, title, text, media, due_time, report_wanted, upper, assignments, withdraw_reason,
      create_time)
    SELECT %(district)s, %(district)s || '-' || lpad((1000 * year + n)::text, 19, '0'), %(committee)s, '学习部署', '',
           '{}', begin + '20 days', true, '', 515, '', begin
    FROM generate_series(%(first)s, %(last)s) AS year, generate_series(1, %(tasks)s) AS n,
      LATERAL (SELECT make_timestamptz(year, 1 + n %% 12, 1 + n %% 20, 1, 0, 0) AS begin) AS sent
    """,
    """
    INSERT INTO guidance_assignment (
      district, task, organization, version, state, due_time, create_time, reader, read_time, report, report_media,
      report_time, return_reason, decide_time)
    SELECT t.district, t.id, o.id, 4, CASE WHEN hashtext(o.id || t.id) %% 20 = 0 THEN 2 ELSE 5 END, t.due_time,
           t.create_time, 'users/1', t.create_time + '1 day', '已落实。', '{}', t.create_time + '9 days', '',
           t.create_time + '10 days'
    FROM guidance_task t, organization o WHERE o.parent <> ''
    """,
    # Of each year one plan that asks most, four quarterly ones, one for officers, one of each street and department.
    """
    INSERT INTO study_plan (
      district, id, version, display_name, organization, member_state, posts, begin_time, end_time,
      remind_days_before, remind_days_after, state, publish_time, create_time, update_time)
    SELECT %(district)s, of.id, 2, '年度学习计划', of.organization, 0, of.posts, of.begin, of.ending, '{}', '{}', 2,
           of.begin, of.begin, of.begin
    FROM generate_series(%(first)s, %(last)s) AS year, LATERAL (
      SELECT make_timestamptz(year, 1, 1, 0, 0, 0, 'Asia/Shanghai') AS begin,
             make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'Asia/Shanghai') AS ending
    ) AS whole, LATERAL (
      SELECT %(district)s || '-year-' || year AS id, %(committee)s AS organization, CAST('{}' AS smallint[]) AS posts,
             begin, ending
      UNION ALL
      SELECT %(district)s || '-officers-' || year, %(committee)s, '{1,2,3}', begin, ending
      UNION ALL
      SELECT %(district)s || '-quarter-' || year || '-' || n, %(committee)s, '{}',
             begin + make_interval(months => 3 * n - 3), begin + make_interval(months => 3 * n)
      FROM generate_series(1, 4) AS n
      UNION ALL
      SELECT replace(id, '-committee', '-year-') || year, id, '{}', begin, ending FROM organization
      WHERE parent = %(committee)s
    ) AS of
    """,
    """
    INSERT INTO study_requirement (district, plan, position, id, subject, meetings, minutes, due_time)
    SELECT district, plan.id, position, 'r' || position, subject, meetings, minutes, end_time - interval '30 days'
    FROM study_plan AS plan,
      LATERAL (SELECT extract(year FROM begin_time AT TIME ZONE 'Asia/Shanghai')::text AS year) AS of, LATERAL (
      VALUES (1, 'courses/' || district || '-' || year || '-18', 0, 0),
        (2, 'quizzes/' || district || '-' || year || '-19', 0, 0),
        (3, 'trainings/' || district || '-' || year || '-17', 0, 0), (4, '', 12, 0), (5, '', 0, 1800)
    ) AS wanted (position, subject, meetings, minutes)
    """,
    "VACUUM ANALYZE",
)


def store(url: str) -> None:
    """Store them in the database of partyedu."""
    given = {
        "district": district.CODE,
        "committee": COMMITTEE,
        "members": MEMBERS,
        "first": LAST - _YEARS + 1,
        "last": LAST,
        "meetings": _MEETINGS,
        "tasks": _TASKS,
    }
    line = [(COMMITTEE, 1, 1, "")]
    for each in party_roll.organizations()[: _ORGANIZATIONS - 1]:
        above = each.parent.removeprefix("organizations/") or COMMITTEE
        line.append((each.name.removeprefix("organizations/"), each.kind, each.form, above))
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as conn:
        with conn.cursor() as cursor:
            cursor.executemany(
                """
                INSERT INTO organization (
                  district, id, version, display_name, kind, form, parent, cells, term, create_time, update_time)
                VALUES (%s, %s, 1, '党支部', %s, %s, %s, '{}', 2, make_timestamptz(2020, 1, 1, 0, 0, 0), now())
                """,
                [(district.CODE, *each) for each in line],
            )
        for statement in _STORED:
            conn.execute(statement, given)
