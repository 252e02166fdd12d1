"""How long attempts have, which answers they take, and what is on record of them replays to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.attempts_pb2 import AttemptAction, AttemptActor, AttemptState
from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit, QuizState, ReviewContent, ReviewTime
from onegrid_partyedu.attempt import (
    Attempt,
    Grant,
    Paper,
    Save,
    Taken,
    due_time,
    latest,
    replay,
    reviewable,
    unfit,
    written,
)
from onegrid_partyedu.attempt_lifecycle import LIFE
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.errors import AttemptWrongState
from onegrid_partyedu.item import ItemRef, ItemRevision, Option
from onegrid_partyedu.quiz import QuizRevision
from onegrid_partyedu.scoring import score

NOON = datetime(2021, 7, 1, 4, tzinfo=UTC)
OPEN, SUBMITTED, EXPIRED = (state for state in AttemptState.values() if state)
KINDS = [kind for kind in ItemKind.values() if kind]
KEYS = {
    ItemKind.ITEM_KIND_SINGLE: ("a",),
    ItemKind.ITEM_KIND_MULTIPLE: ("a", "c"),
    ItemKind.ITEM_KIND_TRUE_FALSE: ("b",),
    ItemKind.ITEM_KIND_ORDERING: ("a", "b", "c", "d"),
}
QUIZ = QuizRevision(
    quiz="210602-july",
    display_name="测验",
    sections=(),
    minutes_allowed=30,
    pass_percent=60,
    partial_credit=PartialCredit.PARTIAL_CREDIT_RIGHT_MINUS_WRONG,
    create_time=NOON,
)
ATTEMPT = Attempt(
    id="210602-00000000000000000000",
    quiz="210602-july",
    quiz_revision=1,
    member="210602-1",
    user="users/00000000",
    number=1,
    begin_time=NOON,
    due_time=NOON + timedelta(minutes=30),
)
WORTH = score((), {}, {}, PartialCredit.PARTIAL_CREDIT_NONE, 60)


def an_item(kind: ItemKind) -> ItemRevision:
    """An item of four options, or of two."""
    ids = "ab" if kind == ItemKind.ITEM_KIND_TRUE_FALSE else "abcd"
    return ItemRevision(
        ref=ItemRef("210602-pool", f"i{kind}"),
        kind=kind,
        stem="题",
        options=tuple(Option(id_, id_) for id_ in ids),
        key=KEYS[kind],
        points=3,
        create_time=NOON,
    )


ITEMS = {(item.ref, 1): item for item in map(an_item, KINDS)}
PAPER = Paper(
    seed="5a" * 32,
    # Shown in another order than they were written in.
    slots=tuple(Slot(0, item.ref, 1, 3, tuple(reversed(item.option_ids))) for item in ITEMS.values()),
)


def answers(kind: ItemKind) -> st.SearchStrategy[tuple[str, ...]]:
    """Those that fit, as they are stored."""
    letters = "AB" if kind == ItemKind.ITEM_KIND_TRUE_FALSE else "ABCD"
    if kind == ItemKind.ITEM_KIND_ORDERING:
        return st.just(()) | st.permutations(letters).map(tuple)
    most = len(letters) if kind == ItemKind.ITEM_KIND_MULTIPLE else 1
    return st.sets(st.sampled_from(letters), max_size=most).map(lambda chosen: written(kind, tuple(chosen)))


@st.composite
def logs(draw: st.DrawFn) -> list[Save]:
    """What may have been saved of the paper: of each slot no sequence number twice."""
    saves = []
    for slot, kind in enumerate(KINDS, start=1):
        for sequence in draw(st.sets(st.integers(1, 9), max_size=4)):
            saves.append(Save(slot, sequence, draw(answers(kind)), NOON))
    return saves


@given(logs(), st.randoms(use_true_random=False))
def test_a_log_replays_to_the_score_of_its_last_answers_in_whatever_order(saves: list[Save], random: object) -> None:
    last: dict[int, Save] = {}
    for save in sorted(saves, key=lambda save: save.sequence):
        last[save.slot] = save
    chosen = {slot - 1: PAPER.slots[slot - 1].chosen(save.answer) for slot, save in last.items()}
    expected = score(PAPER.slots, ITEMS, chosen, QUIZ.partial_credit, QUIZ.pass_percent)
    random.shuffle(saves)  # type: ignore[attr-defined]
    assert latest(saves) == last
    assert replay(PAPER, ITEMS, saves, QUIZ) == expected


def test_what_is_right_is_worth_everything_and_nothing_is_worth_nothing() -> None:
    right = [
        Save(place, 1, written(kind, PAPER.slots[place - 1].labels(KEYS[kind])), NOON)
        for place, kind in enumerate(KINDS, start=1)
    ]
    assert replay(PAPER, ITEMS, right, QUIZ).percent == 100
    assert replay(PAPER, ITEMS, (), QUIZ).percent == 0


@pytest.mark.parametrize("kind", KINDS, ids=ItemKind.Name)
@given(data=st.data())
def test_an_answer_fits_or_is_refused_with_a_reason(kind: ItemKind, data: st.DataObject) -> None:
    options = len(an_item(kind).options)
    assert unfit(kind, options, data.draw(answers(kind))) == ""
    any_letters = data.draw(st.lists(st.sampled_from("ABCDEFGHIJKL"), unique=True))
    known = set(any_letters) <= set("ABCDEFGHIJKL"[:options])
    many = {ItemKind.ITEM_KIND_MULTIPLE: True, ItemKind.ITEM_KIND_ORDERING: len(any_letters) in (0, options)}
    assert (not unfit(kind, options, any_letters)) == (known and many.get(kind, len(any_letters) <= 1))


minutes = st.integers(0, 1440)


@given(minutes.filter(bool) | st.just(0), minutes | st.none(), minutes)
def test_a_deadline_is_the_earlier_of_both_and_later_by_what_was_granted(
    allowed: int, close: int | None, extra: int
) -> None:
    if not allowed and close is None:
        close = 60
    quiz = replace(QUIZ, minutes_allowed=allowed, close_time=None if close is None else NOON + timedelta(minutes=close))
    ends = [*([allowed] if allowed else []), *([] if close is None else [close])]
    assert due_time(NOON, quiz, Grant(extra)) == NOON + timedelta(minutes=min(ends) + extra)


@given(st.integers(0, 120), st.integers(0, 120))
def test_a_deadline_moves_to_later_while_the_attempt_is_open(due: int, now: int) -> None:
    moved = ATTEMPT.extended(NOON + timedelta(minutes=due), NOON + timedelta(minutes=now))
    expected = due if now < 30 < due else 30
    assert moved.due_time == NOON + timedelta(minutes=expected)
    assert moved.version == ATTEMPT.version + (expected != 30)
    submitted = ATTEMPT.submitted(WORTH, NOON)
    assert submitted.extended(NOON + timedelta(hours=9), NOON) == submitted


# Written out by hand, apart from the rules, so that a slip there shows here.
EXPECTED = {
    (AttemptAction.ATTEMPT_ACTION_SAVE, AttemptActor.ATTEMPT_ACTOR_MEMBER, OPEN): OPEN,
    (AttemptAction.ATTEMPT_ACTION_SUBMIT, AttemptActor.ATTEMPT_ACTOR_MEMBER, OPEN): SUBMITTED,
    (AttemptAction.ATTEMPT_ACTION_EXTEND, AttemptActor.ATTEMPT_ACTOR_EDITOR, OPEN): OPEN,
    (AttemptAction.ATTEMPT_ACTION_EXPIRE, AttemptActor.ATTEMPT_ACTOR_CLOCK, OPEN): EXPIRED,
}


@pytest.mark.parametrize("state", [OPEN, SUBMITTED, EXPIRED], ids=AttemptState.Name)
@pytest.mark.parametrize("action", [each for each in AttemptAction.values() if each], ids=AttemptAction.Name)
@pytest.mark.parametrize("actor", [each for each in AttemptActor.values() if each], ids=AttemptActor.Name)
def test_each_step_leads_to_its_state_or_names_the_allowed_actions(
    state: AttemptState, action: AttemptAction, actor: AttemptActor
) -> None:
    expected = EXPECTED.get((action, actor, state))
    if expected is not None:
        assert LIFE.advance(state, action, actor) == expected
        return
    with pytest.raises(AttemptWrongState) as refused:
        LIFE.advance(state, action, actor)
    assert set(refused.value.details[0].allowed_actions) == {each for each, _, before in EXPECTED if before == state}


def test_time_makes_an_attempt_expired_and_nothing_else_does() -> None:
    last = ATTEMPT.due_time - timedelta(microseconds=1)
    assert (ATTEMPT.state_at(last), ATTEMPT.state_at(ATTEMPT.due_time)) == (OPEN, EXPIRED)
    submitted = ATTEMPT.submitted(WORTH, last)
    assert submitted.state_at(ATTEMPT.due_time) == SUBMITTED
    expired = ATTEMPT.expired(WORTH)
    assert (expired.state_at(NOON), expired.end_time) == (EXPIRED, ATTEMPT.due_time)
    with pytest.raises(AttemptWrongState):
        ATTEMPT.require_open(ATTEMPT.due_time)
    with pytest.raises(AttemptWrongState):
        ATTEMPT.submitted(WORTH, ATTEMPT.due_time)


@given(
    st.sampled_from([each for each in ReviewContent.values() if each]),
    st.sampled_from([each for each in ReviewTime.values() if each]),
    st.sampled_from([each for each in QuizState.values() if each]),
    st.none() | st.integers(-1, 1),
    st.booleans(),
    st.booleans(),
)
def test_no_more_than_the_score_is_reviewed_while_somebody_can_answer(
    content: ReviewContent, time: ReviewTime, state: QuizState, close: int | None, running: bool, scored: bool
) -> None:
    of = Taken(
        attempt=ATTEMPT.submitted(WORTH, NOON) if scored else ATTEMPT,
        paper=Paper(seed="", slots=()),
        saves=(),
        quiz_state=state,
        close_time=None if close is None else NOON + timedelta(hours=close),
        running=running,
        corrected={},
    )
    # It is judged by a revision that closed before.
    judged_by = replace(QUIZ, review_content=content, review_time=time, close_time=NOON - timedelta(hours=1))
    shown = reviewable(of, judged_by, NOON)
    over = state in (QuizState.QUIZ_STATE_CLOSED, QuizState.QUIZ_STATE_RETIRED) or (close is not None and close <= 0)
    if not scored:
        assert shown == ReviewContent.REVIEW_CONTENT_UNSPECIFIED
    elif time == ReviewTime.REVIEW_TIME_SUBMISSION or (over and not running):
        assert shown == content
    else:
        assert shown == ReviewContent.REVIEW_CONTENT_SCORE
