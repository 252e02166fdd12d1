"""What can go wrong with a petition; the reasons are those of ``onegrid.petition.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.rpc import code_pb2

from onegrid.petition.v1 import error_reason_pb2
from onegrid.petition.v1.error_reason_pb2 import ErrorReason
from onegrid.petition.v1.resources_pb2 import Action, State, TaskState
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.lifecycle import short_name
from onegrid_kit.timestamps import timestamp

__all__ = [
    "AssigneeBusy",
    "AssigneeUnknown",
    "DeadlinePassed",
    "EmergencyReported",
    "ExtendedAlready",
    "PlaceUnknown",
    "TaskLimitReached",
    "TasksOpen",
    "WorkItemUnknown",
    "WrongState",
]


class WrongState(lifecycle.WrongState):
    """The petition or task is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WRONG_STATE)

    def __init__(self, state: State, task_state: TaskState | None, allowed: Sequence[Action]) -> None:
        super().__init__(
            short_name(State, state),
            [short_name(Action, action) for action in allowed],
            error_reason_pb2.WrongState(state=state, task_state=task_state, allowed_actions=allowed),
        )


class TasksOpen(DomainError):
    """The lead concludes while assistants are still at work."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TASKS_OPEN)

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__("assistants have not concluded or returned their tasks", metadata={"tasks": ",".join(tasks)})


class TaskLimitReached(DomainError):
    """The petition would have more tasks than one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TASK_LIMIT_REACHED)

    def __init__(self, tasks: int, limit: int) -> None:
        super().__init__(
            f"the petition has {tasks} tasks, and may have {limit}", metadata={"tasks": str(tasks), "limit": str(limit)}
        )


class ExtendedAlready(DomainError):
    """The petition's time limit was extended before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_EXTENDED_ALREADY)

    def __init__(self, extend_time: datetime) -> None:
        super().__init__(
            "the time limit was extended already", metadata={"extend_time": timestamp(extend_time).ToJsonString()}
        )


class DeadlinePassed(DomainError):
    """The petition is overdue."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DEADLINE_PASSED)

    def __init__(self, due: datetime) -> None:
        super().__init__("the time limit has passed", metadata={"conclude_due_time": timestamp(due).ToJsonString()})


class EmergencyReported(DomainError):
    """The petition was reported as an emergency before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_EMERGENCY_REPORTED)

    def __init__(self, report_time: datetime) -> None:
        super().__init__(
            "the petition was reported as an emergency already",
            metadata={"report_time": timestamp(report_time).ToJsonString()},
        )


class PlaceUnknown(InvalidRequest):
    """Neither the point nor the code lies in the district."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLACE_UNKNOWN)

    def __init__(self, field: str, place: str) -> None:
        super().__init__(FieldViolation(field, "lies in no place of the district"), metadata={"place": place})


class AssigneeUnknown(InvalidRequest):
    """No department, street or community of the district has this code."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ASSIGNEE_UNKNOWN)

    def __init__(self, field: str, assignee: str) -> None:
        super().__init__(
            FieldViolation(field, f"{assignee} is no department, street or community of the district"),
            metadata={"assignee": assignee},
        )


class AssigneeBusy(DomainError):
    """The office has an open task of the petition already."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ASSIGNEE_BUSY)

    def __init__(self, assignee: str, task: str) -> None:
        super().__init__(
            f"{assignee} has an open task of the petition already", metadata={"assignee": assignee, "task": task}
        )


class WorkItemUnknown(InvalidRequest):
    """The catalogue has no such work item."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WORK_ITEM_UNKNOWN)

    def __init__(self, work_item: str) -> None:
        super().__init__(
            FieldViolation("work_item", f"{work_item} is not in the catalogue"), metadata={"work_item": work_item}
        )
