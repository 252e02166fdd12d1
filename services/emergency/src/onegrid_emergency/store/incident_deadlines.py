"""What is open of incidents, and which of their deadlines have passed, for the figures of all districts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction, IncidentDeadline
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid_emergency.incident import OPEN_INCIDENTS

__all__ = ["OPEN", "OVERDUE", "count_open", "overdue"]

_REPORTED: Final = f"{int(IncidentAction.INCIDENT_ACTION_REPORT)}, {int(IncidentAction.INCIDENT_ACTION_RESTORE)}"
"""The steps with which an incident waits for a response."""
# The states are written out, as in the indexes of what is open: a plan for any state could not use those.
OPEN: Final = text(
    f"""
    SELECT kind, level, count(*) AS incidents
    FROM incident
    WHERE state IN ({", ".join(str(int(state)) for state in OPEN_INCIDENTS)})
    GROUP BY kind, level
    """
)
OVERDUE: Final = text(
    f"""
    SELECT deadline, count(*) AS passed, min(due_time) AS first_due_time
    FROM (
      SELECT {int(IncidentDeadline.INCIDENT_DEADLINE_RESPONSE)} AS deadline, began.time + :respond_within AS due_time
      FROM incident CROSS JOIN LATERAL (
        SELECT max(step.time) AS time
        FROM incident_step AS step
        WHERE step.district = incident.district AND step.incident = incident.id
          AND step.action IN ({_REPORTED})
      ) AS began
      WHERE state = {int(IncidentState.INCIDENT_STATE_REPORTED)}
      UNION ALL
      SELECT {int(IncidentDeadline.INCIDENT_DEADLINE_ACKNOWLEDGEMENT)}, acknowledge_due_time
      FROM incident_task
      WHERE state = {int(IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED)}
      UNION ALL
      SELECT {int(IncidentDeadline.INCIDENT_DEADLINE_COMPLETION)}, due_time
      FROM incident_task
      WHERE state IN (
        {int(IncidentTaskState.INCIDENT_TASK_STATE_ASSIGNED)}, {int(IncidentTaskState.INCIDENT_TASK_STATE_ACKNOWLEDGED)}
      )
      UNION ALL
      SELECT {int(IncidentDeadline.INCIDENT_DEADLINE_SITUATION_REPORT)}, situation_due_time
      FROM incident
      WHERE situation_due_time IS NOT NULL
    ) AS deadlines
    WHERE due_time <= :now
    GROUP BY deadline
    """
)


def count_open(conn: Connection) -> Mapping[tuple[int, int], int]:
    """How many incidents are open, by kind and level."""
    return {(row.kind, row.level): row.incidents for row in conn.execute(OPEN)}


def overdue(conn: Connection, now: datetime, respond_within: timedelta) -> Mapping[int, tuple[int, datetime]]:
    """How many deadlines of each sort have passed, and when the first of them did. The one for a response is so long
    after the report.
    """
    rows = conn.execute(OVERDUE, {"now": now, "respond_within": respond_within})
    return {row.deadline: (row.passed, row.first_due_time) for row in rows}
