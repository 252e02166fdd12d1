"""What becomes of an attempt by corrections."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.attempts_pb2 import AttemptState
from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_partyedu.attempt import Attempt, Paper, Save, replay
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ItemRef, ItemRevision, Option
from onegrid_partyedu.quiz import Fixed, QuizRevision, Section
from onegrid_partyedu.regrading import ItemCorrection, regraded
from onegrid_partyedu.scoring import Score

NOW = datetime(2020, 11, 11, tzinfo=UTC)
REFS = [ItemRef("210602-history", f"q{number}") for number in range(4)]
QUIZ = QuizRevision(
    quiz="210602-july",
    display_name="July",
    sections=(Section(source=Fixed(tuple(REFS))),),
    pass_percent=50,
    create_time=NOW,
)


def revision(ref: ItemRef, number: int) -> ItemRevision:
    """The first says that A is right, the second that B is."""
    return ItemRevision(
        ref=ref,
        number=number,
        kind=ItemKind.ITEM_KIND_SINGLE,
        stem="?",
        options=(Option("a", "A"), Option("b", "B"), Option("c", "C")),
        key=("a" if number == 1 else "b",),
        points=2,
        create_time=NOW,
    )


ITEMS = {(ref, number): revision(ref, number) for ref in REFS for number in (1, 2)}
PAPER = Paper(seed="00", slots=tuple(Slot(0, ref, 1, 2, ("c", "a", "b")) for ref in REFS[:3]))
ANSWERS = st.dictionaries(st.integers(1, 3), st.sampled_from("ABC"))
CORRECTIONS = st.dictionaries(st.sampled_from(REFS), st.sampled_from([0, 2]))


def attempt(worth: Score) -> Attempt:
    return Attempt(
        id="210602-0190163d0000",
        quiz=QUIZ.quiz,
        quiz_revision=1,
        member="210602-0190163d0001",
        user="users/member",
        number=1,
        stored_state=AttemptState.ATTEMPT_STATE_SUBMITTED,
        begin_time=NOW,
        due_time=NOW,
        end_time=NOW,
        score=worth,
    )


def saves_of(answers: dict[int, str]) -> list[Save]:
    return [Save(slot, 1, (letter,), NOW) for slot, letter in answers.items()]


@given(ANSWERS, CORRECTIONS)
def test_each_slot_is_worth_what_its_correction_says_and_all_others_stay(
    answers: dict[int, str], corrections: dict[ItemRef, int]
) -> None:
    before = attempt(replay(PAPER, ITEMS, saves_of(answers), QUIZ))
    by = {(ref, 1): ItemCorrection(ref, 1, key) for ref, key in corrections.items()}
    change = regraded(before, PAPER, saves_of(answers), ITEMS, QUIZ, by)
    after = before.score if change is None else change.after
    assert after is not None
    for place, slot in enumerate(PAPER.slots):
        right = {None: "B", 0: answers.get(place + 1), 2: "C"}[corrections.get(slot.ref)]
        everyone = corrections.get(slot.ref) == 0
        assert after.slots[place] == (200 if everyone or answers.get(place + 1, "") == right else 0)
    assert after.hundredths == sum(after.slots)
    assert after.passed == (2 * after.hundredths >= after.most)
    # By the same corrections nothing changes any more.
    assert regraded(attempt(after), PAPER, saves_of(answers), ITEMS, QUIZ, by) is None


def test_what_is_not_scored_is_not_regraded() -> None:
    assert regraded(attempt(None), PAPER, [], ITEMS, QUIZ, {}) is None  # type: ignore[arg-type]
