"""Load: residents who file petitions, offices that handle some of them, and none of them ever gives up."""

from __future__ import annotations

import asyncio
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_demo import district
from onegrid_demo.client import Metadata
from onegrid_demo.loading import CELL, CENTRE
from onegrid_kit.testing.waiting import HANG_S

from .fleet import Fleet, FleetClient

CLIENTS = 8
STEPS = ("FILE", "ACCEPT", "DISPATCH", "TAKE", "REPORT", "CONCLUDE", "RATE_SATISFIED", "VERIFY_SOLVED")
_HANDLED_OF = 4
_PAUSE_S = 0.03
AGAIN = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.ABORTED,
    }
)
"""The codes that a caller may retry; ABORTED by its definition."""


async def file_one(client: FleetClient, *metadata: tuple[str, str]) -> tuple[str, Metadata]:
    """A new petition, and the metadata of who filed it."""
    petitioner = await client.public("+8613900009999", district.CODE)
    request = a_filing(str(uuid.uuid4()))
    answer = await client.petition.FilePetition(request, metadata=(*petitioner, *metadata), timeout=HANG_S)
    return str(answer.petition.name), petitioner


def a_filing(request_id: str) -> pb.FilePetitionRequest:
    """In the cell whose grid worker is known."""
    return pb.FilePetitionRequest(
        district=district.CODE,
        kind=Kind.KIND_HELP,
        place=CELL,
        text=f"楼道灯坏了 {request_id}",
        request_id=request_id,
    )


async def insist(call: Any, request: Any, who: Metadata, repeated: Counter[str]) -> Any:
    """Call with the same request until it succeeds, and count the errors."""
    deadline = time.monotonic() + HANG_S
    while True:
        try:
            return await call(request, metadata=who, timeout=10)
        except grpc.aio.AioRpcError as error:
            if error.code() not in AGAIN or time.monotonic() > deadline:
                raise
            repeated[error.code().name] += 1
        await asyncio.sleep(random.uniform(0.02, 0.2))


class Load:
    """Clients in a thread of their own, so that they go on while a test waits for what it starts again."""

    def __init__(self, fleet: Fleet, *, by_the_policy: bool = False) -> None:
        self._by_the_policy = by_the_policy
        self.filed: dict[str, str] = {}
        """The petition of each filing that was acknowledged, by the request's id."""
        self.handled: dict[str, str] = {}
        """The petition of each later step that was acknowledged, by the request's id."""
        self.concluded: list[str] = []
        """Petitions that went through all steps."""
        self.repeated: Counter[str] = Counter()
        """How often calls were repeated, by what they had been answered."""
        self.petitions_before = fleet.count("petition", "petition")
        """How many there were before the first was filed here."""
        self._fleet = fleet
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While in here; then every call that was begun is brought to its end."""
        asyncio.run(self._log_in())
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()
        if self._failure is not None:
            raise self._failure

    def goes_on(self, filings: int = 40, loops: int = 1) -> Callable[[], bool]:
        """Whether so many more were filed, and handled to their end, since this was called."""
        filed, concluded = len(self.filed), len(self.concluded)

        def happened() -> bool:
            if self._failure is not None:
                raise self._failure
            return len(self.filed) >= filed + filings and len(self.concluded) >= concluded + loops

        return happened

    def outcomes(self) -> str:
        """How far it came."""
        return f"{len(self.filed)} filed, {len(self.concluded)} concluded, repeated {dict(self.repeated)}"

    def _run(self) -> None:
        try:
            asyncio.run(self._all_clients())
        except BaseException as error:
            self._failure = error

    async def _all_clients(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(self._client(number))

    async def _log_in(self) -> None:
        client = FleetClient(self._fleet, by_the_policy=self._by_the_policy)
        for number in range(CLIENTS):
            await self._callers(client, number)
        await client.close()

    async def _callers(self, client: FleetClient, number: int) -> list[Metadata]:
        """A petitioner, the commander, the clerk of the department, and the grid worker."""
        accounts = self._fleet.accounts
        staff = [await client.staff(login, accounts[login]["password"]) for login in ("commander", "centre", "grid")]
        return [await client.public(f"+861390000{number:04}", district.CODE), *staff]

    async def _client(self, number: int) -> None:
        client = FleetClient(self._fleet, by_the_policy=self._by_the_policy)
        try:
            petitioner, *offices = await self._callers(client, number)
            turn = number
            while not self._stopping.is_set():
                name = await self._file(client, petitioner)
                turn += 1
                if turn % _HANDLED_OF == 0:
                    await self._handle(client, name, petitioner, *offices)
                await asyncio.sleep(random.uniform(0, 2 * _PAUSE_S))
        finally:
            await client.close()

    async def _file(self, client: FleetClient, petitioner: Metadata) -> str:
        request_id = str(uuid.uuid4())
        answer = await insist(client.petition.FilePetition, a_filing(request_id), petitioner, self.repeated)
        self.filed[request_id] = answer.petition.name
        return str(answer.petition.name)

    async def _handle(
        self,
        client: FleetClient,
        name: str,
        petitioner: Metadata,
        commander: Metadata,
        centre: Metadata,
        worker: Metadata,
    ) -> None:
        task, api = f"{name}/tasks/1", client.petition
        for call, who, request in (
            (api.AcceptPetition, commander, pb.AcceptPetitionRequest(name=name)),
            (api.DispatchPetition, commander, pb.DispatchPetitionRequest(name=name, lead=CENTRE)),
            (api.TakeTask, centre, pb.TakeTaskRequest(name=task)),
            (api.ReportTask, centre, pb.ReportTaskRequest(name=task, public_note="在办")),
            (api.ConcludeTask, centre, pb.ConcludeTaskRequest(name=task, public_note="已修好")),
            (api.RatePetition, petitioner, pb.RatePetitionRequest(name=name, satisfied=True, stars=5)),
            (api.VerifyPetition, worker, pb.VerifyPetitionRequest(name=name, solved=True)),
        ):
            request.request_id = str(uuid.uuid4())
            await insist(call, request, who, self.repeated)
            self.handled[request.request_id] = name
        self.concluded.append(name)
