"""Item pools (题库) and items (题目), as the rules see them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_kit import codes
from onegrid_kit.names import ResourceName

__all__ = [
    "ITEM",
    "MOST_ITEMS",
    "POOL",
    "Item",
    "ItemRef",
    "ItemRevision",
    "Option",
    "Pool",
    "violations_of",
]

POOL: Final = ResourceName("pools/{pool}")
ITEM: Final = ResourceName("pools/{pool}/items/{item}")
MOST_ITEMS: Final = 2_000
"""How many items a pool has at most, retired ones included."""

_SINGLE: Final = ItemKind.ITEM_KIND_SINGLE
_MULTIPLE: Final = ItemKind.ITEM_KIND_MULTIPLE
_TRUE_FALSE: Final = ItemKind.ITEM_KIND_TRUE_FALSE
_ORDERING: Final = ItemKind.ITEM_KIND_ORDERING


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """An item pool."""

    id: str
    version: int = 1
    display_name: str
    description: str = ""
    item_count: int = 0
    """Of those that are not retired."""
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``pools/{pool}``."""
        return POOL.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change of the pool and of its items."""
        return str(self.version)


class ItemRef(NamedTuple):
    """Which item, whatever its revision. A tuple, since what an attempt asks of is looked up by it fifty times over."""

    pool: str
    """The pool's id."""
    item: str
    """The item's id within its pool."""

    @property
    def name(self) -> str:
        """``pools/{pool}/items/{item}``."""
        return ITEM.name(self.pool, self.item)

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.pool)


@dataclass(frozen=True, slots=True)
class Option:
    """One of what can be chosen."""

    id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRevision:
    """What an item is in one of its revisions: it never changes."""

    ref: ItemRef
    number: int = 1
    """Counted from 1."""
    kind: ItemKind
    stem: str
    options: tuple[Option, ...]
    key: tuple[str, ...]
    """Ids of options: the right ones, in the right order where that is asked."""
    explanation: str = ""
    points: int
    create_time: datetime

    @property
    def option_ids(self) -> tuple[str, ...]:
        """As they were written."""
        return tuple(each.id for each in self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An item, with its current revision or another."""

    version: int = 1
    revision: ItemRevision
    retire_time: datetime | None = None

    @property
    def ref(self) -> ItemRef:
        """Which item."""
        return self.revision.ref

    @property
    def name(self) -> str:
        """``pools/{pool}/items/{item}``."""
        return self.ref.name

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)


def violations_of(revision: ItemRevision) -> Iterator[tuple[str, str]]:
    """What is wrong with an item: fields, and what is wrong there."""
    ids = revision.option_ids
    for field, values in (("id", ids), ("text", tuple(each.text.strip() for each in revision.options))):
        for position, value in enumerate(values):
            if value in values[:position]:
                yield f"options[{position}].{field}", "is that of another option"
    if unknown := [each for each in revision.key if each not in ids]:
        yield "key", f"names no option: {', '.join(unknown)}"
    elif wrong := _wrong_key(revision):
        yield "key", wrong
    if revision.kind == _TRUE_FALSE and len(ids) != 2:
        yield "options", "are not two, where true or false is asked"


def _wrong_key(revision: ItemRevision) -> str:
    of, many = len(revision.key), len(revision.options)
    if revision.kind in (_SINGLE, _TRUE_FALSE) and of != 1:
        return "is not one option"
    if revision.kind == _MULTIPLE and of == many:
        # Who ticks all would be right.
        return "holds all options"
    if revision.kind == _ORDERING and of != many:
        return "does not put all options in order"
    return ""
