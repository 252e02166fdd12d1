"""Reads by key: those of the same moment share a statement, which also writes to the audit trail who reads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import orjson

from onegrid_kit import audit
from onegrid_kit.callers import Call
from onegrid_kit.coalescer import Coalescer

if TYPE_CHECKING:
    from onegrid_kit.database import DedicatedConnection

__all__ = ["AuditedReads", "OwnName", "ReadAudit", "ReadStatement"]

R = TypeVar("R")

_PACE_S: Final = 0.004


@dataclass(frozen=True, slots=True)
class OwnName:
    """A name by which every caller means a resource of their own, such as ``members/me``. The audit trail gets the name
    of the one that is meant: whoever asks who read a resource finds the owner as well.
    """

    alias: str
    meant: str
    """SQL that selects the resource's name by `entry.caller` and `entry.district`; no row: the alias stays."""


class ReadAudit:
    """Writes reads of personal data to the audit trail: with what they read, or else those of a moment together."""

    def __init__(self, connection: DedicatedConnection, own_names: Sequence[OwnName] = ()) -> None:
        self._connection = connection
        self._aliases = frozenset(each.alias for each in own_names)
        self._append = f"WITH {audit.appending('$1', _meant(own_names))} SELECT"
        self._waiting: dict[int, tuple[Call, asyncio.Future[None]]] = {}
        self._alone: Coalescer[Call, None] = Coalescer("read_audit", self._flush)

    def submit(self, call: Call) -> asyncio.Future[None]:
        """Done when it is stored that the call reads. A read that begins at once may `take` the entry along."""
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()
        if call.resource in self._aliases:
            self.write(call, written)
            return written
        if not self._waiting:
            loop.call_soon(self._write_waiting)
        self._waiting[id(call)] = call, written
        return written

    def take(self, call: Call) -> asyncio.Future[None] | None:
        """What to settle for the call once its entry is stored; None if the call reads no personal data, or its entry
        is being stored already.
        """
        return self._waiting.pop(id(call), (call, None))[1]

    def write(self, call: Call, written: asyncio.Future[None]) -> None:
        """Store the entry by itself."""
        # A read that is refused does not ask what became of it.
        written.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._alone.submit(call, written)

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for call, written in waiting.values():
            self.write(call, written)

    async def _flush(self, calls: Sequence[Call]) -> Sequence[None]:
        # Better written twice than not at all.
        await self._connection.fetch(self._append, _entries(calls), repeatable=True)
        return [None] * len(calls)


class ReadStatement(Generic[R]):
    """Reads what many calls want, and audits them, in one statement and round trip."""

    def __init__(self, columns: str, selected: str, joined: str, read: Callable[[Mapping[str, Any]], R]) -> None:
        """`columns` name what a key holds with the types of it; `selected` and `joined` are the parts of a SELECT FROM
        `wanted`, one row for each key; `read` makes a value of such a row.
        """
        self.read = read
        self.sql = f"""
            WITH wanted AS (
              SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS wanted (position integer, {columns})
            ), {audit.appending("$2")}
            SELECT wanted.position AS position_, {selected} FROM wanted {joined}
        """


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: Mapping[str, object]
    audited: Call | None
    """The call whose read the statement audits; None if that is not asked for, or done already."""


class AuditedReads(Generic[R]):
    """The reads by key of one kind of resource; see `Database.reads`."""

    def __init__(
        self, statement: ReadStatement[R], connection: DedicatedConnection, read_audit: ReadAudit, *, name: str
    ) -> None:
        self._statement = statement
        self._connection = connection
        self._audit = read_audit
        self._coalescer: Coalescer[_Wanted, R] = Coalescer(f"read_{name}", self._flush, pace_s=_PACE_S)

    async def read(self, call: Call, **key: object) -> R:
        """What the key names, as it is now; that the call reads it is audited with it. Raises Unavailable."""
        written = self._audit.take(call)
        if written is None:
            return await self._coalescer.submit(_Wanted(key, None))
        try:
            found = await self._coalescer.submit(_Wanted(key, call))
        except Exception:
            self._audit.write(call, written)
            raise
        written.set_result(None)
        return found

    async def _flush(self, batch: Sequence[_Wanted]) -> Sequence[R]:
        keys = orjson.dumps([{"position": position, **wanted.key} for position, wanted in enumerate(batch)]).decode()
        entries = _entries([wanted.audited for wanted in batch if wanted.audited])
        rows = await self._connection.fetch(self._statement.sql, keys, entries, repeatable=True)
        found = {row["position_"]: self._statement.read(row) for row in rows}
        return [found[position] for position in range(len(batch))]


def _entries(calls: Sequence[Call]) -> str:
    return audit.document([(call, call.resource) for call in calls])


def _meant(own_names: Sequence[OwnName]) -> str:
    """The expression for the resource of an entry."""
    cases = "".join(f" WHEN '{each.alias}' THEN coalesce(({each.meant}), resource)" for each in own_names)
    return f"CASE resource{cases} ELSE resource END" if cases else "resource"
