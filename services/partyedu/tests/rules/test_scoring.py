"""What answers are worth."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ItemRef, ItemRevision, Option
from onegrid_partyedu.scoring import HUNDREDTHS, Correction, passes, score, score_slot

NOW = datetime(2020, 11, 11, tzinfo=UTC)
SINGLE, MULTIPLE = ItemKind.ITEM_KIND_SINGLE, ItemKind.ITEM_KIND_MULTIPLE
TRUE_FALSE, ORDERING = ItemKind.ITEM_KIND_TRUE_FALSE, ItemKind.ITEM_KIND_ORDERING
NONE, NO_WRONG = PartialCredit.PARTIAL_CREDIT_NONE, PartialCredit.PARTIAL_CREDIT_NO_WRONG
MINUS = PartialCredit.PARTIAL_CREDIT_RIGHT_MINUS_WRONG
RULES = st.sampled_from([NONE, NO_WRONG, MINUS])


def item(kind: ItemKind, options: str, key: str, number: int = 1, name: str = "q1") -> ItemRevision:
    return ItemRevision(
        ref=ItemRef("210602-history", name),
        number=number,
        kind=kind,
        stem="?",
        options=tuple(Option(each, each) for each in options),
        key=tuple(key),
        points=1,
        create_time=NOW,
    )


@st.composite
def items(draw: st.DrawFn) -> ItemRevision:
    kind = draw(st.sampled_from([kind for kind in ItemKind.values() if kind]))
    options = "ab" if kind == TRUE_FALSE else "abcdefghijkl"[: draw(st.integers(2, 12))]
    sizes = {MULTIPLE: (1, len(options) - 1), ORDERING: (len(options), len(options))}
    fewest, most = sizes.get(kind, (1, 1))
    return item(kind, options, "".join(draw(st.permutations(options)))[: draw(st.integers(fewest, most))])


@given(items(), st.integers(1, 100), RULES, st.data())
def test_an_answer_is_worth_from_nothing_to_all_and_all_only_where_it_is_right(
    of: ItemRevision, points: int, rule: PartialCredit, data: st.DataObject
) -> None:
    chosen = data.draw(st.lists(st.sampled_from(of.option_ids), unique=True))
    worth = score_slot(of, points, chosen, rule)
    assert 0 <= worth <= HUNDREDTHS * points
    right = chosen == list(of.key) or (of.kind == MULTIPLE and set(chosen) == set(of.key))
    assert (worth == HUNDREDTHS * points) == right
    assert score_slot(of, points, of.key, rule) == HUNDREDTHS * points
    assert score_slot(of, points, (), rule) == 0
    assert worth == 0 or right or (rule != NONE and of.kind in (MULTIPLE, ORDERING))


@given(items(), st.integers(1, 100), RULES, st.data())
def test_a_further_right_option_is_never_worth_less_and_a_wrong_one_never_more(
    of: ItemRevision, points: int, rule: PartialCredit, data: st.DataObject
) -> None:
    if of.kind != MULTIPLE:
        return
    chosen = data.draw(st.sets(st.sampled_from(of.option_ids)))
    further = data.draw(st.sampled_from(of.option_ids))
    before, after = (score_slot(of, points, sorted(each), rule) for each in (chosen, chosen | {further}))
    assert before <= after or further not in of.key
    assert before >= after or further in of.key


@given(items(), st.integers(1, 100), RULES)
def test_ticking_everything_is_worth_nothing(of: ItemRevision, points: int, rule: PartialCredit) -> None:
    if of.kind != ORDERING:
        assert score_slot(of, points, of.option_ids, rule) == 0


@pytest.mark.parametrize("rule", [NO_WRONG, MINUS])
def test_who_knows_nothing_gets_no_more_than_one_option_is_right_by_chance(rule: PartialCredit) -> None:
    for size in range(3, 8):
        options = "abcdefg"[:size]
        for many in range(1, size // 2 + 1):
            keys = ["".join(key) for key in combinations(options, many)]
            for ticked in range(size + 1):
                worth = sum(score_slot(item(MULTIPLE, options, key), 1, options[:ticked], rule) for key in keys)
                assert worth <= HUNDREDTHS * len(keys) * many / size


def test_an_order_by_chance_is_worth_little_and_the_other_way_round_nothing() -> None:
    of = item(ORDERING, "abcd", "abcd")
    assert score_slot(of, 6, "abdc", MINUS) == 400  # one pair of six is wrong
    assert score_slot(of, 6, "dcba", MINUS) == score_slot(of, 6, "abc", MINUS) == 0
    mean = sum(score_slot(of, 6, order, MINUS) for order in permutations("abcd")) / 24
    assert mean < 0.25 * 600


@pytest.mark.parametrize(
    ("rule", "chosen", "worth"),
    [
        (NONE, "ab", 0),
        (NONE, "abc", 200),
        (NO_WRONG, "ab", 133),
        (NO_WRONG, "abd", 0),
        (NO_WRONG, "cba", 200),
        (MINUS, "ab", 133),
        (MINUS, "abd", 33),
        (MINUS, "abcd", 100),
        (MINUS, "abcde", 0),
        (MINUS, "ade", 0),
    ],
)
def test_partial_credit_of_two_points(rule: PartialCredit, chosen: str, worth: int) -> None:
    assert score_slot(item(MULTIPLE, "abcde", "abc"), 2, chosen, rule) == worth


@given(st.integers(1, 20_000), st.integers(0, 100), st.data())
def test_whether_it_is_passed_is_never_rounded(most: int, percent: int, data: st.DataObject) -> None:
    got = data.draw(st.integers(0, most))
    assert passes(got, most, percent) == (got * 100 >= percent * most)
    assert passes(most, most, percent)


def test_an_attempt_is_scored_by_its_own_slots_and_by_corrections_where_there_are_some() -> None:
    first, second = item(SINGLE, "ab", "a"), item(SINGLE, "ab", "a", name="q2")
    slots = [Slot(0, each.ref, 1, 2, ("b", "a")) for each in (first, second)]
    known = {(each.ref, each.number): each for each in (first, second)}
    answers = {0: ("b",), 1: ("a",)}
    plain = score(slots, known, answers, NONE, 60)
    assert (plain.slots, plain.hundredths, plain.most, plain.percent, plain.passed) == ((0, 200), 200, 400, 50, False)
    corrected = {(first.ref, 1): Correction(item(SINGLE, "ab", "b", number=2))}
    assert score(slots, known, answers, NONE, 60, corrected).slots == (200, 200)
    everyone = {(first.ref, 1): Correction()}
    assert score(slots, known, {}, NONE, 60, everyone).slots == (200, 0)
    assert score(slots, known, answers, NONE, 50).passed
