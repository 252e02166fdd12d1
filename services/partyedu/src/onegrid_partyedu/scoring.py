"""What answers are worth. Points are counted in hundredths (1 point = 100), as integers: no score depends on how a
machine rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Final

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid.partyedu.v1.quizzes_pb2 import PartialCredit
from onegrid_partyedu.drawing import Slot
from onegrid_partyedu.item import ItemRef, ItemRevision

__all__ = ["HUNDREDTHS", "Correction", "Score", "passes", "score", "score_slot"]

HUNDREDTHS: Final = 100
"""Of a point."""

_AS_WRITTEN: Final[Mapping[tuple[ItemRef, int], Correction]] = MappingProxyType({})
_NONE: Final = PartialCredit.PARTIAL_CREDIT_NONE
_NO_WRONG: Final = PartialCredit.PARTIAL_CREDIT_NO_WRONG
_MULTIPLE: Final = ItemKind.ITEM_KIND_MULTIPLE
_ORDERING: Final = ItemKind.ITEM_KIND_ORDERING


@dataclass(frozen=True, slots=True)
class Correction:
    """How a revision of an item is scored after all."""

    by: ItemRevision | None = None
    """By the key of this revision, which has the same kind and option ids; None: who was shown it gets all points."""


@dataclass(frozen=True, slots=True)
class Score:
    """What an attempt is worth."""

    hundredths: int
    most: int
    """What it could be worth, in hundredths."""
    slots: tuple[int, ...]
    """What each slot's answer is worth, in hundredths."""
    passed: bool

    @property
    def percent(self) -> int:
        """Rounded down; whether it is passed is decided without rounding."""
        return 100 * self.hundredths // self.most if self.most else 0


def score(
    slots: Sequence[Slot],
    items: Mapping[tuple[ItemRef, int], ItemRevision],
    answers: Mapping[int, Sequence[str]],
    rule: PartialCredit,
    pass_percent: int,
    corrections: Mapping[tuple[ItemRef, int], Correction] = _AS_WRITTEN,
) -> Score:
    """Score an attempt from its own snapshot.

    `items`: the revisions that its slots name; `answers`: by the position of the slot, counted from 0, the ids of the
    options that were chosen (`Slot.chosen`), in order; what is missing was not answered. Raises KeyError if a revision
    is missing.
    """
    worth = tuple(
        _worth(slot, items[slot.ref, slot.revision], answers.get(position, ()), rule, corrections)
        for position, slot in enumerate(slots)
    )
    hundredths, most = sum(worth), HUNDREDTHS * sum(slot.points for slot in slots)
    return Score(hundredths, most, worth, passes(hundredths, most, pass_percent))


def passes(hundredths: int, most: int, pass_percent: int) -> bool:
    """Whether so many of so many are enough."""
    return 100 * hundredths >= pass_percent * most


def score_slot(item: ItemRevision, points: int, chosen: Sequence[str], rule: PartialCredit) -> int:
    """What an answer to an item of so many points is worth, in hundredths, rounded down."""
    right, of = _part(item, chosen, rule)
    return HUNDREDTHS * points * right // of


def _worth(
    slot: Slot,
    item: ItemRevision,
    chosen: Sequence[str],
    rule: PartialCredit,
    corrections: Mapping[tuple[ItemRef, int], Correction],
) -> int:
    correction = corrections.get((slot.ref, slot.revision)) if corrections else None
    if correction is None:
        return score_slot(item, slot.points, chosen, rule)
    if correction.by is None:
        return HUNDREDTHS * slot.points
    return score_slot(correction.by, slot.points, chosen, rule)


def _part(item: ItemRevision, chosen: Sequence[str], rule: PartialCredit) -> tuple[int, int]:
    """The part of the points, as a fraction."""
    if tuple(chosen) == item.key:
        return 1, 1
    if item.kind == _MULTIPLE:
        return _of_many(item, chosen, rule)
    return _in_order(item.key, chosen) if item.kind == _ORDERING and rule != _NONE else (0, 1)


def _of_many(item: ItemRevision, chosen: Sequence[str], rule: PartialCredit) -> tuple[int, int]:
    """The part of the right options. A wrong one costs as much as a right one is worth, or its part of the wrong ones
    where that is more: with the first alone ticking everything would pay where most are right, with the other ticking
    two where one is.
    """
    keys = len(item.key)
    right = sum(each in item.key for each in chosen)
    wrong = len(chosen) - right
    if rule == _NONE:
        return (1, 1) if right == keys and not wrong else (0, 1)
    if rule == _NO_WRONG:
        return (0, 1) if wrong else (right, keys)
    fewer = min(keys, len(item.options) - keys)
    return max(0, right * fewer - wrong * keys), keys * fewer


def _in_order(key: Sequence[str], chosen: Sequence[str]) -> tuple[int, int]:
    """The pairs in their right order less those in the wrong one, of all pairs (Kendall's tau): an order by chance is
    worth nothing on average but for what is never less than nothing. An order that lacks options is worth nothing.
    """
    if sorted(key) != sorted(chosen):
        return 0, 1
    place = {each: position for position, each in enumerate(chosen)}
    pairs = list(combinations(key, 2))
    right = sum(place[before] < place[after] for before, after in pairs)
    return max(0, 2 * right - len(pairs)), len(pairs)
