"""What can go wrong; the reasons are those of ``onegrid.emergency.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from google.rpc import code_pb2

from onegrid.emergency.v1 import error_reason_pb2
from onegrid.emergency.v1.error_reason_pb2 import ErrorReason
from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTaskState
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.emergency.v1.warnings_pb2 import CapRule, WarningState
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.lifecycle import short_name
from onegrid_kit.timestamps import timestamp

__all__ = [
    "AssigneeUnknown",
    "CapRuleBroken",
    "CapacityExceeded",
    "DrillEnded",
    "DrillTaskCompleted",
    "FinalReportMissing",
    "IncidentEnded",
    "IncidentUnknown",
    "PlanActive",
    "PlanEnded",
    "PlanRetired",
    "ReportLimitReached",
    "ReservationEnded",
    "ResourceBusy",
    "ResourceRetired",
    "RoleNotGrantable",
    "TaskLimitReached",
    "TaskWrongState",
    "TasksOpen",
    "WarningForeign",
    "WarningMessageChanged",
    "WarningNotInForce",
    "WarningSenderTaken",
    "WarningSourceUnknown",
    "WrongState",
]

_MOST_VIOLATIONS: Final = 50
"""A document may break a rule at each of its points; who sent it reads the first ones."""


class WrongState(lifecycle.WrongState):
    """The incident is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WRONG_STATE)

    def __init__(self, state: IncidentState, allowed: Sequence[IncidentAction]) -> None:
        super().__init__(
            short_name(IncidentState, state),
            [short_name(IncidentAction, action) for action in allowed],
            error_reason_pb2.WrongState(state=state, allowed_actions=allowed),
        )


class ResourceBusy(DomainError):
    """Somebody else has reserved it."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESOURCE_BUSY)

    def __init__(self, resource: str, until: datetime | None, now: datetime) -> None:
        known = {} if until is None else {"until": timestamp(until).ToJsonString()}
        super().__init__(
            f"{resource} is reserved",
            metadata={"resource": resource, **known},
            retry_after=None if until is None else until - now,
        )


class CapacityExceeded(DomainError):
    """There is less left than is asked for."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CAPACITY_EXCEEDED)

    def __init__(self, resource: str, left: int) -> None:
        super().__init__(f"{resource} has {left} left", metadata={"resource": resource, "left": str(left)})


class ResourceRetired(DomainError):
    """The resource is out of service."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESOURCE_RETIRED)

    def __init__(self, resource: str) -> None:
        super().__init__(f"{resource} was retired", metadata={"resource": resource})


class ReservationEnded(DomainError):
    """The reservation keeps nothing any more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESERVATION_ENDED)

    def __init__(self, reservation: str, state: str) -> None:
        super().__init__(f"{reservation} has ended", metadata={"reservation": reservation, "state": state})


class PlanRetired(DomainError):
    """The plan is not activated any more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLAN_RETIRED)

    def __init__(self, plan: str) -> None:
        super().__init__(f"{plan} was retired", metadata={"plan": plan})


class PlanActive(DomainError):
    """The plan is in effect for the incident already."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLAN_ACTIVE)

    def __init__(self, activation: str) -> None:
        super().__init__("the plan is in effect already", metadata={"activation": activation})


class PlanEnded(DomainError):
    """The plan is not in effect any more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLAN_ENDED)

    def __init__(self, activation: str) -> None:
        super().__init__(f"{activation} has ended", metadata={"activation": activation})


class RoleNotGrantable(DomainError):
    """A plan is to give a role that its definer may not grant."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ROLE_NOT_GRANTABLE)

    def __init__(self, role: str, scope: str) -> None:
        super().__init__(f"the caller may not grant {role} over {scope}", metadata={"role": role, "scope": scope})


class DrillEnded(DomainError):
    """The drill is over."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DRILL_ENDED)

    def __init__(self, drill: str) -> None:
        super().__init__(f"{drill} has ended", metadata={"drill": drill})


class DrillTaskCompleted(DomainError):
    """The task of a drill was completed already."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DRILL_TASK_COMPLETED)

    def __init__(self, task: str) -> None:
        super().__init__(f"{task} is completed", metadata={"task": task})


