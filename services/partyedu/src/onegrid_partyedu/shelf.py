"""What never changes, read once in a process: revisions of quizzes and items, and what versions of pools have to draw.

Rules are asked at once, while what they need may still have to be read: `Missing` says what that is, and
`Shelf.reading` reads it and asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from sqlalchemy import Connection

from onegrid_partyedu.drawing import Candidate
from onegrid_partyedu.item import ItemRef, ItemRevision
from onegrid_partyedu.quiz import QuizRevision
from onegrid_partyedu.store import pools, quizzes

if TYPE_CHECKING:
    from onegrid_kit.database import Database

__all__ = ["Kept", "Missing", "Shelf"]

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")

_MOST_ITEMS: Final = 10_000
_MOST_QUIZZES: Final = 1_000
_MOST_POOLS: Final = 100


class Kept(Generic[K, V]):
    """So many values at most: the one that came first makes room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value, if it is kept."""
        return self._values.get(key)

    def keep(self, key: K, value: V) -> None:
        """Keep it."""
        while len(self._values) >= self._most:
            del self._values[next(iter(self._values))]
        self._values[key] = value


class Missing(Exception):
    """What is asked for has to be read first."""

    def __init__(self, read: Callable[[Connection], None]) -> None:
        super().__init__()
        self.read = read


class Shelf:
    """What a process has read."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._items: Kept[tuple[ItemRef, int], ItemRevision] = Kept(_MOST_ITEMS)
        self._quizzes: Kept[tuple[str, int], QuizRevision] = Kept(_MOST_QUIZZES)
        self._pools: Kept[tuple[str, int], Collection[Candidate]] = Kept(_MOST_POOLS)
        self._turn = asyncio.Lock()

    async def reading(self, use: Callable[[], Awaitable[T]]) -> T:
        """What `use` answers, which is called again once what it misses is there."""
        while True:
            try:
                return await use()
            except Missing as missing:
                # One reads what all of a moment miss: the others find it when it is their turn.
                async with self._turn:
                    await self._db.read(missing.read)

    def quiz(self, id_: str, number: int) -> QuizRevision:
        """A revision of a quiz. Raises Missing, or LookupError if there is none."""
        found = self._quizzes.get((id_, number))
        if found is None:
            raise Missing(lambda conn: self._read_quiz(conn, id_, number))
        return found

    def items(self, wanted: Collection[tuple[ItemRef, int]]) -> Mapping[tuple[ItemRef, int], ItemRevision]:
        """These revisions of items. Raises Missing, or LookupError if there is one not."""
        found = {key: self._items.get(key) for key in wanted}
        if absent := [key for key, value in found.items() if value is None]:
            raise Missing(lambda conn: self._read_items(conn, absent))
        return {key: value for key, value in found.items() if value is not None}

    def pools(self, versions: Mapping[str, int]) -> Mapping[str, Collection[Candidate]]:
        """What can be drawn from these versions of pools. Raises Missing."""
        found = {id_: self._pools.get((id_, version)) for id_, version in versions.items()}
        if absent := {id_: versions[id_] for id_, value in found.items() if value is None}:
            raise Missing(lambda conn: self._read_pools(conn, absent))
        return {id_: value for id_, value in found.items() if value is not None}

    def _read_quiz(self, conn: Connection, id_: str, number: int) -> None:
        if self._quizzes.get((id_, number)) is not None:
            return
        found = quizzes.find_quiz(conn, id_, number)
        if found is None:
            raise LookupError(f"quiz {id_} has no revision {number}")
        self._quizzes.keep((id_, number), found.revision)

    def _read_items(self, conn: Connection, keys: Collection[tuple[ItemRef, int]]) -> None:
        wanted = [key for key in keys if self._items.get(key) is None]
        found = pools.item_revisions(conn, wanted)
        for key in wanted:
            self._items.keep(key, found[key])

    def _read_pools(self, conn: Connection, versions: Mapping[str, int]) -> None:
        wanted = [id_ for id_, version in versions.items() if self._pools.get((id_, version)) is None]
        # A change since the version was read is in what is read now, and in what the next version has.
        for id_, candidates in pools.candidates_of(conn, wanted).items():
            self._pools.keep((id_, versions[id_]), candidates)
