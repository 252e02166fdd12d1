"""Attempts at quizzes over real gRPC and a real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid.partyedu.v1.quizzes_pb2 import QuizState, ReviewContent, ReviewTime
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import announced_as
from onegrid_kit.timestamps import moment
from onegrid_partyedu.commands import attempts as commands

from .exams import COLLEAGUE, EXPLANATION, NAME, ORDERING, TAKER, Exam, replayed
from .line import BRANCH, Line
from .people import COMMUNITY_DESK, DISTRICT, KEEPER, OTHER_STREET_DESK, STREET_DESK
from .test_imports import applied, table
from .test_imports import start as imported

OPEN, SUBMITTED = AttemptState.ATTEMPT_STATE_OPEN, AttemptState.ATTEMPT_STATE_SUBMITTED
EXPIRED = AttemptState.ATTEMPT_STATE_EXPIRED


async def test_an_attempt_is_begun_answered_and_handed_in(exam: Exam) -> None:
    begun = await exam.start()
    assert (begun.state, begun.number, begun.quiz) == (OPEN, 1, NAME)
    assert moment(begun.due_time) == moment(begun.begin_time) + timedelta(minutes=30)
    _, paper = await exam.get(begun.name)
    assert [item.slot for item in paper.items] == list(range(1, 9))
    assert [item.section for item in paper.items if item.section] == ["一、必答题", "二、选答题"]
    for slot, answer in exam.right(paper).items():
        await exam.save(begun.name, slot, answer)
    submitted = await exam.submit(begun.name)
    assert (submitted.state, submitted.score.percent, submitted.score.passed) == (SUBMITTED, 100, True)
    assert submitted.score.points_hundredths == 4 * 1000 + 4 * 500
    assert await exam.submit(begun.name) == submitted


async def test_reloading_shows_the_same_paper_with_what_was_saved(exam: Exam) -> None:
    exam.define(shuffle_items=True)
    begun = await exam.start()
    _, first = await exam.get(begun.name)
    ordering = next(item.slot for item in first.items if item.kind == ORDERING)
    await exam.save(begun.name, ordering, "CADB", 4)
    again, second = await exam.get(begun.name)
    item = second.items[ordering - 1]
    assert (list(item.answer), item.sequence) == (list("CADB"), 4)
    item.ClearField("answer")
    item.ClearField("sequence")
    assert second == first
    assert again == begun


async def test_another_device_goes_on_with_the_open_attempt(exam: Exam) -> None:
    begun = await asyncio.gather(*(exam.start() for _ in range(5)))
    assert len({each.name for each in begun}) == 1
    assert [each.number for each in (await exam.api.call(TAKER, "ListOwnAttempts")).attempts] == [1]


async def test_a_member_has_so_many_attempts(exam: Exam) -> None:
    for number in (1, 2):
        begun = await exam.start()
        assert begun.number == number
        await exam.submit(begun.name)
    refused = await exam.refused(TAKER, "StartAttempt", quiz=NAME)
    assert (refused.reason, refused.metadata["limit"]) == ("ATTEMPTS_USED_UP", "2")
    member = begun.member
    await exam.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=member, extra_attempts=1)
    assert (await exam.start()).number == 3
    assert (await exam.start(COLLEAGUE)).number == 1


async def test_the_highest_sequence_counts_however_saves_arrive(exam: Exam) -> None:
    name = (await exam.start()).name
    first = await exam.save(name, 1, "A", 3)
    exam.later(seconds=1)
    assert await exam.save(name, 1, "A", 3) == first
    for sequence, answer in ((2, "B"), (2, "A"), (3, "B"), (3, "")):
        refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=1, answer=list(answer), sequence=sequence)
        assert (refused.code.name, refused.reason) == ("ABORTED", "ANSWER_SUPERSEDED")
        assert refused.metadata == {"attempt": name, "slot": "1", "sequence": "3"}
    await exam.save(name, 1, "", 9)
    _, paper = await exam.get(name)
    assert (list(paper.items[0].answer), paper.items[0].sequence) == ([], 9)


async def test_saves_of_the_same_moment_are_all_stored(exam: Exam) -> None:
    name = (await exam.start()).name
    await asyncio.gather(
        *(exam.save(name, slot, "A" if kind != ORDERING else "") for slot, kind in await kinds(exam, name))
    )
    _, paper = await exam.get(name)
    assert all(item.sequence == 1 for item in paper.items)


async def test_answers_fit_how_an_item_is_answered(exam: Exam) -> None:
    name = (await exam.start()).name
    wrong = {1: "AB", 2: "AE", 3: "AB", 4: "ABC"}
    for slot, kind in await kinds(exam, name):
        refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=slot, answer=list(wrong[kind]), sequence=1)
        assert refused.fields == ["answer"]
    refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=9, answer=["A"], sequence=1)
    assert refused.fields == ["slot"]


async def test_no_save_lands_after_submission(exam: Exam) -> None:
    name = (await exam.start()).name
    await exam.save(name, 1, "A", 1)
    submitted = await exam.submit(name)
    refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=1, answer=["B"], sequence=2)
    assert (refused.reason, refused.metadata["state"]) == ("ATTEMPT_WRONG_STATE", "SUBMITTED")
    assert len((await exam.evidence(name, KEEPER)).saves) == 1
    assert (await exam.get(name))[0] == submitted


async def test_saves_that_race_a_submission_are_scored_or_refused(exam: Exam) -> None:
    name = (await exam.start()).name
    answers = exam.right((await exam.get(name))[1])
    outcomes = await asyncio.gather(
        *(exam.save(name, slot, answer) for slot, answer in answers.items()),
        exam.submit(name),
        return_exceptions=True,
    )
    stored = sum(not isinstance(each, Exception) for each in outcomes[:-1])
    evidence = await exam.evidence(name, KEEPER)
    assert len(evidence.saves) == stored
    assert evidence.replayed == evidence.attempt.score


async def test_an_attempt_that_nobody_hands_in_is_scored_from_its_saves(exam: Exam) -> None:
    begun = await exam.start()
    _, paper = await exam.get(begun.name)
    for slot, answer in exam.right(paper).items():
        await exam.save(begun.name, slot, answer)
    exam.later(minutes=30)
    refused = await exam.refused(TAKER, "SaveAnswer", name=begun.name, slot=1, answer=[], sequence=2)
    assert (refused.reason, refused.metadata["state"]) == ("ATTEMPT_WRONG_STATE", "EXPIRED")
    waiting, _ = await exam.get(begun.name)
    assert (waiting.state, waiting.HasField("score")) == (EXPIRED, False)
    exam.conclude()
    expired, _ = await exam.get(begun.name)
    assert (expired.state, expired.score.percent, expired.end_time) == (EXPIRED, 100, begun.due_time)
    assert await exam.submit(begun.name) == expired


async def test_an_answer_that_was_in_time_is_stored_however_late_its_device_asks_again(exam: Exam) -> None:
    name = (await exam.start()).name
    stored = await exam.save(name, 1, "A", 3)
    exam.later(minutes=31)
    assert await exam.save(name, 1, "A", 3) == stored
    await exam.submit(name)
    assert await exam.save(name, 1, "A", 3) == stored
    refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=1, answer=["B"], sequence=4)
    assert refused.reason == "ATTEMPT_WRONG_STATE"


async def test_who_hands_in_late_gets_what_was_saved_in_time(exam: Exam) -> None:
    begun = await exam.start()
    exam.later(hours=1)
    late = await exam.submit(begun.name)
    assert (late.state, late.end_time) == (EXPIRED, begun.due_time)
    exam.conclude()
    assert (await exam.get(begun.name))[0] == late


async def test_only_an_extension_moves_a_deadline(exam: Exam) -> None:
    begun = await exam.start()
    exam.define(minutes_allowed=5, close_time=exam.clock.now() + timedelta(minutes=1))
    assert (await exam.get(begun.name))[0].due_time == begun.due_time
    for minutes, expected in ((20, 20), (10, 20), (40, 40)):
        await exam.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=begun.member, extra_minutes=minutes)
        due = moment((await exam.get(begun.name))[0].due_time)
        assert due == moment(begun.due_time) + timedelta(minutes=expected)
    exam.later(minutes=69)
    exam.conclude()
    await exam.save(begun.name, 1, "A")
    exam.later(minutes=1)
    # It is too late for more.
    await exam.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=begun.member, extra_minutes=60)
    exam.conclude()
    assert (await exam.get(begun.name))[0].state == EXPIRED


async def test_a_clock_that_is_set_back_leaves_the_last_attempt_the_one_that_has_more_time(exam: Exam) -> None:
    first = await exam.start()
    exam.later(minutes=31)
    second = await exam.start()
    exam.later(minutes=-10)
    assert (await exam.start()).name == second.name
    await exam.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=first.member, extra_minutes=60)
    due = [moment((await exam.get(each.name))[0].due_time) for each in (first, second)]
    assert due == [moment(first.due_time), moment(second.due_time) + timedelta(minutes=60)]


@pytest.mark.parametrize("listed", [False, True], ids=["by name", "by a list"])
async def test_attempts_follow_the_member_to_another_account(exam: Exam, line: Line, *, listed: bool) -> None:
    begun = await exam.start()
    await exam.save(begun.name, 1, "A")
    other = public("newphone", DISTRICT)
    line.know(other.user)
    fields = {"number": "1"} if listed else {"user": other.user}
    await exam.api.call(KEEPER, "UpdateMember", name=begun.member, update_mask={"paths": [*fields]}, **fields)
    if listed:
        account = other.user.removeprefix("users/")
        content = table(f"1,王建国,{BRANCH},2010-07-01,2011-07-01,{account}")
        await applied(line, await imported(line, content))
    assert (await exam.start(other)).name == begun.name
    await exam.save(begun.name, 1, "B", 2, other)
    assert list((await exam.get(begun.name, other))[1].items[0].answer) == ["B"]
    for method, fields in (
        ("SaveAnswer", {"slot": 1, "answer": ["C"], "sequence": 3}),
        ("GetAttempt", {}),
        ("SubmitAttempt", {}),
    ):
        assert (await exam.refused(TAKER, method, name=begun.name, **fields)).reason == "PERMISSION_DENIED"
    assert (await exam.submit(begun.name, other)).state == SUBMITTED


async def test_a_deadline_is_no_later_than_the_close_but_for_an_accommodation(exam: Exam, clock: SettableClock) -> None:
    close = clock.now() + timedelta(minutes=10)
    exam.define(close_time=close)
    first = await exam.start()
    assert moment(first.due_time) == close
    granted = (
        await exam.api.call(STREET_DESK, "SetAccommodation", quiz=NAME, member=first.member, extra_minutes=15)
    ).accommodation
    listed = await exam.api.call(STREET_DESK, "ListAccommodations", quiz=NAME)
    assert list(listed.accommodations) == [granted]
    assert moment((await exam.get(first.name))[0].due_time) == close + timedelta(minutes=15)
    await exam.submit(first.name)
    assert moment((await exam.start()).due_time) == close + timedelta(minutes=15)


async def test_a_pass_completes_the_quiz_once(exam: Exam) -> None:
    for _ in range(2):
        begun = await exam.start()
        for slot, answer in exam.right((await exam.get(begun.name))[1]).items():
            await exam.save(begun.name, slot, answer)
        await exam.submit(begun.name)
        exam.conclude()
    (told,) = announced_as(exam.engine, StudyCompleted)
    of = told.completion
    assert (of.member, of.subject, of.minutes, of.percent) == (begun.member, NAME, 45, 100)


async def test_who_fails_completes_nothing(exam: Exam) -> None:
    begun = await exam.start()
    submitted = await exam.submit(begun.name)
    assert (submitted.score.percent, submitted.score.passed) == (0, False)
    exam.conclude()
    assert announced_as(exam.engine, StudyCompleted) == []


@pytest.mark.parametrize(
    ("changed", "state", "reason"),
    [
        ({"open_time": timedelta(minutes=1)}, QuizState.QUIZ_STATE_PUBLISHED, "QUIZ_NOT_OPEN"),
        ({"close_time": timedelta()}, QuizState.QUIZ_STATE_PUBLISHED, "QUIZ_OVER"),
        ({}, QuizState.QUIZ_STATE_CLOSED, "QUIZ_NOT_OPEN"),
        ({}, QuizState.QUIZ_STATE_DRAFT, "NOT_FOUND"),
    ],
)
async def test_a_quiz_is_taken_while_it_is_open(
    exam: Exam, changed: dict[str, timedelta], state: QuizState, reason: str
) -> None:
    exam.define(state, **{field: exam.clock.now() + by for field, by in changed.items()})
    assert (await exam.refused(TAKER, "StartAttempt", quiz=NAME)).reason == reason


@pytest.mark.parametrize("state", [QuizState.QUIZ_STATE_CLOSED, QuizState.QUIZ_STATE_PUBLISHED])
async def test_what_is_changed_while_an_attempt_begins_counts(
    exam: Exam, state: QuizState, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide, changed = commands.begin, iter([lambda: exam.define(state, minutes_allowed=5)])

    def begin(*known: Any) -> commands.Begun:
        begun = decide(*known)
        next(changed, lambda: None)()
        return begun

    monkeypatch.setattr(commands, "begin", begin)
    if state == QuizState.QUIZ_STATE_CLOSED:
        assert (await exam.refused(TAKER, "StartAttempt", quiz=NAME)).reason == "QUIZ_NOT_OPEN"
        return
    begun = await exam.start()
    assert moment(begun.due_time) == moment(begun.begin_time) + timedelta(minutes=5)
    assert (begun.number, begun.quiz_revision) == (1, exam.revision.number)


async def test_only_members_take_quizzes_and_only_their_own_attempts(exam: Exam) -> None:
    assert (await exam.refused(KEEPER, "StartAttempt", quiz=NAME)).reason == "NOT_FOUND"
    name = (await exam.start()).name
    for method, fields in (
        ("GetAttempt", {}),
        ("SubmitAttempt", {}),
        ("SaveAnswer", {"slot": 1, "answer": ["A"], "sequence": 1}),
    ):
        assert (await exam.refused(COLLEAGUE, method, name=name, **fields)).reason == "PERMISSION_DENIED"
        absent = f"{name[:-3]}000"
        assert (await exam.refused(COLLEAGUE, method, name=absent, **fields)).reason == "PERMISSION_DENIED"
    for caller in (TAKER, OTHER_STREET_DESK, COMMUNITY_DESK):
        assert (await exam.refused(caller, "GetEvidence", name=name)).reason == "PERMISSION_DENIED"
        assert (await exam.refused(caller, "ListAttempts", quiz=NAME)).reason == "PERMISSION_DENIED"
    listed = await exam.api.call(STREET_DESK, "ListAttempts", quiz=NAME)
    assert [each.name for each in listed.attempts] == [name]
    assert (await exam.get(name, STREET_DESK))[0].name == name


async def test_the_evidence_replays_to_the_score(exam: Exam) -> None:
    begun = await exam.start()
    await exam.save(begun.name, 1, "A", 2)
    await exam.save(begun.name, 1, "B", 5)
    await exam.save(begun.name, 2, "", 1)
    submitted = await exam.submit(begun.name)
    evidence = await exam.evidence(begun.name, STREET_DESK)
    assert [(save.slot, save.sequence, "".join(save.answer)) for save in evidence.saves] == [
        (1, 2, "A"),
        (1, 5, "B"),
        (2, 1, ""),
    ]
    assert evidence.replayed == submitted.score
    assert replayed(evidence, exam.revision, exam.items).hundredths == submitted.score.points_hundredths
    assert len(evidence.seed) == 64


async def test_no_byte_before_submission_holds_a_key(exam: Exam) -> None:
    """Ids, explanations, seeds and points by answer stay on the server; orderings are never shown as they are right."""
    sent: list[Message] = []

    async def call(method: str, **fields: object) -> Message:
        answer: Message = await exam.api.call(TAKER, method, **fields)
        sent.append(answer)
        return answer

    name = (await exam.start()).name
    await call("StartAttempt", quiz=NAME)
    _, paper = await exam.get(name)
    for slot, answer in exam.right(paper).items():
        await call("SaveAnswer", name=name, slot=slot, answer=list(answer), sequence=1)
        await call("GetAttempt", name=name)
        refused = await exam.refused(TAKER, "SaveAnswer", name=name, slot=slot, answer=[], sequence=1)
        assert refused.reason == "ANSWER_SUPERSEDED"
    await call("ListOwnAttempts")
    raw = b"".join(message.SerializeToString() for message in sent)
    evidence = await exam.evidence(name, KEEPER)
    ids = {option for item in evidence.items for option in item.options}
    for secret in (EXPLANATION, evidence.seed, *ids, *(item.item for item in evidence.items)):
        assert secret.encode() not in raw
    assert not any(item.HasField("review") for item in paper.items)
    assert b"points_hundredths" not in raw
    answer = await exam.api.call(TAKER, "SubmitAttempt", name=name)
    assert answer.attempt.score.percent == 100
    _, reviewed = await exam.get(name)
    assert {item.slot: "".join(item.review.key) for item in reviewed.items} == exam.right(paper)
    assert {item.review.explanation for item in reviewed.items} == {EXPLANATION}


@pytest.mark.parametrize("content", [each for each in ReviewContent.values() if each], ids=ReviewContent.Name)
async def test_members_review_what_the_quiz_shows(exam: Exam, content: ReviewContent) -> None:
    exam.define(review_content=content)
    begun = await exam.start()
    await exam.save(begun.name, 1, "A")
    await exam.submit(begun.name)
    attempt, paper = await exam.get(begun.name)
    first = paper.items[0]
    assert attempt.HasField("score")
    assert bool(first.answer) == first.HasField("review") == (content >= ReviewContent.REVIEW_CONTENT_ANSWERS)
    assert bool(first.review.key) == (content >= ReviewContent.REVIEW_CONTENT_KEYS)
    assert bool(first.review.explanation) == (content >= ReviewContent.REVIEW_CONTENT_EXPLANATIONS)


async def test_keys_wait_until_nobody_answers_any_more(exam: Exam) -> None:
    exam.define(review_time=ReviewTime.REVIEW_TIME_CLOSE)
    name = (await exam.start()).name
    colleague = await exam.start(COLLEAGUE)
    await exam.submit(name)

    async def shown() -> bool:
        return bool((await exam.get(name))[1].items[0].review.key)

    assert not await shown()
    exam.stand(QuizState.QUIZ_STATE_CLOSED)
    assert not await shown()
    await exam.submit(colleague.name, COLLEAGUE)
    assert await shown()


async def kinds(exam: Exam, name: str) -> list[tuple[int, int]]:
    """The slots of a paper, and how they are answered."""
    _, paper = await exam.get(name)
    return [(item.slot, item.kind) for item in paper.items]
