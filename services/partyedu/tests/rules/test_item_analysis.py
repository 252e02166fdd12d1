"""How items did, added up of batches, against the same of all attempts at once."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from onegrid_partyedu.item_analysis import SMALLEST_GROUP, Tally, figures_of

POINTS = 4
Shown = tuple[int, int, int]
"""Which attempt of its member it is, what the answer is worth, and all others of the attempt; in hundredths."""
ATTEMPTS = st.lists(st.tuples(st.integers(1, 2), st.sampled_from((0, 133, 400)), st.integers(0, 9_600)), max_size=40)


def tallies(shown: Sequence[Shown]) -> list[Tally]:
    found = []
    for number, of_number in groupby(sorted(shown), key=lambda each: each[0]):
        of = [(worth / POINTS, rest, worth) for _, worth, rest in of_number]
        xs, ys = [x for x, _, _ in of], [y for _, y, _ in of]
        found.append(
            Tally(
                pool="210602-p",
                item="i1",
                revision=1,
                number=number,
                shown=len(of),
                answered=sum(worth > 0 for _, _, worth in of),
                worth=sum(worth for _, _, worth in of),
                possible=100 * POINTS * len(of),
                x=sum(xs),
                y=sum(ys),
                xx=sum(x * x for x in xs),
                yy=sum(y * y for y in ys),
                xy=sum(x * y for x, y, _ in of),
                least_x=min(xs),
                most_x=max(xs),
                least_y=min(ys),
                most_y=max(ys),
                chosen={"a": len(of)},
            )
        )
    return found


@given(shown=ATTEMPTS, cut=st.integers(0, 40))
def test_batches_add_up(shown: list[Shown], cut: int) -> None:
    found = figures_of([*tallies(shown[:cut]), *tallies(shown[cut:])], most=5)
    firsts = sum(number == 1 for number, _, _ in shown)
    assert bool(found) == (max(firsts, len(shown) - firsts) >= SMALLEST_GROUP)
    if not found:
        return
    worth, rest = [each[1] for each in shown], [each[2] for each in shown]
    (one,) = found
    assert (one.shown, one.answered, one.chosen) == (len(shown), sum(map(bool, worth)), {"a": len(shown)})
    assert abs(one.facility - 100 * sum(worth) / (100 * POINTS * len(shown))) <= 0.5
    if len(set(worth)) == 1 or len(set(rest)) == 1:
        assert one.discrimination is None
    else:
        assert one.discrimination is not None
        assert abs(one.discrimination - 100 * statistics.correlation(worth, rest)) <= 0.51


def test_most_shown_come_first_and_no_more_than_asked_for() -> None:
    first = tallies([(1, 133, rest) for rest in range(20)])
    second = [each._replace(item="i0", shown=12) for each in first]
    assert [each.ref.item for each in figures_of([*second, *first], most=5)] == ["i1", "i0"]
    assert [each.ref.item for each in figures_of([*second, *first], most=1)] == ["i1"]
