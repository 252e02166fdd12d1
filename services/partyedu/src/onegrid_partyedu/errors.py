"""What can go wrong with organizations and members; the reasons are those of ``onegrid.partyedu.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from google.rpc import code_pb2

from onegrid.partyedu.v1 import error_reason_pb2
from onegrid.partyedu.v1.attempts_pb2 import AttemptAction, AttemptState
from onegrid.partyedu.v1.error_reason_pb2 import ErrorReason, MeetingWrongState
from onegrid.partyedu.v1.guidance_pb2 import GuidanceAction, GuidanceState
from onegrid.partyedu.v1.meetings_pb2 import MeetingAction, MeetingState
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, Reason
from onegrid_kit.lifecycle import short_name

__all__ = [
    "AnswerSuperseded",
    "AttemptWrongState",
    "AttemptsUsedUp",
    "CellUnknown",
    "CertificateRevoked",
    "CertificateWrongState",
    "CheckInCodeWrong",
    "CourseWrongState",
    "GuidanceWrongState",
    "HoursDutyLimitReached",
    "ImportLimitReached",
    "ImportRefused",
    "ImportWrongState",
    "ItemInUse",
    "ItemLimitReached",
    "ItemRetired",
    "MeetingInWrongState",
    "MeetingNotQuorate",
    "MeetingTooEarly",
    "MemberNotEligible",
    "MemberNotExpected",
    "MemberWrongState",
    "MinutesLimitReached",
    "NoTerm",
    "NobodyBelow",
    "OfficerLimitReached",
    "OrganizationDissolved",
    "OrganizationInUse",
    "PoolTooSmall",
    "ProbationExtended",
    "QuizNotOpen",
    "QuizOver",
    "QuizRunning",
    "QuizWrongState",
    "RegradingOpen",
    "RegradingWrongState",
    "RequirementsMissing",
    "ResourceNotServed",
    "SameOrganization",
    "SaveLimitReached",
    "SchemeRetired",
    "StatementDiffers",
    "StudyPlanOver",
    "StudyPlanWrongState",
    "TransferWaits",
    "TransferWrongState",
    "UserNotActive",
    "UserUnknown",
]


class _Precondition(DomainError):
    code = code_pb2.FAILED_PRECONDITION


class OrganizationDissolved(_Precondition):
    """The organization was dissolved."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ORGANIZATION_DISSOLVED)

    def __init__(self, organization: str) -> None:
        super().__init__(f"{organization} was dissolved", metadata={"organization": organization})


class OrganizationInUse(_Precondition):
    """Members, transfers or other organizations are still there."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ORGANIZATION_IN_USE)

    def __init__(self, organization: str, *, members: int, transfers: int, organizations: int) -> None:
        counts = {"members": str(members), "transfers": str(transfers), "organizations": str(organizations)}
        super().__init__(
            f"{organization} has {members} members, {transfers} waiting transfers, {organizations} below it",
            metadata={"organization": organization, **counts},
        )


class CellUnknown(_Precondition):
    """Codes are those of no cells."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CELL_UNKNOWN)

    def __init__(self, cells: Collection[str]) -> None:
        listed = ",".join(sorted(cells)[:20])
        super().__init__(f"no grid cells: {listed}", metadata={"cells": listed})


class MemberNotEligible(_Precondition):
    """The member can't hold a post of the organization."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_NOT_ELIGIBLE)

    def __init__(self, member: str) -> None:
        super().__init__(
            f"{member} is no full member of the organization, or of one below it", metadata={"member": member}
        )


class NoTerm(_Precondition):
    """Nobody was elected yet."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NO_TERM)

    def __init__(self, organization: str) -> None:
        super().__init__(f"nobody was elected in {organization} yet", metadata={"organization": organization})


