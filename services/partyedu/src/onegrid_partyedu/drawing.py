"""Which items an attempt has, in which order, and with which order of options: a pure function of its seed.

The order is that of SHA-256 digests, and not a library's shuffle: what was drawn is drawn again by any version of
Python, for as long as there is evidence to be checked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple, TypeAlias, TypeVar

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_partyedu.item import ItemRef
from onegrid_partyedu.quiz import Drawn, Fixed, QuizRevision, Section

__all__ = ["LABELS", "Candidate", "CannotFill", "Shortage", "Slot", "draw", "shortage"]

LABELS: Final = "ABCDEFGHIJKL"
"""What members call the options of an item, from the one that is shown first."""
_PLACES: Final = {label: place for place, label in enumerate(LABELS)}

T = TypeVar("T")
_Counts: TypeAlias = dict[ItemKind, int]


@dataclass(frozen=True, slots=True)
class Candidate:
    """The current revision of an item in use, as far as drawing needs it."""

    ref: ItemRef
    revision: int
    kind: ItemKind
    points: int
    options: tuple[str, ...]
    """Ids, as they were written."""


class Slot(NamedTuple):
    """A place of an attempt, and what is in it: it never changes. Ids of options stay on the server: an editor may have
    written them in the right order. Members see texts in the slot's order, and answer by labels.
    """

    section: int
    """Counted from 0."""
    ref: ItemRef
    revision: int
    points: int
    options: tuple[str, ...]
    """Ids, as they are shown."""

    def chosen(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The ids of options that a member's labels mean, in that order. Raises ValueError for labels that are twice or
        stand for no option.
        """
        try:
            chosen = tuple([self.options[_PLACES[each]] for each in labels])
        except (IndexError, KeyError):
            chosen = ()
        if len(set(chosen)) < len(labels):
            raise ValueError(f"{','.join(labels)} are not among the labels of {len(self.options)} options, each once")
        return chosen

    def labels(self, options: Collection[str]) -> tuple[str, ...]:
        """The labels of these options, given by their ids, in the given order."""
        return tuple(LABELS[self.options.index(each)] for each in options)


@dataclass(frozen=True, slots=True)
class Shortage:
    """A section that can't be filled."""

    section: int
    """Counted from 0."""
    pool: str
    items: int
    """How many the pool has left for it."""
    needed: int


class CannotFill(Exception):
    """A section can't be filled: publishing was to make sure that it can."""

    def __init__(self, short: Shortage) -> None:
        self.short = short
        super().__init__(f"section {short.section} needs {short.needed} items of {short.pool}, which has {short.items}")


def draw(seed: str, quiz: QuizRevision, pools: Mapping[str, Collection[Candidate]]) -> tuple[Slot, ...]:
    """What an attempt with this seed has, in the order in which it is shown. `pools`: for each pool of the quiz, by its
    id, the items in use, in whatever order. The seed is kept from members until they have submitted, as the ids are.

    Raises CannotFill if items are missing.
    """
    slots: list[Slot] = []
    for number, (section, found) in enumerate(_filled(seed, quiz, pools)):
        for candidate in found:
            options = _shown_options(seed, quiz, candidate)
            points = section.points_each or candidate.points
            slots.append(Slot(number, candidate.ref, candidate.revision, points, options))
    return tuple(slots)


def shortage(quiz: QuizRevision, pools: Mapping[str, Collection[Candidate]]) -> Shortage | None:
    """The first section that can't be filled for some seed; None: each can be for any. Sections that draw from one pool
    take from one another what they might.
    """
    named = set(quiz.items)
    free: dict[str, _Counts] = {pool: _counts(pools.get(pool, ()), named) for pool in quiz.pools}
    known = {each.ref for of in pools.values() for each in of}
    asked: dict[str, _Counts] = defaultdict(dict)
    for number, section in enumerate(quiz.sections):
        source = section.source
        if isinstance(source, Fixed):
            for ref in source.items:
                if ref not in known:
                    return Shortage(number, ref.pool, 0, 1)
            continue
        before = asked[source.pool]
        left = _left(free[source.pool], before, source.kind)
        if left < source.count:
            return Shortage(number, source.pool, left, source.count)
        before[source.kind] = before.get(source.kind, 0) + source.count
    return None


def _counts(candidates: Collection[Candidate], without: Collection[ItemRef]) -> _Counts:
    counts: _Counts = defaultdict(int)
    for each in candidates:
        if each.ref not in without:
            counts[each.kind] += 1
    return counts


def _left(free: _Counts, asked: _Counts, kind: ItemKind) -> int:
    """How many are left of a kind at least, after sections have taken what they asked for, whichever those were."""
    any_kind = ItemKind.ITEM_KIND_UNSPECIFIED
    if kind == any_kind:
        return max(0, sum(free.values()) - sum(asked.values()))
    return max(0, free.get(kind, 0) - asked.get(kind, 0) - asked.get(any_kind, 0))


def _filled(
    seed: str, quiz: QuizRevision, pools: Mapping[str, Collection[Candidate]]
) -> Iterator[tuple[Section, list[Candidate]]]:
    """Each section with its items in order."""
    by_ref = {each.ref: each for of in pools.values() for each in of}
    taken = set(quiz.items)
    for number, section in enumerate(quiz.sections):
        source = section.source
        if isinstance(source, Drawn):
            free = [
                each
                for each in pools.get(source.pool, ())
                if each.ref not in taken and source.kind in (ItemKind.ITEM_KIND_UNSPECIFIED, each.kind)
            ]
            if len(free) < source.count:
                raise CannotFill(Shortage(number, source.pool, len(free), source.count))
            found = _ordered(free, f"{seed}/draw/{number}", _name)[: source.count]
            taken |= {each.ref for each in found}
            found.sort(key=_name)
        else:
            for ref in source.items:
                if ref not in by_ref:
                    raise CannotFill(Shortage(number, ref.pool, 0, 1))
            found = [by_ref[ref] for ref in source.items]
        yield section, _ordered(found, f"{seed}/items/{number}", _name) if quiz.shuffle_items else found


def _shown_options(seed: str, quiz: QuizRevision, of: Candidate) -> tuple[str, ...]:
    kept = of.kind == ItemKind.ITEM_KIND_TRUE_FALSE
    always = of.kind == ItemKind.ITEM_KIND_ORDERING
    if kept or not (quiz.shuffle_options or always):
        return of.options
    return tuple(_ordered(of.options, f"{seed}/options/{of.ref.name}", str))


def _name(of: Candidate) -> str:
    return of.ref.name


def _ordered(values: Collection[T], salt: str, identity: Callable[[T], str]) -> list[T]:
    """In an order that only the salt and the identities decide."""
    return sorted(values, key=lambda each: sha256(f"{salt}/{identity(each)}".encode()).digest())
