"""Between the contract's messages and attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from google.protobuf.duration_pb2 import Duration

from onegrid.partyedu.v1 import attempts_pb2 as pb
from onegrid.partyedu.v1.events_pb2 import AttemptScored
from onegrid.partyedu.v1.quizzes_pb2 import ReviewContent
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.attempt import Attempt, Granted, Paper, Save, Taken, latest, reviewable, written
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ItemRef, ItemRevision
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.quiz import QUIZ, QuizRevision
from onegrid_partyedu.scoring import Score

__all__ = ["accommodation", "attempt", "evidence", "paper", "score", "scored", "time_left"]

Items = Mapping[tuple[ItemRef, int], ItemRevision]


def attempt(of: Attempt, now: datetime) -> pb.Attempt:
    """The attempt as a message."""
    return pb.Attempt(
        name=of.name,
        quiz=QUIZ.name(of.quiz),
        quiz_revision=of.quiz_revision,
        member=MEMBER.name(of.member),
        number=of.number,
        state=of.state_at(now),
        begin_time=timestamp(of.begin_time),
        due_time=timestamp(of.due_time),
        end_time=timestamp(of.end_time),
        score=None if of.score is None else score(of.score),
    )


def score(of: Score) -> pb.AttemptScore:
    """What an attempt is worth, as a message."""
    return pb.AttemptScore(
        points_hundredths=of.hundredths, most_hundredths=of.most, percent=of.percent, passed=of.passed
    )


def scored(of: Attempt, now: datetime, regrading: str = "") -> AttemptScored:
    """That an attempt was scored; `regrading`: the name of the one by which its version before got another score."""
    return AttemptScored(
        attempt=attempt(of, now),
        version=of.version,
        regrading=regrading,
        replaced_version=of.version - 1 if regrading else 0,
    )


def time_left(of: Attempt, now: datetime) -> Duration | None:
    """For how long the attempt takes answers; None: it does not any more."""
    left = of.due_time - now
    if of.ended or left <= timedelta():
        return None
    return Duration(seconds=left.days * 86_400 + left.seconds, nanos=left.microseconds * 1000)


def paper(of: Taken, items: Items, quiz: QuizRevision, now: datetime) -> pb.Paper:
    """The paper as its member may see it now: without what is saved once it has ended, and without keys, unless the
    quiz lets members review them.
    """
    shown = reviewable(of, quiz, now)
    reviewed = shown >= ReviewContent.REVIEW_CONTENT_ANSWERS
    answering = of.attempt.state_at(now) == pb.AttemptState.ATTEMPT_STATE_OPEN
    saves = latest(of.saves) if answering or reviewed else {}
    worth = of.attempt.score.slots if of.attempt.score and reviewed else ()
    laid = pb.Paper(display_name=quiz.display_name)
    section = -1
    for number, slot in enumerate(of.paper.slots, start=1):
        item = items[slot.ref, slot.revision]
        texts = {option.id: option.text for option in item.options}
        one = laid.items.add(
            slot=number,
            section=quiz.sections[slot.section].display_name if slot.section != section else "",
            kind=item.kind,
            stem=item.stem,
            options=[texts[each] for each in slot.options],
            points=slot.points,
        )
        section = slot.section
        if save := saves.get(number):
            one.answer.extend(save.answer)
            one.sequence = save.sequence
        if worth:
            # None where all got the points.
            right = items.get((slot.ref, of.corrected.get((slot.ref, slot.revision), slot.revision)))
            one.review.CopyFrom(_review(slot, right, worth[number - 1], shown))
    return laid


def evidence(
    of: Attempt, laid: Paper, items: Items, saves: Sequence[Save], quiz: QuizRevision, replayed: Score, now: datetime
) -> pb.Evidence:
    """All that the score follows from, as a message."""
    return pb.Evidence(
        attempt=attempt(of, now),
        seed=laid.seed,
        partial_credit=quiz.partial_credit,
        pass_percent=quiz.pass_percent,
        items=[
            pb.EvidenceItem(
                item=slot.ref.name,
                revision=slot.revision,
                kind=items[slot.ref, slot.revision].kind,
                options=slot.options,
                key=items[slot.ref, slot.revision].key,
                points=slot.points,
            )
            for slot in laid.slots
        ],
        saves=[
            pb.EvidenceSave(slot=save.slot, sequence=save.sequence, answer=save.answer, save_time=timestamp(save.time))
            for save in saves
        ],
        replayed=score(replayed),
    )


def accommodation(of: Granted) -> pb.Accommodation:
    """What was granted, as a message."""
    return pb.Accommodation(
        quiz=QUIZ.name(of.quiz),
        member=MEMBER.name(of.member),
        extra_minutes=of.grant.extra_minutes,
        extra_attempts=of.grant.extra_attempts,
        update_time=timestamp(of.time),
    )


def _review(slot: Slot, right: ItemRevision | None, hundredths: int, shown: ReviewContent) -> pb.PaperItemReview:
    review = pb.PaperItemReview(points_hundredths=hundredths)
    if right is not None and shown >= ReviewContent.REVIEW_CONTENT_KEYS:
        review.key.extend(written(right.kind, slot.labels(right.key)))
    if right is not None and shown >= ReviewContent.REVIEW_CONTENT_EXPLANATIONS:
        review.explanation = right.explanation
    return review
