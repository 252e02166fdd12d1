"""The calls of the mix: what residents, the command centre and a department do, and what it takes to do it."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import grpc
import grpc.aio

from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Kind
from onegrid_checks.load.callers import Caller, new_id
from onegrid_checks.load.ledger import Ledger
from onegrid_checks.load.part import Part
from onegrid_demo import district
from onegrid_demo.client import Client, Metadata
from onegrid_demo.loading import CENTRE, until_known

__all__ = ["Traffic"]

_PETITIONERS: Final = ("citizen", "enterprise")
_KINDS: Final = (Kind.KIND_HELP, Kind.KIND_SUGGESTION, Kind.KIND_CONSULTATION, Kind.KIND_COMPLAINT)
_STEPS_TAKEN: Final = 4
"""A petition that has come so far is left alone here; its watcher turns to another."""


class Traffic:
    """Makes the calls; petitions go from one queue to the next as they are filed, accepted, dispatched and taken.
    What is called of services that a release may lack is in its parts.
    """

    def __init__(
        self,
        clients: Sequence[Client],
        callers: Mapping[str, Caller],
        ledger: Ledger,
        parts: Sequence[Part],
        rng: random.Random,
    ) -> None:
        self.resumed = 0
        """How often a watcher was cut, and went on."""
        self._clients = clients
        self._callers = callers
        self._ledger = ledger
        self._parts = parts
        self._rng = rng
        self._turn = 0
        self._cells = district.cells()
        self._filed: deque[str] = deque()
        self._accepted: deque[str] = deque()
        self._dispatched: deque[str] = deque()
        self._petitioner: dict[str, str] = {}
        self._names: list[str] = []
        self._unwatched: asyncio.Queue[str] = asyncio.Queue()
        self._calls: Mapping[str, Callable[[Client], Awaitable[None]]] = {
            "FilePetition": self._file,
            "GetPetition": self._get,
            "ListPetitions": self._list,
            "GetPublicTimeline": self._timeline,
            "LocateCell": self._locate,
            "AcceptPetition": self._accept,
            "DispatchPetition": self._dispatch,
            "TakeTask": self._take,
            "ListInboxItems": self._list_inbox,
            "CountInboxItems": self._count_inbox,
            **{method: call for part in parts for method, call in part.calls.items()},
        }
        self._part_of = {method: part for part in parts for method in part.calls}

    async def begin(self) -> None:
        """Log all callers in, and wait until petition has received the district's last cell."""
        for caller in self._callers.values():
            await caller.metadata()
        await until_known(lambda: self._file(self._clients[0], cell=self._cells[-1]))
        for part in self._parts:
            await part.begin(self._clients[0])

    def method(self, due: str) -> str:
        """The call to make where this one is due: a petition is filed where there is none to handle."""
        queues = {"AcceptPetition": self._filed, "DispatchPetition": self._accepted, "TakeTask": self._dispatched}
        if not queues.get(due, True):
            return "FilePetition"
        return self._part_of[due].method(due) if due in self._part_of else due

    async def call(self, method: str) -> None:
        """Make the call. Raises AioRpcError."""
        self._turn += 1
        await self._calls[method](self._clients[self._turn % len(self._clients)])

    async def watch(self, client: Client) -> None:
        """Watch one petition after another, until cancelled. Raises AioRpcError for what no watcher should see."""
        while True:
            name = await self._unwatched.get()
            sequences = self._ledger.watched.setdefault(name, [])
            token = ""
            while len(sequences) < _STEPS_TAKEN:
                token = await self._follow(client, name, sequences, token)

    async def _follow(self, client: Client, name: str, sequences: list[int], token: str) -> str:
        """Append the steps of one stream to `sequences`; return the token to resume from."""
        stream = client.petition.WatchPetition(
            pb.WatchPetitionRequest(name=name, resume_token=token),
            metadata=await self._callers[self._petitioner[name]].metadata(),
        )
        try:
            async for message in stream:
                sequences.append(message.entry.sequence)
                token = message.resume_token
                if len(sequences) >= _STEPS_TAKEN:
                    break
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
            self.resumed += 1
        finally:
            stream.cancel()
        return token

    async def _file(self, client: Client, cell: district.Cell | None = None) -> None:
        number = len(self._ledger.filed)
        who = _PETITIONERS[self._turn % len(_PETITIONERS)]
        request_id = new_id()
        text = f"{self._ledger.mark}: 楼道灯坏了 {request_id}"
        request = pb.FilePetitionRequest(
            district=district.CODE,
            kind=_KINDS[number % len(_KINDS)],
            text=text,
            location=(cell or self._rng.choice(self._cells)).middle,
            request_id=request_id,
        )
        answer = await client.petition.FilePetition(request, metadata=await self._callers[who].metadata())
        name = answer.petition.name
        self._ledger.filed[text] = name
        self._ledger.acknowledge(name, Action.ACTION_FILE)
        self._petitioner[name] = who
        self._names.append(name)
        self._filed.append(name)
        self._unwatched.put_nowait(name)

    async def _get(self, client: Client) -> None:
        name = self._rng.choice(self._names)
        metadata = await self._callers[self._petitioner[name]].metadata()
        await client.petition.GetPetition(pb.GetPetitionRequest(name=name), metadata=metadata)

    async def _list(self, client: Client) -> None:
        community = self._rng.choice(list(district.communities()))
        request = pb.ListPetitionsRequest(district=district.CODE, place=community, page_size=50)
        metadata = await self._callers["commander"].reading()
        await client.petition.ListPetitions(request, metadata=metadata)

    async def _timeline(self, client: Client) -> None:
        await client.petition.GetPublicTimeline(pb.GetPublicTimelineRequest(name=self._rng.choice(self._names)))

    async def _locate(self, client: Client) -> None:
        request = grid_pb.LocateCellRequest(district=district.CODE, point=self._rng.choice(self._cells).middle)
        await client.grid.LocateCell(request, metadata=await self._callers["commander"].metadata())

    async def _accept(self, client: Client) -> None:
        name = self._filed.popleft()
        request = pb.AcceptPetitionRequest(name=name, request_id=new_id())
        call = client.petition.AcceptPetition(request, metadata=await self._callers["commander"].metadata())
        await self._step(name, Action.ACTION_ACCEPT, call, self._accepted)

    async def _dispatch(self, client: Client) -> None:
        name = self._accepted.popleft()
        request = pb.DispatchPetitionRequest(name=name, lead=CENTRE, request_id=new_id())
        call = client.petition.DispatchPetition(request, metadata=await self._callers["commander"].metadata())
        await self._step(name, Action.ACTION_DISPATCH, call, self._dispatched)

    async def _take(self, client: Client) -> None:
        name = self._dispatched.popleft()
        request = pb.TakeTaskRequest(name=f"{name}/tasks/1", request_id=new_id())
        call = client.petition.TakeTask(request, metadata=await self._callers["centre"].metadata())
        await self._step(name, Action.ACTION_TAKE, call, None)

    async def _list_inbox(self, client: Client) -> None:
        await client.notify.ListInboxItems(notify_pb.ListInboxItemsRequest(page_size=20), metadata=await self._reader())

    async def _count_inbox(self, client: Client) -> None:
        await client.notify.CountInboxItems(notify_pb.CountInboxItemsRequest(), metadata=await self._reader())

    async def _reader(self) -> Metadata:
        """The petitioners, the command centre and the department take turns."""
        readers = list(self._callers.values())
        return await readers[self._turn % len(readers)].metadata()

    async def _step(self, name: str, action: Action, call: Awaitable[object], then: deque[str] | None) -> None:
        try:
            await call
        except grpc.aio.AioRpcError:
            self._ledger.unsure.add(name)
            raise
        self._ledger.acknowledge(name, action)
        if then is not None:
            then.append(name)
