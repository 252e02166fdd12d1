"""Who has not done what a study plan asks is reminded: a climb for each plan finds the day, and work in steps the
members, as there may be all of a district.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1.events_pb2 import StudyReminderIssued
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlanState
from onegrid_kit import ladder, outbox, steps
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.ladder import Climb, Ladder, Next, each
from onegrid_kit.steps import Progress, Steps, Work
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.store import members, progress, study_plans
from onegrid_partyedu.study_plan import STUDY_PLAN, StudyPlan, reminders_of

__all__ = ["LADDERS", "STEPS", "await_reminders", "stop_reminders"]

_CLIMB: Final = "study reminder"
_WORK: Final = "remind members"
_LOOKED_AT: Final = 200
"""How many members a step looks at; as many are named by an event at most."""


def await_reminders(conn: Connection, plan: StudyPlan, now: datetime) -> None:
    """Have members reminded from now on."""
    for rung, reminder in enumerate(reminders_of(plan), start=1):
        if reminder.time > now:
            ladder.start(conn, _CLIMB, plan.name, reminder.time, rung=rung)
            return


def stop_reminders(conn: Connection, plan: StudyPlan) -> None:
    """Have nobody reminded any more."""
    ladder.stop(conn, _CLIMB, plan.name)


def _climb_plan(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    """Begin to remind; of days that have passed meanwhile only once, of all that was to be reminded of on them."""
    plan = study_plans.find_plan(conn, STUDY_PLAN.id(climb.subject))
    if plan is None:
        return None
    reminders = reminders_of(plan)
    due = [reminder for reminder in reminders[climb.rung - 1 :] if reminder.time <= now]
    following = climb.rung - 1 + len(due)
    if due and plan.until > now:
        named = {requirement for reminder in due for requirement in reminder.requirements}
        due_time = min(reminder.due_time for reminder in due)
        parameters = {"requirements": sorted(named), "due_time": due_time.isoformat()}
        steps.start(conn, _WORK, f"{plan.name}/{climb.rung}", subject=plan.name, parameters=parameters)
    return Next(reminders[following].time, following + 1) if following < len(reminders) else None


def _remind(conn: Connection, work: Work, now: datetime) -> Progress:
    plan = study_plans.find_plan(conn, STUDY_PLAN.id(work.subject))
    if plan is None or plan.state != StudyPlanState.STUDY_PLAN_STATE_PUBLISHED or plan.until <= now:
        return Progress(work.cursor, 0, finished=True)
    wanted, due_time = work.parameters["requirements"], datetime.fromisoformat(work.parameters["due_time"])
    found, last = progress.members_open(conn, plan, wanted, now, str(work.cursor.get("last", "")), _LOOKED_AT)
    users = [each.user for each in members.find_members(conn, found).values() if each.user]
    if users:
        event = StudyReminderIssued(
            study_plan=plan.name,
            display_name=plan.display_name,
            due_time=timestamp(due_time),
            overdue=due_time <= now,
            users=sorted(users),
        )
        call = Call(caller=ANONYMOUS, now=now, method=work.kind, resource=plan.name, traceparent=work.traceparent)
        outbox.append(conn, call, [(plan.name, event)])
    return Progress({"last": last}, len(users), finished=not last)


LADDERS: Final = (Ladder(_CLIMB, each(_climb_plan)),)
"""The days on which members are reminded."""
STEPS: Final = (Steps(_WORK, _remind),)
"""Who is reminded."""