class OfficerLimitReached(_Precondition):
    """Posts were given too often in the term."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OFFICER_LIMIT_REACHED)

    def __init__(self, organization: str, limit: int) -> None:
        super().__init__(
            f"posts of {organization} were given {limit} times in this term",
            metadata={"organization": organization, "limit": str(limit)},
        )


class MemberWrongState(_Precondition):
    """This can't be done with the member."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_WRONG_STATE)

    def __init__(self, member: str, state: str) -> None:
        super().__init__(f"can't be done with a member who is {state}", metadata={"member": member, "state": state})


class ProbationExtended(_Precondition):
    """The probation was extended before."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PROBATION_EXTENDED)

    def __init__(self, member: str) -> None:
        super().__init__(f"the probation of {member} was extended before", metadata={"member": member})


class TransferWaits(_Precondition):
    """A transfer of the member waits already."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TRANSFER_WAITS)

    def __init__(self, transfer: str) -> None:
        super().__init__(f"{transfer} waits already", metadata={"transfer": transfer})


class SameOrganization(_Precondition):
    """The member belongs to that organization."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SAME_ORGANIZATION)

    def __init__(self, organization: str) -> None:
        super().__init__(f"the member belongs to {organization}", metadata={"organization": organization})


class TransferWrongState(_Precondition):
    """The transfer does not wait any more."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TRANSFER_WRONG_STATE)

    def __init__(self, transfer: str, state: str) -> None:
        super().__init__(
            f"can't be done with a transfer that is {state}", metadata={"transfer": transfer, "state": state}
        )


class UserUnknown(_Precondition):
    """Identity has announced no such user of the district."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_UNKNOWN)

    def __init__(self, user: str) -> None:
        super().__init__(f"{user} is no user of the district, as far as is known", metadata={"user": user})


class UserNotActive(_Precondition):
    """The user is disabled."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_NOT_ACTIVE)

    def __init__(self, user: str) -> None:
        super().__init__(f"{user} is disabled", metadata={"user": user})


class ImportLimitReached(_Precondition):
    """Too many imports of the district are neither applied nor discarded."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_LIMIT_REACHED)

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} imports of the district are neither applied nor discarded", metadata={"limit": str(limit)}
        )


class ImportWrongState(_Precondition):
    """This can't be done with the import as it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_WRONG_STATE)

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"can't be done with an import that is {state}", metadata={"import": name, "state": state})


class ImportRefused(_Precondition):
    """Rows of the import can't be applied."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_REFUSED)

    def __init__(self, name: str, refused: int) -> None:
        super().__init__(
            f"{refused} rows of {name} can't be applied", metadata={"import": name, "refused": str(refused)}
        )


class ItemLimitReached(_Precondition):
    """The pool has as many items as it can have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_LIMIT_REACHED)

    def __init__(self, pool: str, limit: int) -> None:
        super().__init__(f"{pool} has {limit} items", metadata={"pool": pool, "limit": str(limit)})


class ItemInUse(_Precondition):
    """Published quizzes would have too few items without this one."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_IN_USE)

    def __init__(self, item: str, quizzes: Collection[str]) -> None:
        listed = ",".join(sorted(quizzes)[:20])
        super().__init__(f"{listed} can't do without {item}", metadata={"item": item, "quizzes": listed})


class ItemRetired(_Precondition):
    """Items that the quiz names were retired."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_RETIRED)

    def __init__(self, quiz: str, items: Collection[str]) -> None:
        listed = ",".join(sorted(items)[:20])
        super().__init__(f"{quiz} names retired items: {listed}", metadata={"quiz": quiz, "items": listed})


class PoolTooSmall(_Precondition):
    """A section of the quiz can't be filled from its pool."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_POOL_TOO_SMALL)

    def __init__(self, quiz: str, pool: str, *, section: int, items: int, needed: int) -> None:
        counts = {"section": str(section), "items": str(items), "needed": str(needed)}
        super().__init__(
            f"section {section} of {quiz} needs {needed} items of {pool}, which has {items} for it",
            metadata={"quiz": quiz, "pool": pool, **counts},
        )


class QuizWrongState(_Precondition):
    """This can't be done with the quiz where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_WRONG_STATE)

    def __init__(self, quiz: str, state: str) -> None:
        super().__init__(f"can't be done with a quiz that is {state}", metadata={"quiz": quiz, "state": state})


