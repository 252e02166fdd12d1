"""What assignees do with their tasks; one function a command."""

from __future__ import annotations

from dataclasses import dataclass, replace

from onegrid.petition.v1 import events_pb2
from onegrid.petition.v1.resources_pb2 import Action, State
from onegrid_kit.callers import Call
from onegrid_kit.timestamps import timestamp
from onegrid_petition import authority, lifecycle, messages
from onegrid_petition.authority import Standing
from onegrid_petition.commands.steps import Step, current, decided
from onegrid_petition.petition import TASK, Decision, Known, Petition, Task

__all__ = ["ActOnTask", "conclude_task", "report_task", "return_task", "take_task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActOnTask:
    """A step with one task."""

    petition: str
    number: int
    public_note: str = ""
    internal_note: str = ""
    etag: str = ""


def take_task(known: Known, command: ActOnTask, call: Call) -> Decision:
    """Take a task (签收). The lead answers for the petition from now on."""
    before, task, who = _current_task(known, command, call)
    state, task_state = lifecycle.advance_task(before.state, task.state, Action.ACTION_TAKE, who.actor)
    taken = replace(task, state=task_state, take_time=call.now)
    after = replace(before.with_task(taken), state=state)
    if taken == after.lead:
        after = replace(after, responsible=taken.assignee)
    return decided(
        known,
        call,
        after,
        Step(Action.ACTION_TAKE, who, public_note=command.public_note),
        lambda step: events_pb2.TaskTaken(step=step, task=messages.task(after, taken)),
    )


def return_task(known: Known, command: ActOnTask, call: Call) -> Decision:
    """Give a task back (退回). A lead that had taken it answers for the petition until another takes it (首问负责)."""
    before, task, who = _current_task(known, command, call)
    state, task_state = lifecycle.advance_task(before.state, task.state, Action.ACTION_RETURN, who.actor)
    returned = replace(task, state=task_state, return_reason=command.internal_note, end_time=call.now)
    after = replace(before.with_task(returned), state=state)
    return decided(
        known,
        call,
        after,
        Step(Action.ACTION_RETURN, who, internal_note=command.internal_note),
        lambda step: events_pb2.TaskReturned(step=step, task=messages.task(after, returned)),
    )


def report_task(known: Known, command: ActOnTask, call: Call) -> Decision:
    """Report what was done so far (反馈)."""
    before, task, who = _current_task(known, command, call)
    state, _ = lifecycle.advance_task(before.state, task.state, Action.ACTION_REPORT, who.actor)
    return decided(
        known,
        call,
        replace(before, state=state),
        Step(Action.ACTION_REPORT, who, public_note=command.public_note, internal_note=command.internal_note),
        lambda step: events_pb2.TaskReported(
            step=step, task=messages.task(before, task), public_note=command.public_note
        ),
    )


def conclude_task(known: Known, command: ActOnTask, call: Call) -> Decision:
    """Conclude a task (办结), and with the lead's the petition. Raises TasksOpen."""
    before, task, who = _current_task(known, command, call)
    state, task_state = lifecycle.advance_task(before.state, task.state, Action.ACTION_CONCLUDE, who.actor)
    concluded = replace(task, state=task_state, answer=command.public_note, end_time=call.now)
    after = replace(before.with_task(concluded), state=state)
    if state == State.STATE_CONCLUDED:
        before.require_assistants_done()
        after = replace(after, conclude_time=call.now)
    return decided(
        known,
        call,
        after,
        Step(Action.ACTION_CONCLUDE, who, public_note=command.public_note, internal_note=command.internal_note),
        lambda step: events_pb2.TaskConcluded(
            step=step,
            task=messages.task(after, concluded),
            create_time=timestamp(after.create_time),
        ),
    )


def _current_task(known: Known, command: ActOnTask, call: Call) -> tuple[Petition, Task, Standing]:
    petition = current(known, command, call)
    task = call.existing(petition.task(command.number), TASK, petition.id, command.number)
    return petition, task, authority.of_task(call, task)