class IncidentUnknown(InvalidRequest):
    """The district has no such incident."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INCIDENT_UNKNOWN)

    def __init__(self, incident: str) -> None:
        super().__init__(FieldViolation("incident", "is no incident of the district"), metadata={"incident": incident})


class IncidentEnded(DomainError):
    """The incident is over."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INCIDENT_ENDED)

    def __init__(self, incident: str) -> None:
        super().__init__(f"{incident} is over", metadata={"incident": incident})


class TasksOpen(DomainError):
    """All clear is declared without a reason while tasks are open."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TASKS_OPEN)

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__(
            "tasks are open; complete or cancel them, or give a reason", metadata={"tasks": ",".join(tasks)}
        )


class TaskWrongState(DomainError):
    """The task was acknowledged already, or has ended."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TASK_WRONG_STATE)

    def __init__(self, task: str, state: IncidentTaskState) -> None:
        name = short_name(IncidentTaskState, state)
        super().__init__(f"can't be done with a task that is {name}", metadata={"task": task, "state": name})


class TaskLimitReached(DomainError):
    """The incident would have more tasks than one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TASK_LIMIT_REACHED)

    def __init__(self, tasks: int, limit: int) -> None:
        super().__init__(
            f"the incident would have {tasks} tasks, and may have {limit}",
            metadata={"tasks": str(tasks), "limit": str(limit)},
        )


class ReportLimitReached(DomainError):
    """The incident would have more reports than one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REPORT_LIMIT_REACHED)

    def __init__(self, reports: int, limit: int) -> None:
        super().__init__(
            f"the incident would have {reports} reports, and may have {limit}",
            metadata={"reports": str(reports), "limit": str(limit)},
        )


class FinalReportMissing(DomainError):
    """The incident is closed before its situation was reported finally."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_FINAL_REPORT_MISSING)

    def __init__(self, incident: str) -> None:
        super().__init__("the final report of the situation is missing", metadata={"incident": incident})


class AssigneeUnknown(InvalidRequest):
    """No department, street or community of the district has this code."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ASSIGNEE_UNKNOWN)

    def __init__(self, assignee: str) -> None:
        super().__init__(
            FieldViolation("assignee", f"{assignee} is no department, street or community of the district"),
            metadata={"assignee": assignee},
        )


class CapRuleBroken(InvalidRequest):
    """A message of CAP breaks rules of CAP."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CAP_RULE_BROKEN)

    def __init__(self, violations: Sequence[tuple[CapRule, str, str]]) -> None:
        rules = dict.fromkeys(CapRule.Name(rule).removeprefix("CAP_RULE_") for rule, _, _ in violations)
        super().__init__(
            *(FieldViolation(field, description) for _, field, description in violations[:_MOST_VIOLATIONS]),
            metadata={"rules": ",".join(rules)},
        )


class WarningMessageChanged(DomainError):
    """The message is here with other bytes."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WARNING_MESSAGE_CHANGED)

    def __init__(self, message: str) -> None:
        super().__init__(f"{message} is here with other bytes", metadata={"message": message})


class WarningSourceUnknown(DomainError):
    """The caller may not send for the message's sender."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WARNING_SOURCE_UNKNOWN)

    def __init__(self, sender: str) -> None:
        super().__init__(f"this account sends no warnings of {sender}", metadata={"sender": sender})


class WarningSenderTaken(DomainError):
    """Another source of the district has the sender, or the district itself."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WARNING_SENDER_TAKEN)

    def __init__(self, sender: str) -> None:
        super().__init__(f"{sender} is taken", metadata={"sender": sender})


class WarningNotInForce(DomainError):
    """The warning is over."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WARNING_NOT_IN_FORCE)

    def __init__(self, state: WarningState) -> None:
        name = short_name(WarningState, state)
        super().__init__(f"the warning is {name}", metadata={"state": name})


class WarningForeign(DomainError):
    """Another system issued the warning."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WARNING_FOREIGN)

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} alone may change it", metadata={"source": source})
