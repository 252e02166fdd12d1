"""What a tag gave counts once, whatever arrives in which order."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.border.v1.resources_pb2 import Evidence
from onegrid_border.checkpoint_code import CheckpointCode, Keys, reading_of
from onegrid_border.evidence import Standing, Tap, reused
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.testing.tags import Tag

NOON = datetime(2020, 11, 11, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TAG = "04DE5F1EACC040"


def tap(count: int, minutes: float, standing: Standing = Standing.KNOWN, *, entry: str = "", uid: str = TAG) -> Tap:
    """That a tap of this count was shown so many minutes after noon."""
    name = entry or f"{count} {minutes} {standing.name}"
    return Tap(entry=name.encode(), uid=uid, count=count, time=NOON + minutes * MINUTE, standing=standing)


def not_counting(*taps: Tap) -> list[int]:
    """Which of these do not count, by their places."""
    found = reused(taps)
    return [place for place, each in enumerate(taps) if each.entry in found]


def test_taps_that_were_made_one_after_another_all_count() -> None:
    assert not not_counting(tap(7, 0), tap(8, 1), tap(12, 90), tap(7, 5, uid="04DE5F1EACC041"))


def test_of_one_count_the_entry_that_was_made_first_counts() -> None:
    assert not_counting(tap(7, 5), tap(7, 0), tap(7, 9)) == [0, 2]
    # Of one moment, the same one in whatever order they come.
    one, other = tap(7, 0, entry="a"), tap(7, 0, entry="b")
    assert reused([one, other]) == reused([other, one]) == {other.entry}
    # The same entry is the same tap.
    assert not not_counting(tap(7, 0), tap(7, 0))


def test_a_count_does_not_count_after_a_higher_one() -> None:
    assert not_counting(tap(7, 30), tap(8, 0)) == [0]
    assert not_counting(tap(7, 30), tap(9, 0), tap(8, 1)) == [0]
    # Clocks of devices differ a little.
    assert not not_counting(tap(7, 2), tap(8, 0))


def test_who_knows_no_time_shows_that_nothing_was_too_late() -> None:
    for standing in (Standing.CLAIMED, Standing.DOUBTED):
        assert not not_counting(tap(7, 30), tap(8, 0, standing))
    assert not_counting(tap(7, 30, Standing.CLAIMED), tap(8, 0)) == [0]
    assert not not_counting(tap(7, 30, Standing.DOUBTED), tap(8, 0))


def test_what_is_doubted_takes_no_count_from_what_is_not() -> None:
    assert not_counting(tap(7, 0, Standing.DOUBTED), tap(7, 5)) == [0]
    assert not_counting(tap(7, 0, Standing.CLAIMED), tap(7, 5)) == [1]
    assert not_counting(tap(7, 0, Standing.DOUBTED), tap(7, 5, Standing.DOUBTED)) == [1]


taps = st.lists(
    st.builds(
        tap,
        st.integers(1, 6),
        st.integers(0, 12),
        st.sampled_from(Standing),
        entry=st.uuids().map(str),
        uid=st.sampled_from([TAG, "04DE5F1EACC041"]),
    ),
    max_size=12,
)


@given(taps, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_taps_is_judged_the_same(made: Sequence[Tap], chance: random.Random) -> None:
    arrived = [*made, *chance.choices(made, k=3)] if made else []
    chance.shuffle(arrived)
    assert reused(arrived) == reused(made)
    # Of each count one counts, unless a higher one was there before.
    for count, uid in {(each.count, each.uid) for each in made}:
        same = {each.entry for each in made if (each.count, each.uid) == (count, uid)}
        assert len(same - reused(made)) <= 1


@given(taps, st.integers(0, 12))
def test_of_others_only_those_that_the_database_gives_are_needed(made: Sequence[Tap], own: int) -> None:
    ours, others = made[:own], made[own:]
    needed = []
    for each in ours:
        of_tag = [other for other in others if other.uid == each.uid]
        needed += [other for other in of_tag if other.count == each.count]
        higher = [other for other in of_tag if other.count > each.count and other.standing == Standing.KNOWN]
        needed += sorted(higher, key=lambda other: other.time)[:1]
    names = {each.entry for each in ours}
    assert reused([*ours, *needed]) & names == reused(made) & names


def test_a_tap_is_of_each_registration_of_its_tag_with_the_keys_that_it_has() -> None:
    tag, other = Tag(), Tag()
    code = CheckpointCode(
        route="210602003-river-east",
        checkpoint="pier",
        number=1,
        evidence=Evidence.EVIDENCE_TAG,
        uid=tag.uid.hex().upper(),
        sealed_keys=Keys(tag.file_read_key, tag.meta_read_key).sealed(TEST_CIPHER),
        issue_time=NOON,
        end_time=NOON + MINUTE,
    )
    again = dataclasses.replace(code, number=2, issue_time=NOON + 2 * MINUTE, end_time=None)
    elsewhere = dataclasses.replace(code, number=3, uid=other.uid.hex().upper())
    printed = dataclasses.replace(code, number=4, evidence=Evidence.EVIDENCE_PRINTED_CODE, uid="")
    assert code.keys(TEST_CIPHER) == Keys(tag.file_read_key, tag.meta_read_key)
    known = [(each, code.keys(TEST_CIPHER)) for each in (code, again, elsewhere, printed)]
    reading = reading_of(tag.tap(), known)
    assert reading is not None
    assert (reading.codes, reading.count) == ((code, again), 1)
    assert reading_of(other.tap(), known) is None
    assert repr(tag.file_read_key) not in repr(code.keys(TEST_CIPHER))