class QuizOver(_Precondition):
    """The time in which the quiz can be taken has passed."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_OVER)

    def __init__(self, quiz: str) -> None:
        super().__init__(f"{quiz} can't be taken any more", metadata={"quiz": quiz})


class StudyPlanWrongState(_Precondition):
    """This can't be done with the study plan."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STUDY_PLAN_WRONG_STATE)

    def __init__(self, study_plan: str, state: str) -> None:
        super().__init__(
            f"can't be done with a study plan that is {state}", metadata={"study_plan": study_plan, "state": state}
        )


class StudyPlanOver(_Precondition):
    """The study plan has ended."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_STUDY_PLAN_OVER)

    def __init__(self, study_plan: str) -> None:
        super().__init__(f"{study_plan} has ended", metadata={"study_plan": study_plan})


class CourseWrongState(_Precondition):
    """This can't be done with the course."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COURSE_WRONG_STATE)

    def __init__(self, course: str, state: str) -> None:
        super().__init__(f"can't be done with a course that is {state}", metadata={"course": course, "state": state})


class MeetingInWrongState(lifecycle.WrongState):
    """This can't be done with the meeting where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_WRONG_STATE)

    def __init__(self, state: MeetingState, allowed: Sequence[MeetingAction]) -> None:
        super().__init__(
            short_name(MeetingState, state),
            [short_name(MeetingAction, action) for action in allowed],
            MeetingWrongState(state=state, allowed_actions=allowed),
        )


class MeetingTooEarly(_Precondition):
    """The meeting can't be opened or closed so early."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_TOO_EARLY)

    def __init__(self, meeting: str, time: datetime) -> None:
        since = f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        super().__init__(f"can be done from {since} on", metadata={"meeting": meeting, "time": since})


class MeetingNotQuorate(_Precondition):
    """Fewer than half of the committee are there."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEETING_NOT_QUORATE)

    def __init__(self, meeting: str, *, expected: int, present: int) -> None:
        super().__init__(
            f"{present} of {expected} are there, and half are needed",
            metadata={"meeting": meeting, "expected": str(expected), "present": str(present)},
        )


class MemberNotExpected(_Precondition):
    """The member is not expected at the meeting."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_NOT_EXPECTED)

    def __init__(self, member: str) -> None:
        super().__init__(f"{member} is not expected at the meeting", metadata={"member": member})


class CheckInCodeWrong(_Precondition):
    """The code is not the one that is shown at the meeting now."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CHECK_IN_CODE_WRONG)

    def __init__(self, meeting: str) -> None:
        super().__init__("the code is not the one that is shown now", metadata={"meeting": meeting})


class MinutesLimitReached(_Precondition):
    """The minutes were amended as often as they can be."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MINUTES_LIMIT_REACHED)

    def __init__(self, meeting: str, limit: int) -> None:
        super().__init__(
            f"the minutes have {limit} revisions already", metadata={"meeting": meeting, "limit": str(limit)}
        )


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


class HoursDutyLimitReached(_Precondition):
    """The district has as many duties as it can have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_HOURS_DUTY_LIMIT_REACHED)

    def __init__(self, district: str, limit: int) -> None:
        super().__init__(
            f"{district} has {limit} duties of hours", metadata={"district": district, "limit": str(limit)}
        )


class NobodyBelow(_Precondition):
    """Nobody is there to be sent a task."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NOBODY_BELOW)

    def __init__(self, organization: str) -> None:
        super().__init__(f"no organization stands below {organization}", metadata={"organization": organization})


