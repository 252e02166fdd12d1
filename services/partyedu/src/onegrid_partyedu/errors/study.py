"""What can go wrong with courses, plans, statements and certificates."""

from __future__ import annotations

from collections.abc import Sequence

from google.rpc import code_pb2

from onegrid.partyedu.v1.error_reason_pb2 import ErrorReason
from onegrid_kit.errors import DomainError, Reason
from onegrid_partyedu.errors.base import Precondition

__all__ = [
    "CertificateRevoked",
    "CertificateWrongState",
    "CourseWrongState",
    "HoursDutyLimitReached",
    "RequirementsMissing",
    "ResourceNotServed",
    "SchemeRetired",
    "StatementDiffers",
    "StudyPlanOver",
    "StudyPlanWrongState",
    "SubjectUnknown",
]


class StudyPlanWrongState(Precondition):
    """This can't be done with the study plan."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STUDY_PLAN_WRONG_STATE)

    def __init__(self, study_plan: str, state: str) -> None:
        super().__init__(
            f"can't be done with a study plan that is {state}", metadata={"study_plan": study_plan, "state": state}
        )


class StudyPlanOver(Precondition):
    """The study plan has ended."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STUDY_PLAN_OVER)

    def __init__(self, study_plan: str) -> None:
        super().__init__(f"{study_plan} has ended", metadata={"study_plan": study_plan})


class SubjectUnknown(Precondition):
    """Not all who are to can complete this: it is not there, a draft, no more in use, or for others."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SUBJECT_UNKNOWN)

    def __init__(self, subjects: Sequence[str]) -> None:
        listed = ",".join(subjects[:10])
        super().__init__(f"not all can complete {listed}", metadata={"subjects": listed, "count": str(len(subjects))})


class CourseWrongState(Precondition):
    """This can't be done with the course."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COURSE_WRONG_STATE)

    def __init__(self, course: str, state: str) -> None:
        super().__init__(f"can't be done with a course that is {state}", metadata={"course": course, "state": state})


class StatementDiffers(DomainError):
    """Another statement has the id."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STATEMENT_DIFFERS)

    def __init__(self, id_: str) -> None:
        super().__init__(f"another statement has the id {id_}", metadata={"statement": id_})


class ResourceNotServed(DomainError):
    """A resource of xAPI that this learning record store does not have."""

    code = code_pb2.UNIMPLEMENTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_RESOURCE_NOT_SERVED)

    def __init__(self, resource: str) -> None:
        super().__init__(
            f"{resource} is not served: this learning record store has statements, not documents",
            metadata={"resource": resource},
        )


class HoursDutyLimitReached(Precondition):
    """The district has as many duties as it can have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_HOURS_DUTY_LIMIT_REACHED)

    def __init__(self, district: str, limit: int) -> None:
        super().__init__(
            f"{district} has {limit} duties of hours", metadata={"district": district, "limit": str(limit)}
        )


class RequirementsMissing(Precondition):
    """Not all that the scheme requires is completed, or it was too long ago."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REQUIREMENTS_MISSING)

    def __init__(self, scheme: str, missing: Sequence[str]) -> None:
        listed = ",".join(missing[:10])
        super().__init__(
            f"{scheme} also requires {listed}",
            metadata={"scheme": scheme, "missing": listed, "count": str(len(missing))},
        )


class SchemeRetired(Precondition):
    """No more certificates are issued by the scheme."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SCHEME_RETIRED)

    def __init__(self, scheme: str) -> None:
        super().__init__(f"{scheme} was retired", metadata={"scheme": scheme})


class CertificateRevoked(Precondition):
    """The certificate was revoked; its member can't have another one alone."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CERTIFICATE_REVOKED)

    def __init__(self, certificate: str) -> None:
        super().__init__(f"{certificate} was revoked", metadata={"certificate": certificate})


class CertificateWrongState(Precondition):
    """This can't be done with the certificate."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CERTIFICATE_WRONG_STATE)

    def __init__(self, certificate: str, state: str) -> None:
        super().__init__(
            f"can't be done with a certificate that is {state}", metadata={"certificate": certificate, "state": state}
        )
