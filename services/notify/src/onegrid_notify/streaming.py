"""Live inboxes for any number of readers: one query an interval serves them all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, TypeAlias, cast

import orjson

from onegrid.notify.v1.notify_service_pb2 import StreamInboxRequest, StreamInboxResponse
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.database import DedicatedConnection
from onegrid_kit.errors import InvalidToken
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.item import ITEM, KEPT, TOKENS_KEPT, InboxItem, Reader, Signal
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import inboxes, signals

__all__ = ["Streams"]

_Position: TypeAlias = tuple[int, int]
"""A signal's transaction and number."""
_NOWHERE: Final = (0, 0)
"""Before all signals."""
_ROUND: Final = 1000
"""Signals of one round, at most."""
_CHUNK: Final = 100
"""Missed signals that a stream asks for at once."""
_READERS: Final = 1000
"""Readers of one query: those who come first are sent theirs while the next are looked up."""
_ROOM: Final = 200
"""Responses that wait for a reader."""


class _Stream:
    """One that is open. What waits for a reader is bounded: who does not keep up is sent the rest from the database, as
    a resumed stream is.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._after: _Position = (0, 0)
        self._behind = True
        self._waiting: asyncio.Queue[tuple[_Position, bytes] | None] = asyncio.Queue()

    def join(self, end: _Position) -> None:
        """Be sent what comes after this position."""
        self._clear()
        self._after = end
        self._behind = False

    def fall_behind(self) -> None:
        """Be sent no more until it joins again."""
        if not self._behind:
            self._behind = True
            self._clear()
            self._waiting.put_nowait(None)

    def send(self, position: _Position, response: bytes) -> None:
        """Send this when its turn comes."""
        if self._behind or position <= self._after:
            return
        if self._waiting.qsize() < _ROOM:
            self._waiting.put_nowait((position, response))
        else:
            self.fall_behind()

    async def next(self) -> tuple[_Position, bytes] | None:
        """The next response and its position; None when it has fallen behind."""
        return await self._waiting.get()

    def _clear(self) -> None:
        while not self._waiting.empty():
            self._waiting.get_nowait()


@dataclass(frozen=True, slots=True)
class _Missed:
    """What a resumed stream asks for."""

    reader: Reader
    after: _Position
    until: _Position


class Streams:
    """Those who are connected to this process. Signals are read from the database, so it does not matter who writes
    them where.
    """

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._clock = runtime.clock
        self._closing = runtime.closing
        self._tokens = runtime.pages.tokens
        self._interval = runtime.settings.stream_interval_s
        self._connection = runtime.db.dedicated_connection()
        self._missed_connection = runtime.db.dedicated_connection()
        self._missed: Coalescer[_Missed, Sequence[tuple[Signal, bytes | None]]] = Coalescer(
            "resumed_streams", self._load_missed
        )
        self._streams: set[_Stream] = set()
        self._end = _NOWHERE
        """Behind the signals that the streams were sent; `_NOWHERE` while there are no streams."""

    async def follow(self, reader: Reader, resume_token: str) -> AsyncIterator[bytes]:
        """The serialized responses: what came since the token, one that says that this was all, and what comes.

        Raises InvalidToken for a token that is none of ours or too old, and Unavailable when the database is gone.
        """
        position = self._open(resume_token)
        end = await self._load_end()
        if position > end:
            # Of a database that was since restored from a copy.
            raise InvalidToken("resume_token")
        if position == _NOWHERE:
            position = end
        if self._end == _NOWHERE:
            self._end = end
        stream = _Stream(reader)
        self._streams.add(stream)
        marked = False
        try:
            while True:
                end = max(self._end, end)
                stream.join(end)
                while position < end:
                    missed = await self._missed.submit(_Missed(reader, position, end))
                    for signal, response in missed:
                        position = signal.position
                        if response is not None:
                            yield response
                    if len(missed) < _CHUNK:
                        position = end
                if not marked:
                    marked = True
                    yield StreamInboxResponse(resume_token=self._token(end, self._clock.now())).SerializeToString()
                while news := await stream.next():
                    position, response = news
                    yield response
        finally:
            self._streams.discard(stream)

    async def run(self) -> None:
        """Send connected readers what is new until the server stops."""
        while not self._closing.is_set():
            full = False
            if self._streams:
                full = await self._send_news()
            else:
                self._end = _NOWHERE
            if not full:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._interval):
                        await self._closing.wait()

    def _open(self, token: str) -> _Position:
        if not token:
            return _NOWHERE
        transaction, number, time = self._tokens.open(StreamInboxRequest(), token, "resume_token")
        if cast(datetime, time) < self._clock.now() - TOKENS_KEPT:
            raise InvalidToken("resume_token")
        return cast(_Position, (transaction, number))

    async def _load_end(self) -> _Position:
        (row,) = await self._missed_connection.fetch(signals.SIGNALS_END, repeatable=True)
        return row["horizon"], 0

    async def _send_news(self) -> bool:
        """Send what is new; whether there is more of it."""
        rows = await self._connection.fetch(signals.NEW_SIGNALS, *self._end, _ROUND, repeatable=True)
        news = [signals.signal_of(row) for row in rows if row["number"] is not None]
        full = len(news) == _ROUND
        # Streams that begin from here on are sent what comes after this, and themselves ask for what came before.
        streams = list(self._streams)
        self._end = news[-1].position if full else (rows[0]["horizon"], 0)
        try:
            await self._send(news, streams)
        except BaseException:
            for stream in streams:
                stream.fall_behind()
            raise
        return full

    async def _send(self, news: Sequence[Signal], streams: Sequence[_Stream]) -> None:
        of_reader: dict[Reader, list[_Stream]] = {}
        for stream in streams:
            of_reader.setdefault(stream.reader, []).append(stream)
        of_user: dict[str, list[Signal]] = {}
        for signal in news:
            of_user.setdefault(signal.user, []).append(signal)
        wanted = [(reader, found) for reader in of_reader if (found := _for(reader, of_user))]
        for first in range(0, len(wanted), _READERS):
            chunk = wanted[first : first + _READERS]
            responses = await self._respond(self._connection, chunk)
            for (reader, found), answers in zip(chunk, responses, strict=True):
                for signal, response in zip(found, answers, strict=True):
                    for stream in of_reader[reader]:
                        if response is not None:
                            stream.send(signal.position, response)

    async def _load_missed(self, batch: Sequence[_Missed]) -> Sequence[Sequence[tuple[Signal, bytes | None]]]:
        document = [
            {
                "position": position,
                "user_name": missed.reader.user,
                "transaction": missed.after[0],
                "number": missed.after[1],
                "until_transaction": missed.until[0],
                "until_number": missed.until[1],
                "most": _CHUNK,
            }
            for position, missed in enumerate(batch)
        ]
        found: list[list[Signal]] = [[] for _ in batch]
        rows = await self._missed_connection.fetch(
            signals.MISSED_SIGNALS, orjson.dumps(document).decode(), repeatable=True
        )
        for row in rows:
            found[row["position"]].append(signals.signal_of(row))
        wanted = [(missed.reader, each) for missed, each in zip(batch, found, strict=True)]
        responses = await self._respond(self._missed_connection, wanted)
        return [list(zip(each, answers, strict=True)) for each, answers in zip(found, responses, strict=True)]

    async def _respond(
        self, connection: DedicatedConnection, wanted: Sequence[tuple[Reader, Sequence[Signal]]]
    ) -> Sequence[Sequence[bytes | None]]:
        """What each reader is sent for each signal; None for what is not in the inbox."""
        # The clock that wrote a signal may be ahead of ours by a little.
        now = max([self._clock.now(), *(signal.time for _, found in wanted for signal in found)])
        document = [
            {
                "position": position,
                "user_name": reader.user,
                "districts": reader.districts,
                "items": list({signal.item for signal in found}),
                "now": now,
                "oldest": now - KEPT,
            }
            for position, (reader, found) in enumerate(wanted)
            if found
        ]
        if not document:
            return [() for _ in wanted]
        rows = await connection.fetch(inboxes.NAMED_ITEMS, orjson.dumps(document).decode(), repeatable=True)
        items = {(row["position"], row["id"]): None if row["withdrawn"] else inboxes.item_of(row) for row in rows}
        made: dict[tuple[_Position, InboxItem | None], bytes] = {}
        """Most readers are sent the same."""

        def response(position: int, signal: Signal) -> bytes | None:
            key = (position, signal.item)
            if key not in items:
                return None
            item = items[key]
            if signal.removed != (item is None):
                # It is withdrawn by now, which has a signal of its own.
                return None
            if (signal.position, item) not in made:
                made[signal.position, item] = self._render(signal, item)
            return made[signal.position, item]

        return [[response(position, signal) for signal in found] for position, (_, found) in enumerate(wanted)]

    def _render(self, signal: Signal, item: InboxItem | None) -> bytes:
        return StreamInboxResponse(
            item=None if item is None else messages.inbox_item(item),
            removed=ITEM.name(signal.item) if item is None else None,
            resume_token=self._token(signal.position, signal.time),
        ).SerializeToString()

    def _token(self, position: _Position, time: datetime) -> str:
        return self._tokens.make(StreamInboxRequest(), (*position, time))


def _for(reader: Reader, of_user: Mapping[str, Sequence[Signal]]) -> Sequence[Signal]:
    """The signals that may concern the reader, in their order."""
    own = of_user.get(reader.user, ())
    of_all = [signal for signal in of_user.get("", ()) if signal.district in reader.districts]
    return sorted([*own, *of_all], key=attrgetter("position")) if own else of_all
