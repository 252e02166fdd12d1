"""Commands on versioned resources: load, decide, store, each step shared with the calls of the same moment.

A command is a pure function of what was loaded. Nothing is locked while it decides: its changes are stored only if the
resource still has the version that was loaded, else it is loaded and decided again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import orjson

from onegrid_kit import idempotency
from onegrid_kit.batches import BatchedCommand, BatchStatement, Item, VersionChanged
from onegrid_kit.callers import Call
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import Conflict

if TYPE_CHECKING:
    from onegrid_kit.database import Database, DedicatedConnection

__all__ = ["LoadStatement", "VersionedCommands"]

R = TypeVar("R")
Row = Mapping[str, Any]

_LOAD_PACE_S: Final = 0.003
_STORE_PACE_S: Final = 0.005
_PATIENCE_S: Final = 5.0
"""How long a command tries to get its turn before it is refused; as long as one that locks waits."""
_PAUSE_S: Final = (0.002, 0.1)


@dataclass(frozen=True, slots=True)
class _Wanted:
    call: Call
    """The command that wants to know what its request was answered before."""
    key: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Loaded(Generic[R]):
    value: R
    earlier: idempotency.Earlier | None


class LoadStatement(Generic[R]):
    """Loads what many calls want, in one statement and round trip, with what their requests were answered before."""

    def __init__(self, columns: str, selected: str, joined: str, read: Callable[[Row], R]) -> None:
        """`columns` name what a key holds with the types of it; `selected` and `joined` are the parts of a SELECT FROM
        `wanted`, one row for each key; `read` makes a value of such a row.
        """
        self.read = read
        self.sql = f"""
            WITH wanted AS (
              SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS wanted (
                position integer, caller text, request_id text, {columns})
            )
            SELECT wanted.position AS position_, earlier.method AS earlier_method,
                   earlier.fingerprint AS earlier_fingerprint, earlier.answer AS earlier_answer, {selected}
            FROM wanted
            LEFT JOIN idempotency AS earlier
              ON earlier.caller = wanted.caller AND earlier.request_id = wanted.request_id
            {joined}
        """


class VersionedCommands(Generic[R]):
    """The commands on one kind of resource; see `Database.versioned`."""

    def __init__(
        self,
        db: Database,
        load: LoadStatement[R],
        store: BatchStatement,
        load_over: DedicatedConnection,
        *,
        name: str,
        store_over: DedicatedConnection | None,
    ) -> None:
        self._load = load
        self._connection = load_over
        self._loads: Coalescer[_Wanted, _Loaded[R]] = Coalescer(f"load_{name}", self._flush, pace_s=_LOAD_PACE_S)
        self._stores: BatchedCommand = db.batched(store, name=f"store_{name}", pace_s=_STORE_PACE_S, over=store_over)

    async def run(self, call: Call, decide: Callable[[R], Item], **key: object) -> bytes:
        """Do the command once for its request id; its serialized response, or the one that its request got before.

        `decide` is called again with what was loaded anew when somebody else was first. Raises what it raises,
        RequestIdReused, Conflict, and what `BatchedCommand.run` raises.
        """
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + _PATIENCE_S, _PAUSE_S[0]
        while True:
            loaded = await self._loads.submit(_Wanted(call, key))
            if loaded.earlier is not None:
                return self._stores.open(loaded.earlier.answer_to(call))
            try:
                return await self._stores.run(decide(loaded.value))
            except VersionChanged:
                if loop.time() > deadline:
                    raise Conflict from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_S[1])

    async def _flush(self, batch: Sequence[_Wanted]) -> Sequence[_Loaded[R]]:
        document = orjson.dumps(
            [
                {
                    "position": position,
                    "caller": wanted.call.caller.user,
                    "request_id": wanted.call.request_id or None,
                    **wanted.key,
                }
                for position, wanted in enumerate(batch)
            ]
        ).decode()
        rows = await self._connection.fetch(self._load.sql, document, repeatable=True)
        found = {row["position_"]: row for row in rows}
        return [_Loaded(self._load.read(found[n]), _earlier(found[n])) for n in range(len(batch))]


def _earlier(row: Row) -> idempotency.Earlier | None:
    if row["earlier_method"] is None:
        return None
    return idempotency.Earlier(row["earlier_method"], row["earlier_fingerprint"], row["earlier_answer"])
