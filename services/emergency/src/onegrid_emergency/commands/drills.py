"""Drills: begun, gone through, ended. Nothing here can make an incident, or warn, page or elevate anybody."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid_emergency import drill_messages
from onegrid_emergency.cap.composing import Say
from onegrid_emergency.cap.warning import Warning
from onegrid_emergency.commands import warnings
from onegrid_emergency.commands.checklists import ticked
from onegrid_emergency.commands.plans import require_usable
from onegrid_emergency.commands.warnings import Profile
from onegrid_emergency.drill import DRILL, DRILL_TASK, Drill, DrillTask, begun
from onegrid_emergency.errors import DrillEnded, DrillTaskCompleted
from onegrid_emergency.incident_authority import acts_for
from onegrid_emergency.plan import Item
from onegrid_emergency.store import drills as store
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied

__all__ = [
    "StartDrill",
    "TickItem",
    "acknowledge_task",
    "complete_task",
    "end_drill",
    "issue_warning",
    "require_visible",
    "start_drill",
    "tick_item",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDrill:
    """What is to be practised, and where."""

    plan: str
    """The plan's id."""
    place: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TickItem:
    """Which item was done."""

    drill: str
    """The drill's id."""
    number: int
    untick: bool = False


def start_drill(conn: Connection, command: StartDrill, call: Call) -> Drill:
    """Begin to practise a plan (开始演练). Raises NotFound or PlanRetired."""
    plan = require_usable(conn, command.plan, codes.district_of(command.place))
    id_ = f"{command.place}-{ids.new_id()}"
    new = begun(plan, id_, command.place, command.display_name, call.caller.user, call.now)
    store.insert_drill(conn, new)
    outbox.append(conn, call, [(new.name, events_pb2.DrillStarted(drill=drill_messages.drill(new)))])
    return new


def acknowledge_task(conn: Connection, name: str, call: Call) -> tuple[Drill, DrillTask]:
    """Acknowledge a task (签收). Raises DrillEnded."""
    drill, task = _task_of_caller(conn, name, call)
    return _store_task(conn, drill, task.acknowledged(call.now))


def complete_task(conn: Connection, name: str, report: str, call: Call) -> tuple[Drill, DrillTask]:
    """Complete a task (完成). Raises DrillEnded or DrillTaskCompleted."""
    drill, task = _task_of_caller(conn, name, call)
    if task.complete_time is not None:
        raise DrillTaskCompleted(name)
    return _store_task(conn, drill, replace(task.acknowledged(call.now), complete_time=call.now, report=report))


def tick_item(conn: Connection, command: TickItem, call: Call) -> Item:
    """Tick an item of a checklist (勾选), or take the tick back. Raises InvalidRequest or DrillEnded."""
    drill = _visible(store.lock_drill(conn, command.drill), command.drill, call)
    _require_open(drill)
    item, items = ticked(drill.name, drill.items, command.number, call, untick=command.untick)
    store.update_drill(conn, replace(drill, items=items))
    return item


def issue_warning(conn: Connection, drill_id: str, say: Say, profile: Profile, call: Call) -> Warning:
    """Issue an exercise by CAP. Raises NotFound, DrillEnded, CapRuleBroken or InvalidRequest."""
    drill = _require_own(conn, drill_id)
    exercise = warnings.issue_exercise(conn, say, f"演练 {drill.display_name} {drill.name}", profile, call)
    store.update_drill(conn, replace(drill, warnings=(*drill.warnings, exercise.name)))
    return exercise


def end_drill(conn: Connection, drill_id: str, summary: str, call: Call) -> Drill:
    """End a drill with what was learned (结束演练). Raises NotFound or DrillEnded."""
    ended = replace(_require_own(conn, drill_id), end_time=call.now, summary=summary)
    store.update_drill(conn, ended)
    outbox.append(conn, call, [(ended.name, events_pb2.DrillEnded(drill=drill_messages.drill(ended)))])
    return ended


def require_visible(conn: Connection, drill_id: str, call: Call) -> Drill:
    """The drill, if the caller answers for its place or takes part. Raises NotFound or PermissionDenied."""
    return _visible(store.find_drill(conn, drill_id), drill_id, call)


def _require_own(conn: Connection, drill_id: str) -> Drill:
    """The drill of a place that the caller answers for. Raises NotFound or DrillEnded."""
    drill = store.lock_drill(conn, drill_id)
    if drill is None:
        raise NotFound(DRILL.name(drill_id))
    _require_open(drill)
    return drill


def _visible(found: Drill | None, drill_id: str, call: Call) -> Drill:
    found = call.existing(found, DRILL, drill_id)
    if not any(acts_for(call, task.assignee) for task in found.tasks):
        call.caller.require(call.permission, found.place)
    return found


def _task_of_caller(conn: Connection, name: str, call: Call) -> tuple[Drill, DrillTask]:
    drill_id, number = DRILL_TASK.ids(name)
    drill = _visible(store.lock_drill(conn, drill_id), drill_id, call)
    task = drill.task(int(number))
    if task is None:
        raise NotFound(name)
    if not acts_for(call, task.assignee):
        raise PermissionDenied(call.permission)
    _require_open(drill)
    return drill, task


def _store_task(conn: Connection, drill: Drill, task: DrillTask) -> tuple[Drill, DrillTask]:
    after = drill.with_task(task)
    store.update_drill(conn, after)
    return after, task


def _require_open(drill: Drill) -> None:
    if drill.end_time is not None:
        raise DrillEnded(drill.name)
