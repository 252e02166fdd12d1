"""What members see of an attempt afterwards, when others still answer and when it was regraded."""

from __future__ import annotations

from datetime import timedelta

from onegrid.partyedu.v1.attempts_pb2 import PaperItem
from onegrid.partyedu.v1.quizzes_pb2 import QuizState, ReviewTime
from onegrid.partyedu.v1.regradings_pb2 import ItemCorrection

from .exams import COLLEAGUE, EXPLANATION, POOL, TAKER, Exam
from .test_regradings import EVERYONE, FIRST, answers, applied, corrected, started, taken


async def first_item(exam: Exam, name: str) -> PaperItem:
    """The first item of the paper, as its member reviews it."""
    _, paper = await exam.get(name)
    return paper.items[0]


async def test_keys_wait_for_the_close_that_was_moved_to_later(exam: Exam) -> None:
    """The attempt is judged by the revision that it began with; others begin by the one that is current."""
    exam.define(review_time=ReviewTime.REVIEW_TIME_CLOSE, close_time=exam.clock.now() + timedelta(hours=1))
    name = (await exam.start()).name
    await exam.submit(name)
    exam.define(close_time=exam.clock.now() + timedelta(days=1))
    exam.later(hours=2)
    assert not (await first_item(exam, name)).review.key
    late = await exam.start(COLLEAGUE)
    await exam.submit(late.name, COLLEAGUE)
    exam.later(days=1)
    assert (await first_item(exam, name)).review.key


async def test_the_key_that_is_shown_is_the_one_that_counts(exam: Exam) -> None:
    name = (await taken(exam, await answers(exam, 2, first="一九四九年"))).name
    wrong = await first_item(exam, name)
    assert (list(wrong.review.key) == list(wrong.answer), wrong.review.points_hundredths) == (False, 0)
    await applied(exam, await started(exam, await corrected(exam, "louw2", explanation="见《简史》第五章")))
    right = await first_item(exam, name)
    assert (list(right.review.key), right.review.points_hundredths) == (list(right.answer), 1000)
    assert right.review.explanation == "见《简史》第五章"
    # A later regrading of something else leaves it so.
    await applied(exam, await started(exam, ItemCorrection(item=f"pools/{POOL}/items/i1", revision=1)))
    assert await first_item(exam, name) == right


async def test_where_all_got_the_points_no_answer_is_called_right(exam: Exam) -> None:
    name = (await taken(exam, {})).name
    await applied(exam, await started(exam, EVERYONE))
    review = (await first_item(exam, name)).review
    assert (review.points_hundredths, list(review.key), review.explanation) == (1000, [], "")
    # Who takes it later is scored as it is written, until that is regraded as well.
    exam.stand(QuizState.QUIZ_STATE_PUBLISHED)
    exam.later(minutes=1)
    later = (await taken(exam, {}, TAKER)).name
    review = (await first_item(exam, later)).review
    assert (review.points_hundredths, len(review.key), review.explanation) == (0, 1, EXPLANATION)
    exam.later(minutes=1)
    await applied(exam, await started(exam, ItemCorrection(item=FIRST, revision=1, key_revision=1)))
    review = (await first_item(exam, name)).review
    assert (review.points_hundredths, len(review.key), review.explanation) == (0, 1, EXPLANATION)