class GuidanceWrongState(lifecycle.WrongState):
    """This can't be done with the assignment of a task where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GUIDANCE_WRONG_STATE)

    def __init__(self, state: GuidanceState, allowed: Sequence[GuidanceAction]) -> None:
        super().__init__(
            short_name(GuidanceState, state),
            [short_name(GuidanceAction, action) for action in allowed],
            error_reason_pb2.GuidanceWrongState(state=state, allowed_actions=allowed),
        )


class AttemptWrongState(lifecycle.WrongState):
    """The attempt is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ATTEMPT_WRONG_STATE)

    def __init__(self, state: AttemptState, allowed: Sequence[AttemptAction]) -> None:
        super().__init__(
            short_name(AttemptState, state),
            [short_name(AttemptAction, action) for action in allowed],
            error_reason_pb2.AttemptWrongState(state=state, allowed_actions=allowed),
        )


class AttemptsUsedUp(_Precondition):
    """The member has no attempt left."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ATTEMPTS_USED_UP)

    def __init__(self, quiz: str, limit: int) -> None:
        super().__init__(f"all {limit} attempts at {quiz} are used up", metadata={"quiz": quiz, "limit": str(limit)})


class QuizNotOpen(_Precondition):
    """The quiz has not opened, or was closed."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_NOT_OPEN)

    def __init__(self, quiz: str, open_time: datetime | None) -> None:
        opens = {} if open_time is None else {"open_time": open_time.isoformat().replace("+00:00", "Z")}
        super().__init__(f"{quiz} can't be taken now", metadata={"quiz": quiz, **opens})


class AnswerSuperseded(DomainError):
    """An answer as new or newer is stored, and it is another one."""

    code = code_pb2.ABORTED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ANSWER_SUPERSEDED)

    def __init__(self, attempt: str, slot: int, sequence: int) -> None:
        super().__init__(
            f"an answer with sequence {sequence} is stored for slot {slot}",
            metadata={"attempt": attempt, "slot": str(slot), "sequence": str(sequence)},
        )


class SaveLimitReached(_Precondition):
    """No more answers are stored of the attempt."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SAVE_LIMIT_REACHED)

    def __init__(self, attempt: str, limit: int) -> None:
        super().__init__(f"{attempt} has {limit} saves", metadata={"attempt": attempt, "limit": str(limit)})


class QuizRunning(_Precondition):
    """Attempts at the quiz can begin, or are open."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_RUNNING)

    def __init__(self, quiz: str) -> None:
        super().__init__(f"attempts at {quiz} can begin, or are open", metadata={"quiz": quiz})


class RegradingOpen(_Precondition):
    """Another regrading of the quiz is neither applied nor discarded."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REGRADING_OPEN)

    def __init__(self, regrading: str) -> None:
        super().__init__(f"{regrading} is to be applied or discarded first", metadata={"regrading": regrading})


class RegradingWrongState(_Precondition):
    """This can't be done with the regrading where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REGRADING_WRONG_STATE)

    def __init__(self, regrading: str, state: str) -> None:
        super().__init__(
            f"can't be done with a regrading that is {state}", metadata={"regrading": regrading, "state": state}
        )


class RequirementsMissing(_Precondition):
    """Not all that the scheme requires is completed, or it was too long ago."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REQUIREMENTS_MISSING)

    def __init__(self, scheme: str, missing: Sequence[str]) -> None:
        listed = ",".join(missing[:10])
        super().__init__(
            f"{scheme} also requires {listed}",
            metadata={"scheme": scheme, "missing": listed, "count": str(len(missing))},
        )


class SchemeRetired(_Precondition):
    """No more certificates are issued by the scheme."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SCHEME_RETIRED)

    def __init__(self, scheme: str) -> None:
        super().__init__(f"{scheme} was retired", metadata={"scheme": scheme})


class CertificateRevoked(_Precondition):
    """The certificate was revoked; its member can't have another one alone."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CERTIFICATE_REVOKED)

    def __init__(self, certificate: str) -> None:
        super().__init__(f"{certificate} was revoked", metadata={"certificate": certificate})


class CertificateWrongState(_Precondition):
    """This can't be done with the certificate."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CERTIFICATE_WRONG_STATE)

    def __init__(self, certificate: str, state: str) -> None:
        super().__init__(
            f"can't be done with a certificate that is {state}", metadata={"certificate": certificate, "state": state}
        )
