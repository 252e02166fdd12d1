"""Regrading over real gRPC and a real database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from onegrid.partyedu.v1.attempts_pb2 import Attempt, Paper
from onegrid.partyedu.v1.events_pb2 import QuizRegraded, StudyCompleted
from onegrid.partyedu.v1.pools_pb2 import Item
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid.partyedu.v1.regradings_pb2 import ItemCorrection, Regrading, RegradingChange, RegradingState
from onegrid_kit.callers import Caller
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.events import announced_as
from onegrid_partyedu.main import SERVICE

from .exams import COLLEAGUE, NAME, POOL, TAKER, Exam
from .people import KEEPER, OTHER_STREET_DESK, STREET_DESK, SUPERVISOR

READY, APPLIED = RegradingState.REGRADING_STATE_READY, RegradingState.REGRADING_STATE_APPLIED
FIRST = f"pools/{POOL}/items/i0"
SECOND = f"pools/{POOL}/items/i1"
EVERYONE = ItemCorrection(item=FIRST, revision=1)


async def taken(exam: Exam, answers: Mapping[int, str], caller: Caller = TAKER) -> Attempt:
    """An attempt with these answers, handed in."""
    begun = await exam.start(caller)
    for slot, answer in answers.items():
        await exam.save(begun.name, slot, answer, caller=caller)
    return await exam.submit(begun.name, caller)


async def answers(exam: Exam, *slots: int, first: str = "", caller: Caller = TAKER) -> dict[int, str]:
    """Right answers to these slots, and to the first the option that reads so."""
    _, paper = await exam.get((await exam.start(caller)).name, caller)
    given = {slot: answer for slot, answer in exam.right(paper).items() if slot in slots}
    return given | ({1: _letter(paper, first)} if first else {})


def _letter(paper: Paper, text: str) -> str:
    return "ABC"[list(paper.items[0].options).index(text)]


async def corrected(exam: Exam, key: str, **fields: str) -> ItemCorrection:
    """The next revision of the first item has this key."""
    item: Item = (await exam.api.call(KEEPER, "GetItem", name=FIRST)).item
    item.MergeFrom(Item(**fields))
    del item.key[:]
    item.key.append(key)
    revision = (await exam.api.call(KEEPER, "DefineItem", item=item)).item.revision
    return ItemCorrection(item=FIRST, revision=1, key_revision=revision)


async def started(exam: Exam, *corrections: ItemCorrection) -> Regrading:
    """A regrading that is worked out."""
    exam.stand(QuizState.QUIZ_STATE_CLOSED)
    answer = await exam.api.call(STREET_DESK, "StartRegrading", quiz=NAME, corrections=corrections)
    assert answer.regrading.state == RegradingState.REGRADING_STATE_CALCULATING
    return await worked(exam, answer.regrading)


async def worked(exam: Exam, of: Regrading) -> Regrading:
    """The regrading once a worker has taken all steps."""
    runner = StepRunner("partyedu", exam.engine, SERVICE.load_steps(), exam.clock)
    while runner.step():
        pass
    found: Regrading = (await exam.api.call(STREET_DESK, "GetRegrading", name=of.name)).regrading
    return found


async def applied(exam: Exam, of: Regrading) -> Regrading:
    """The regrading, applied."""
    await exam.api.call(STREET_DESK, "ApplyRegrading", name=of.name, etag=of.etag)
    return await worked(exam, of)


async def changes(exam: Exam, of: Regrading, **fields: Any) -> list[RegradingChange]:
    return list((await exam.api.call(STREET_DESK, "ListRegradingChanges", name=of.name, **fields)).changes)


async def test_a_wrong_key_is_put_right_after_it_was_seen_whom_it_concerns(exam: Exam) -> None:
    # Four of six items by points are right once the first one is, and three are not enough.
    failed = await taken(exam, await answers(exam, 2, 3, 4, first="一九四九年"))
    lucky = await taken(exam, await answers(exam, 2, 3, 4, first="一九二一年", caller=COLLEAGUE), COLLEAGUE)
    assert (failed.score.passed, lucky.score.passed) == (False, True)
    exam.conclude()
    of = await started(exam, await corrected(exam, "louw2"))
    assert (of.state, of.attempts, of.changed, of.raised, of.lowered) == (READY, 2, 2, 1, 1)
    assert (of.newly_passed, of.newly_failed) == (1, 1)
    listed = {each.attempt: each for each in await changes(exam, of)}
    assert [each.points_hundredths for each in (listed[failed.name].before, listed[failed.name].after)] == [3000, 4000]
    assert (await exam.get(failed.name))[0] == failed
    completed = len(announced_as(exam.engine, StudyCompleted))
    after = await applied(exam, of)
    assert (after.state, after.changed) == (APPLIED, 2)
    assert (await exam.get(failed.name))[0].score == listed[failed.name].after
    assert (await exam.get(lucky.name, COLLEAGUE))[0].score.passed is False
    assert announced_as(exam.engine, QuizRegraded) == [QuizRegraded(quiz=NAME, regrading=of.name, changed=2)]
    # Who passed has completed it; who does not pass any more keeps what was credited.
    news = announced_as(exam.engine, StudyCompleted)[completed:]
    assert [each.completion.member for each in news] == [failed.member]


async def test_whoever_was_shown_an_item_can_be_given_its_points(exam: Exam) -> None:
    silent = await taken(exam, {})
    after = await applied(exam, await started(exam, EVERYONE))
    assert (after.changed, after.raised) == (1, 1)
    assert (await exam.get(silent.name))[0].score.points_hundredths == 1000


async def test_what_was_applied_goes_on_to_count_and_is_nothing_twice(exam: Exam) -> None:
    silent = await taken(exam, {})
    first = await applied(exam, await started(exam, EVERYONE))
    assert (await exam.api.call(STREET_DESK, "ApplyRegrading", name=first.name)).regrading == first
    again = await applied(exam, await started(exam, EVERYONE))
    assert (again.attempts, again.changed) == (1, 0)
    await applied(exam, await started(exam, ItemCorrection(item=SECOND, revision=1)))
    assert (await exam.get(silent.name))[0].score.points_hundredths == 2000
    listed = (await exam.api.call(STREET_DESK, "ListRegradings", quiz=NAME)).regradings
    assert [each.state for each in listed] == [APPLIED] * 3


async def test_many_attempts_are_regraded_step_by_step(exam: Exam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onegrid_partyedu.commands.regradings._MOST", 1)
    for caller in (TAKER, COLLEAGUE, TAKER):
        await taken(exam, {}, caller)
    of = await started(exam, EVERYONE)
    assert (of.attempts, of.changed) == (3, 3)
    assert len(await changes(exam, of, page_size=2)) == 2
    await applied(exam, of)
    for each in await changes(exam, of):
        attempt = (await exam.api.call(KEEPER, "GetAttempt", name=each.attempt)).attempt
        assert attempt.score == each.after


async def test_a_quiz_that_somebody_can_take_is_not_regraded(exam: Exam) -> None:
    begun = await exam.start()
    refused = await exam.refused(STREET_DESK, "StartRegrading", quiz=NAME, corrections=[EVERYONE])
    assert refused.reason == "QUIZ_RUNNING"
    exam.stand(QuizState.QUIZ_STATE_CLOSED)
    refused = await exam.refused(STREET_DESK, "StartRegrading", quiz=NAME, corrections=[EVERYONE])
    assert refused.reason == "QUIZ_RUNNING"
    await exam.submit(begun.name)
    await started(exam, EVERYONE)


async def test_one_regrading_is_decided_on_after_the_other(exam: Exam) -> None:
    await taken(exam, {})
    of = await started(exam, EVERYONE)
    refused = await exam.refused(STREET_DESK, "StartRegrading", quiz=NAME, corrections=[EVERYONE])
    assert (refused.reason, refused.metadata) == ("REGRADING_OPEN", {"regrading": of.name})
    discarded = (await exam.api.call(STREET_DESK, "DiscardRegrading", name=of.name)).regrading
    assert (await exam.api.call(STREET_DESK, "DiscardRegrading", name=of.name)).regrading == discarded
    assert (await exam.refused(STREET_DESK, "ApplyRegrading", name=of.name)).reason == "REGRADING_WRONG_STATE"
    other = await applied(exam, await started(exam, EVERYONE))
    assert (await exam.refused(STREET_DESK, "DiscardRegrading", name=other.name)).reason == "REGRADING_WRONG_STATE"


async def test_corrections_are_of_what_could_be_shown(exam: Exam) -> None:
    exam.stand(QuizState.QUIZ_STATE_CLOSED)
    item: Item = (await exam.api.call(KEEPER, "GetItem", name=FIRST)).item
    item.options[1].id = "other"
    await exam.api.call(KEEPER, "DefineItem", item=item)
    for corrections, reason in (
        ([EVERYONE, EVERYONE], "INVALID_REQUEST"),
        ([ItemCorrection(item=FIRST, revision=1, key_revision=2)], "INVALID_REQUEST"),
        ([ItemCorrection(item=FIRST, revision=3)], "NOT_FOUND"),
    ):
        refused = await exam.refused(STREET_DESK, "StartRegrading", quiz=NAME, corrections=corrections)
        assert refused.reason == reason


async def test_regradings_are_for_editors_of_the_quiz(exam: Exam) -> None:
    await taken(exam, {})
    of = await started(exam, EVERYONE)
    for caller in (SUPERVISOR, OTHER_STREET_DESK, TAKER):
        for method, fields in (
            ("StartRegrading", {"quiz": NAME, "corrections": [EVERYONE]}),
            ("GetRegrading", {"name": of.name}),
            ("ListRegradings", {"quiz": NAME}),
            ("ListRegradingChanges", {"name": of.name}),
            ("ApplyRegrading", {"name": of.name}),
            ("DiscardRegrading", {"name": of.name}),
        ):
            assert (await exam.refused(caller, method, **fields)).reason == "PERMISSION_DENIED"
