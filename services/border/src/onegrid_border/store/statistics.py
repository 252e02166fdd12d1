"""What patrols came to, added up by the database from their rows as they are judged now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, TextClause, text

from onegrid.border.v1.patrols_pb2 import AlarmState, PatrolState
from onegrid.border.v1.statistics_pb2 import PatrolGrouping
from onegrid_border.statistics import Month, Statistics
from onegrid_kit import codes
from onegrid_kit.paging import Position

__all__ = ["statistics_page"]

_SUBJECTS: Final[Mapping[PatrolGrouping, str]] = {
    PatrolGrouping.PATROL_GROUPING_UNSPECIFIED: "''",
    PatrolGrouping.PATROL_GROUPING_UNIT: "unit",
    PatrolGrouping.PATROL_GROUPING_ROUTE: 'route COLLATE "C"',
}
_COUNTED: Final = tuple(name for name in Statistics.__slots__ if name not in ("month", "subject", "duration"))


def _statement(subject: str) -> TextClause:
    """One range of `patrol_start` for each month, and one look into the key of `alarm` for each patrol."""
    return text(
        f"""
        SELECT span.name AS month, found.* FROM
          unnest(CAST(:names AS text[]), CAST(:begins AS timestamptz[]), CAST(:behinds AS timestamptz[]))
            AS span (name, begin, behind),
          LATERAL (
            SELECT subject, count(*) AS planned,
                   count(*) FILTER (WHERE cancelled) AS cancelled,
                   count(*) FILTER (WHERE started) AS started,
                   count(*) FILTER (WHERE state = {PatrolState.PATROL_STATE_FINISHED:d}) AS finished,
                   count(*) FILTER (WHERE not_started) AS not_started,
                   sum(points_reached) FILTER (WHERE NOT cancelled) AS reached,
                   sum(points_in_time) FILTER (WHERE NOT cancelled) AS in_time,
                   sum(points_early) FILTER (WHERE NOT cancelled) AS early,
                   sum(points_late) FILTER (WHERE NOT cancelled) AS late,
                   sum(points_missed) FILTER (WHERE NOT cancelled) AS missed,
                   sum(points_outstanding) FILTER (WHERE NOT cancelled) AS outstanding,
                   sum(CAST(covered ->> 'covered_m' AS bigint)) FILTER (WHERE NOT cancelled) AS covered_m,
                   sum(CAST(covered ->> 'route_m' AS bigint)) FILTER (WHERE started OR not_started) AS route_m,
                   sum(CAST(covered ->> 'track_m' AS bigint)) FILTER (WHERE NOT cancelled) AS track_m,
                   sum(CAST(covered ->> 'duration' AS double precision) * interval '1 second')
                     FILTER (WHERE NOT cancelled) AS duration,
                   sum(raised) AS alarms_raised, sum(retracted) AS alarms_retracted
            FROM (
              SELECT {subject} AS subject, patrol.*, cancel_time IS NOT NULL AS cancelled,
                     cancel_time IS NULL AND start_time IS NOT NULL AS started,
                     cancel_time IS NULL AND start_time IS NULL
                       AND start_due_time + grace <= CAST(:now AS timestamptz) AS not_started
              FROM patrol
              WHERE district = :district AND starts_with(unit, CAST(:scope AS text))
                AND start_due_time >= span.begin AND start_due_time < span.behind
            ) AS each,
            LATERAL (
              SELECT count(*) AS raised,
                     count(*) FILTER (WHERE alarm.state = {AlarmState.ALARM_STATE_RETRACTED:d}) AS retracted
              FROM alarm WHERE alarm.district = each.district AND alarm.patrol = each.id
            ) AS alarms
            GROUP BY subject
          ) AS found
        WHERE (span.name, subject) > (CAST(:month AS text), CAST(:subject AS text))
        ORDER BY month, subject LIMIT :limit
        """
    )


_STATEMENTS: Final = {grouping: _statement(subject) for grouping, subject in _SUBJECTS.items()}


def statistics_page(
    conn: Connection,
    scope: str,
    span: Sequence[Month],
    grouping: PatrolGrouping,
    now: datetime,
    after: Position,
    limit: int,
) -> list[Statistics]:
    """What the patrols of units of a place or department came to in these months, by month and by unit or route."""
    month, subject = after or ("", "")
    left = [each for each in span if each.name >= str(month)]
    values = {
        "district": codes.district_of(scope),
        "scope": scope,
        "names": [each.name for each in left],
        "begins": [each.begin for each in left],
        "behinds": [each.behind for each in left],
        "now": now,
        "month": month,
        "subject": subject,
        "limit": limit,
    }
    return [_statistics(row) for row in conn.execute(_STATEMENTS[grouping], values).mappings()]


def _statistics(row: RowMapping) -> Statistics:
    # Sums over none are null.
    counted = {name: int(row[name] or 0) for name in _COUNTED}
    duration = row["duration"] or timedelta()
    return Statistics(month=row["month"], subject=row["subject"], duration=duration, **counted)
