"""What an attempt has, as its seed says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_partyedu.drawing import LABELS, Candidate, CannotFill, Slot, draw, shortage
from onegrid_partyedu.item import ItemRef
from onegrid_partyedu.quiz import Drawn, Fixed, QuizRevision, Section

NOW = datetime(2020, 11, 11, tzinfo=UTC)
HISTORY, RULES = "210602-history", "210602-rules"
KINDS = [kind for kind in ItemKind.values() if kind]
SINGLE, MULTIPLE, TRUE_FALSE, ORDERING = KINDS


def candidate(pool: str, number: int, kind: ItemKind = SINGLE, options: int = 4) -> Candidate:
    ids = tuple("abcdefghijkl"[: 2 if kind == TRUE_FALSE else options])
    return Candidate(ItemRef(pool, f"q{number}"), 1, kind, 2, ids)


def quiz(*sections: Section, **fields: bool) -> QuizRevision:
    return QuizRevision(quiz="210602-july", display_name="July", sections=sections, create_time=NOW, **fields)


@st.composite
def drawings(draw_: st.DrawFn) -> tuple[QuizRevision, dict[str, list[Candidate]]]:
    """A quiz of some sections, and pools that may hold enough."""
    pools = {
        pool: [
            candidate(pool, number, draw_(st.sampled_from(KINDS)), draw_(st.integers(2, 12)))
            for number in range(draw_(st.integers(0, 12)))
        ]
        for pool in (HISTORY, RULES)
    }
    items = [each.ref for of in pools.values() for each in of]
    fixed = draw_(st.lists(st.sampled_from(items), unique=True, max_size=4)) if items else []
    drawn = st.builds(Drawn, st.sampled_from(sorted(pools)), st.integers(1, 5), st.sampled_from([0, *KINDS]))
    sections = [
        Section(source=each, points_each=draw_(st.integers(0, 3))) for each in draw_(st.lists(drawn, max_size=4))
    ]
    if fixed or not sections:
        sections.insert(draw_(st.integers(0, len(sections))), Section(source=Fixed(tuple(fixed))))
    return quiz(*sections, shuffle_items=draw_(st.booleans()), shuffle_options=draw_(st.booleans())), pools


@given(drawings(), st.text(max_size=40), st.randoms())
def test_a_seed_draws_the_same_in_whatever_order_items_come(
    of: tuple[QuizRevision, dict[str, list[Candidate]]], seed: str, random: object
) -> None:
    revision, pools = of
    if shortage(revision, pools):
        return
    drawn = draw(seed, revision, pools)
    mixed = {pool: list(candidates) for pool, candidates in reversed(pools.items())}
    for candidates in mixed.values():
        random.shuffle(candidates)  # type: ignore[attr-defined]
    assert draw(seed, revision, mixed) == drawn


@given(drawings(), st.text(max_size=40))
def test_each_section_has_what_it_asks_for_and_no_item_is_there_twice(
    of: tuple[QuizRevision, dict[str, list[Candidate]]], seed: str
) -> None:
    revision, pools = of
    if shortage(revision, pools):
        return
    known = {each.ref: each for candidates in pools.values() for each in candidates}
    drawn = draw(seed, revision, pools)
    assert len({slot.ref for slot in drawn}) == len(drawn)
    assert [slot.section for slot in drawn] == [
        number for number, section in enumerate(revision.sections) for _ in range(section.size)
    ]
    for slot in drawn:
        section, item = revision.sections[slot.section], known[slot.ref]
        assert sorted(slot.options) == sorted(item.options)
        assert slot.points == section.points_each or (not section.points_each and slot.points == item.points)
        if isinstance(section.source, Drawn):
            assert (slot.ref.pool, section.source.kind) in ((section.source.pool, 0), (section.source.pool, item.kind))
        else:
            assert slot.ref in section.source.items
        if item.kind == TRUE_FALSE or (item.kind != ORDERING and not revision.shuffle_options):
            assert slot.options == item.options
    for number, section in enumerate(revision.sections):
        if isinstance(section.source, Fixed) and not revision.shuffle_items:
            assert tuple(slot.ref for slot in drawn if slot.section == number) == section.source.items


@given(drawings(), st.lists(st.text(max_size=8), min_size=1, max_size=5))
def test_who_may_publish_is_never_without_items_and_what_falls_short_is_said(
    of: tuple[QuizRevision, dict[str, list[Candidate]]], seeds: list[str]
) -> None:
    revision, pools = of
    short = shortage(revision, pools)
    if short is None:
        for seed in seeds:
            draw(seed, revision, pools)
    else:
        assert short.items < short.needed


def test_an_empty_pool_fills_nothing() -> None:
    with pytest.raises(CannotFill):
        draw("seed", quiz(Section(source=Drawn(HISTORY, 1))), {HISTORY: []})


def test_what_was_drawn_once_is_drawn_by_every_version() -> None:
    pools = {HISTORY: [candidate(HISTORY, number, MULTIPLE) for number in range(20)]}
    drawn = draw("0190163d", quiz(Section(source=Drawn(HISTORY, 3)), shuffle_items=True, shuffle_options=True), pools)
    assert [(slot.ref.item, "".join(slot.options)) for slot in drawn] == [
        ("q15", "bcad"),
        ("q2", "cabd"),
        ("q6", "bdac"),
    ]


def test_all_items_are_drawn_about_equally_often_and_all_places_taken() -> None:
    pools = {HISTORY: [candidate(HISTORY, number, ORDERING, 3) for number in range(10)]}
    revision = quiz(Section(source=Drawn(HISTORY, 5)), shuffle_items=True)
    attempts = [draw(f"seed {number}", revision, pools) for number in range(2_000)]
    shown = Counter(slot.ref for slots in attempts for slot in slots)
    assert all(900 < times < 1_100 for times in shown.values())
    first = Counter(slots[0].ref for slots in attempts)
    assert all(130 < times < 270 for times in first.values())
    orders = Counter(slots[0].options for slots in attempts)
    assert len(orders) == 6
    assert all(240 < times < 430 for times in orders.values())


@given(st.permutations("abcde"), st.lists(st.sampled_from(LABELS[:5]), unique=True))
def test_labels_mean_what_is_shown_there(options: list[str], labels: list[str]) -> None:
    slot = Slot(0, ItemRef(HISTORY, "q1"), 1, 1, tuple(options))
    chosen = slot.chosen(labels)
    assert [options[LABELS.index(label)] for label in labels] == list(chosen)
    assert slot.labels(chosen) == tuple(labels)


@pytest.mark.parametrize("labels", [("A", "A"), ("F",), ("a",), ("",)])
def test_other_labels_mean_nothing(labels: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="labels"):
        Slot(0, ItemRef(HISTORY, "q1"), 1, 1, tuple("abcde")).chosen(labels)
