"""What can go wrong with items, quizzes and attempts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from google.rpc import code_pb2

from onegrid.partyedu.v1 import error_reason_pb2
from onegrid.partyedu.v1.attempts_pb2 import AttemptAction, AttemptState
from onegrid.partyedu.v1.error_reason_pb2 import ErrorReason
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, Reason
from onegrid_kit.lifecycle import short_name
from onegrid_partyedu.errors.base import Precondition

__all__ = [
    "AnswerSuperseded",
    "AttemptWrongState",
    "AttemptsUsedUp",
    "ItemInUse",
    "ItemLimitReached",
    "ItemRetired",
    "PoolTooSmall",
    "QuizNotOpen",
    "QuizOver",
    "QuizRunning",
    "QuizWrongState",
    "RegradingOpen",
    "RegradingWrongState",
    "SaveLimitReached",
]


class ItemLimitReached(Precondition):
    """The pool has as many items as it can have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_LIMIT_REACHED)

    def __init__(self, pool: str, limit: int) -> None:
        super().__init__(f"{pool} has {limit} items", metadata={"pool": pool, "limit": str(limit)})


class ItemInUse(Precondition):
    """Published quizzes would have too few items without this one."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_IN_USE)

    def __init__(self, item: str, quizzes: Collection[str]) -> None:
        listed = ",".join(sorted(quizzes)[:20])
        super().__init__(f"{listed} can't do without {item}", metadata={"item": item, "quizzes": listed})


class ItemRetired(Precondition):
    """Items that the quiz names were retired."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ITEM_RETIRED)

    def __init__(self, quiz: str, items: Collection[str]) -> None:
        listed = ",".join(sorted(items)[:20])
        super().__init__(f"{quiz} names retired items: {listed}", metadata={"quiz": quiz, "items": listed})


class PoolTooSmall(Precondition):
    """A section of the quiz can't be filled from its pool."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_POOL_TOO_SMALL)

    def __init__(self, quiz: str, pool: str, *, section: int, items: int, needed: int) -> None:
        counts = {"section": str(section), "items": str(items), "needed": str(needed)}
        super().__init__(
            f"section {section} of {quiz} needs {needed} items of {pool}, which has {items} for it",
            metadata={"quiz": quiz, "pool": pool, **counts},
        )


class QuizWrongState(Precondition):
    """This can't be done with the quiz where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_WRONG_STATE)

    def __init__(self, quiz: str, state: str) -> None:
        super().__init__(f"can't be done with a quiz that is {state}", metadata={"quiz": quiz, "state": state})


class QuizOver(Precondition):
    """The time in which the quiz can be taken has passed."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_OVER)

    def __init__(self, quiz: str) -> None:
        super().__init__(f"{quiz} can't be taken any more", metadata={"quiz": quiz})


class AttemptWrongState(lifecycle.WrongState):
    """The attempt is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ATTEMPT_WRONG_STATE)

    def __init__(self, state: AttemptState, allowed: Sequence[AttemptAction]) -> None:
        super().__init__(
            short_name(AttemptState, state),
            [short_name(AttemptAction, action) for action in allowed],
            error_reason_pb2.AttemptWrongState(state=state, allowed_actions=allowed),
        )


class AttemptsUsedUp(Precondition):
    """The member has no attempt left."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ATTEMPTS_USED_UP)

    def __init__(self, quiz: str, limit: int) -> None:
        super().__init__(f"all {limit} attempts at {quiz} are used up", metadata={"quiz": quiz, "limit": str(limit)})


class QuizNotOpen(Precondition):
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


class SaveLimitReached(Precondition):
    """No more answers are stored of the attempt."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SAVE_LIMIT_REACHED)

    def __init__(self, attempt: str, limit: int) -> None:
        super().__init__(f"{attempt} has {limit} saves", metadata={"attempt": attempt, "limit": str(limit)})


class QuizRunning(Precondition):
    """Attempts at the quiz can begin, or are open."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_QUIZ_RUNNING)

    def __init__(self, quiz: str) -> None:
        super().__init__(f"attempts at {quiz} can begin, or are open", metadata={"quiz": quiz})


class RegradingOpen(Precondition):
    """Another regrading of the quiz is neither applied nor discarded."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REGRADING_OPEN)

    def __init__(self, regrading: str) -> None:
        super().__init__(f"{regrading} is to be applied or discarded first", metadata={"regrading": regrading})


class RegradingWrongState(Precondition):
    """This can't be done with the regrading where it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REGRADING_WRONG_STATE)

    def __init__(self, regrading: str, state: str) -> None:
        super().__init__(
            f"can't be done with a regrading that is {state}", metadata={"regrading": regrading, "state": state}
        )
