"""How items did (题目分析), of sums over the attempts in which they were shown: sums of several batches add up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, NamedTuple

from onegrid_partyedu.item import ItemRef

__all__ = ["SMALLEST_GROUP", "ItemFigures", "Tally", "figures_of"]

SMALLEST_GROUP: Final = 10
"""What fewer members were shown is left out."""


class Tally(NamedTuple):
    """Sums over attempts in which a revision of an item was shown, which are all their members' first, or all their
    second, and so on. `x` is what its answer is worth a point, `y` what all other answers of the attempt are worth.
    """

    pool: str
    item: str
    revision: int
    number: int
    """Which attempts of their members they are, counted from 1."""
    shown: int
    answered: int
    worth: int
    """In hundredths of a point, as is the next."""
    possible: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float
    least_x: float
    most_x: float
    least_y: float
    most_y: float
    chosen: Mapping[str, int]
    """How often each option was, by its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFigures:
    """How a revision of an item did."""

    ref: ItemRef
    revision: int
    shown: int
    answered: int
    facility: int
    """In percent."""
    discrimination: int | None
    """In hundredths; None where all reached the same."""
    chosen: Mapping[str, int]


def figures_of(tallies: Iterable[Tally], most: int) -> list[ItemFigures]:
    """How items did, those shown most first, so many at most; without what few members were shown."""
    of: dict[tuple[str, str, int], list[Tally]] = {}
    for each in tallies:
        of.setdefault((each.pool, each.item, each.revision), []).append(each)
    found = [_figures(each) for each in of.values() if _members(each) >= SMALLEST_GROUP]
    return sorted(found, key=lambda each: (-each.shown, each.ref.pool, each.ref.item, each.revision))[:most]


def _members(of: Sequence[Tally]) -> int:
    """How many members were shown it, at least: each has one first attempt, one second."""
    by_number = Counter[int]()
    for each in of:
        by_number[each.number] += each.shown
    return max(by_number.values())


def _figures(of: Sequence[Tally]) -> ItemFigures:
    worth, possible = sum(each.worth for each in of), sum(each.possible for each in of)
    chosen = Counter[str]()
    for each in of:
        chosen.update(each.chosen)
    return ItemFigures(
        ref=ItemRef(of[0].pool, of[0].item),
        revision=of[0].revision,
        shown=sum(each.shown for each in of),
        answered=sum(each.answered for each in of),
        facility=(200 * worth + possible) // (2 * possible),
        discrimination=_correlation(of),
        chosen=chosen,
    )


def _correlation(of: Sequence[Tally]) -> int | None:
    """Pearson's coefficient of x and y, in hundredths."""
    if min(each.least_x for each in of) == max(each.most_x for each in of):
        return None
    if min(each.least_y for each in of) == max(each.most_y for each in of):
        return None
    n = sum(each.shown for each in of)
    x, y = sum(each.x for each in of), sum(each.y for each in of)
    spread_x, spread_y = n * sum(each.xx for each in of) - x * x, n * sum(each.yy for each in of) - y * y
    together = n * sum(each.xy for each in of) - x * y
    return round(100 * max(-1.0, min(1.0, together / sqrt(spread_x * spread_y))))
