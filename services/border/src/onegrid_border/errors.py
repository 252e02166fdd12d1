"""What can go wrong on the border; the reasons are those of ``onegrid.border.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.rpc import code_pb2

from onegrid.border.v1.error_reason_pb2 import ErrorReason
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.timestamps import timestamp

__all__ = [
    "AlarmEnded",
    "AssetRetired",
    "CourseInvalid",
    "InspectionEscalated",
    "NoDefect",
    "ObservationEscalated",
    "PatrolWrongState",
    "RepairRequested",
    "RouteRetired",
    "TagRegistered",
    "UnitRetired",
]


class CourseInvalid(InvalidRequest):
    """The checkpoints of a route have no order that can be walked."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COURSE_INVALID)

    def __init__(self, route: str, violations: Sequence[FieldViolation]) -> None:
        super().__init__(*violations, metadata={"route": route})


class AssetRetired(DomainError):
    """The asset was taken off the list."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ASSET_RETIRED)

    def __init__(self, asset: str) -> None:
        super().__init__(f"{asset} was taken off the list", metadata={"asset": asset})


class UnitRetired(DomainError):
    """The unit patrols no more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_UNIT_RETIRED)

    def __init__(self, unit: str) -> None:
        super().__init__(f"{unit} was retired", metadata={"unit": unit})


class RouteRetired(DomainError):
    """The route is patrolled no more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ROUTE_RETIRED)

    def __init__(self, route: str) -> None:
        super().__init__(f"{route} was retired", metadata={"route": route})


class TagRegistered(DomainError):
    """The tag is in use, at this checkpoint or at another one."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TAG_REGISTERED)

    def __init__(self, uid: str, code: str) -> None:
        super().__init__(f"the tag {uid} is in use as {code}: retire it first", metadata={"uid": uid, "code": code})


class PatrolWrongState(DomainError):
    """This can't be done with the patrol where it stands."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PATROL_WRONG_STATE)

    def __init__(self, patrol: str, state: str) -> None:
        super().__init__(f"can't be done with a patrol that is {state}", metadata={"patrol": patrol, "state": state})


class AlarmEnded(DomainError):
    """The alarm needs nobody any more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ALARM_ENDED)

    def __init__(self, alarm: str, state: str) -> None:
        super().__init__(f"the alarm is {state}", metadata={"alarm": alarm, "state": state})


class ObservationEscalated(DomainError):
    """The observation went to emergency before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OBSERVATION_ESCALATED)

    def __init__(self, observation: str, escalate_time: datetime) -> None:
        metadata = {"observation": observation, "escalate_time": timestamp(escalate_time).ToJsonString()}
        super().__init__("the observation went to emergency already", metadata=metadata)


class NoDefect(DomainError):
    """The asset was found sound, by this inspection or by the one that was made last."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NO_DEFECT)

    def __init__(self, inspection: str) -> None:
        super().__init__("there is nothing to be repaired", metadata={"inspection": inspection})


class RepairRequested(DomainError):
    """The repair of what the inspection found was requested before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REPAIR_REQUESTED)

    def __init__(self, inspection: str, request_time: datetime) -> None:
        metadata = {"inspection": inspection, "repair_request_time": timestamp(request_time).ToJsonString()}
        super().__init__("its repair was requested already", metadata=metadata)


class InspectionEscalated(DomainError):
    """The inspection went to emergency before."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_INSPECTION_ESCALATED)

    def __init__(self, inspection: str, escalate_time: datetime) -> None:
        metadata = {"inspection": inspection, "escalate_time": timestamp(escalate_time).ToJsonString()}
        super().__init__("the inspection went to emergency already", metadata=metadata)
