"""PetitionService: a message in, a command out, a message back; no rule, no SQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1 import resources_pb2
from onegrid_kit import idempotency
from onegrid_kit.batches import Item
from onegrid_kit.callers import Call
from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound, PermissionDenied
from onegrid_kit.paging import page_size
from onegrid_kit.runtime import Runtime
from onegrid_petition import authority, catalogue, commands, messages, queries, store
from onegrid_petition.petition import Petition
from onegrid_petition.routing import Router
from onegrid_petition.settings import PetitionSettings
from onegrid_petition.watching import Watchers

__all__ = ["build"]

M = TypeVar("M", bound=Message)
C = TypeVar("C")


def build(runtime: Runtime[PetitionSettings]) -> PetitionApi:
    """The servicer and its background tasks."""
    api = PetitionApi(runtime)
    runtime.spawn("refresh ground", api.router.run)
    runtime.spawn("tell watchers", api.watchers.run)
    return api


class PetitionApi:
    """The methods of onegrid.petition.v1.PetitionService; see there."""

    def __init__(self, runtime: Runtime[PetitionSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self.router = Router(runtime.db)
        self.watchers = Watchers(runtime.db, runtime.settings.watch_interval_s, runtime.closing)
        self._filings: Coalescer[Item, bytes] = Coalescer(
            # A flush of these costs the api little before its first row, so they need not wait for as large a crowd.
            "file_petition",
            self._store_filings,
            most=runtime.settings.filing_batch,
            pace_s=0.005,
        )
        self._filing_connection = runtime.db.dedicated_connection()
        self._reads: Coalescer[str, Petition | None] = Coalescer("get_petition", self._load)

    async def FilePetition(self, request: pb.FilePetitionRequest, call: Call) -> bytes:
        phone = request.contact_phone
        command = commands.FilePetition(
            district=request.district,
            kind=request.kind,
            text=request.text,
            place=request.place,
            location=messages.location_of(request.location) if request.HasField("location") else None,
            address=request.address,
            anonymous=request.anonymous,
            sealed_phone=self._cipher.encrypt(phone, messages.PHONE_PURPOSE) if phone else None,
            attachments=tuple(messages.attachment_of(each) for each in request.attachments),
        )
        route = await self.router.route(command.district, command.place, command.location)
        petition = commands.new_petition(command, route, call)
        answer = pb.FilePetitionResponse(petition=messages.petition(petition, self._cipher)).SerializeToString()
        sealed = self._cipher.seal(answer, idempotency.PURPOSE)
        kept = await self._filings.submit(commands.filing(petition, call, sealed))
        return answer if kept is sealed else self._cipher.open(kept, idempotency.PURPOSE)

    async def GetPetition(self, request: pb.GetPetitionRequest, call: Call) -> pb.GetPetitionResponse:
        petition = await self._load_visible(_petition_id(request.name), call)
        return pb.GetPetitionResponse(petition=self._visible(petition, call))

    async def ListPetitions(self, request: pb.ListPetitionsRequest, call: Call) -> pb.ListPetitionsResponse:
        if request.petitioner_self:
            call.caller.require(call.permission, owner=call.caller.user)
        else:
            scopes = [code for code in (request.place, request.assignee) if code] or [request.district]
            call.caller.require(call.permission, *scopes)
        wanted = queries.Filter(
            district=request.district,
            place=request.place,
            states=request.states,
            assignee=request.assignee,
            kinds=request.kinds,
            text=request.text,
            petitioner=call.caller.user if request.petitioner_self else "",
        )
        position = self._pages.open(request, request.page_token)
        behind = (datetime.fromisoformat(str(position[0])), str(position[1])) if position else None
        size = page_size(request.page_size)
        found = await self._db.read(lambda conn: queries.list_petitions(conn, wanted, behind, size + 1))
        page = found[:size]
        return pb.ListPetitionsResponse(
            petitions=[self._visible(petition, call) for petition in page],
            next_page_token=self._pages.make(request, [page[-1].create_time.isoformat(), page[-1].id])
            if len(found) > size
            else "",
        )

    async def AcceptPetition(self, request: pb.AcceptPetitionRequest, call: Call) -> pb.AcceptPetitionResponse:
        return await self._do(pb.AcceptPetitionResponse, commands.accept_petition, _on_petition(request), call)

    async def DeclinePetition(self, request: pb.DeclinePetitionRequest, call: Call) -> pb.DeclinePetitionResponse:
        return await self._do(pb.DeclinePetitionResponse, commands.decline_petition, _on_petition(request), call)

    async def WithdrawPetition(self, request: pb.WithdrawPetitionRequest, call: Call) -> pb.WithdrawPetitionResponse:
        return await self._do(pb.WithdrawPetitionResponse, commands.withdraw_petition, _on_petition(request), call)

    async def ClosePetition(self, request: pb.ClosePetitionRequest, call: Call) -> pb.ClosePetitionResponse:
        return await self._do(pb.ClosePetitionResponse, commands.close_petition, _on_petition(request), call)

    async def DispatchPetition(self, request: pb.DispatchPetitionRequest, call: Call) -> pb.DispatchPetitionResponse:
        command = commands.DispatchPetition(
            petition=_petition_id(request.name),
            lead=request.lead,
            assistants=tuple(request.assistants),
            work_item=request.work_item,
            instruction=request.instruction,
            public_note=request.public_note,
            etag=request.etag,
        )
        return await self._do(pb.DispatchPetitionResponse, commands.dispatch_petition, command, call)

    async def TakeTask(self, request: pb.TakeTaskRequest, call: Call) -> pb.TakeTaskResponse:
        command = _on_task(request, public_note=request.public_note)
        return await self._do(pb.TakeTaskResponse, commands.take_task, command, call)

    async def ReturnTask(self, request: pb.ReturnTaskRequest, call: Call) -> pb.ReturnTaskResponse:
        command = _on_task(request, internal_note=request.internal_note)
        return await self._do(pb.ReturnTaskResponse, commands.return_task, command, call)

    async def ReportTask(self, request: pb.ReportTaskRequest, call: Call) -> pb.ReportTaskResponse:
        command = _on_task(request, public_note=request.public_note, internal_note=request.internal_note)
        return await self._do(pb.ReportTaskResponse, commands.report_task, command, call)

    async def ConcludeTask(self, request: pb.ConcludeTaskRequest, call: Call) -> pb.ConcludeTaskResponse:
        command = _on_task(request, public_note=request.public_note, internal_note=request.internal_note)
        return await self._do(pb.ConcludeTaskResponse, commands.conclude_task, command, call)

    async def RatePetition(self, request: pb.RatePetitionRequest, call: Call) -> pb.RatePetitionResponse:
        command = _judgement(request, request.satisfied)
        return await self._do(pb.RatePetitionResponse, commands.rate_petition, command, call)

    async def VerifyPetition(self, request: pb.VerifyPetitionRequest, call: Call) -> pb.VerifyPetitionResponse:
        command = _judgement(request, request.solved)
        return await self._do(pb.VerifyPetitionResponse, commands.verify_petition, command, call)

    async def GetPublicTimeline(self, request: pb.GetPublicTimelineRequest, call: Call) -> pb.GetPublicTimelineResponse:
        petition_id = _petition_id(request.name)
        petition = await self._reads.submit(petition_id)
        if petition is None:
            raise NotFound(request.name)
        steps = await self._db.read(lambda conn: queries.entries(conn, petition_id))
        return pb.GetPublicTimelineResponse(
            petition=petition.name,
            kind=petition.kind,
            state=petition.state,
            organization=petition.organization,
            place=petition.place[:12],
            entries=[messages.entry(step, internal=False) for step in steps],
        )

    async def ListTimeline(self, request: pb.ListTimelineRequest, call: Call) -> pb.ListTimelineResponse:
        petition_id = _petition_id(request.petition)
        await self._load_visible(petition_id, call)
        position = self._pages.open(request, request.page_token)
        after = int(position[0]) if position else 0
        size = page_size(request.page_size)
        found = await self._db.read(lambda conn: queries.entries(conn, petition_id, after, size + 1))
        page = found[:size]
        return pb.ListTimelineResponse(
            entries=[messages.entry(step, internal=True) for step in page],
            next_page_token=self._pages.make(request, [page[-1].sequence]) if len(found) > size else "",
        )

    async def WatchPetition(
        self, request: pb.WatchPetitionRequest, call: Call
    ) -> AsyncIterator[pb.WatchPetitionResponse]:
        petition = await self._load_visible(_petition_id(request.name), call)
        position = self._pages.open(request, request.resume_token, "resume_token")
        seen = int(position[0]) if position else 0
        if petition.ended and seen >= petition.sequence:
            return
        internal = authority.is_office(call, petition)
        async for step in self.watchers.follow(petition.id, seen):
            yield pb.WatchPetitionResponse(
                entry=messages.entry(step, internal=internal),
                resume_token=self._pages.make(request, [step.sequence]),
            )

    async def SummarizePetitions(
        self, request: pb.SummarizePetitionsRequest, call: Call
    ) -> pb.SummarizePetitionsResponse:
        first, last = _day("first_day", request.first_day), _day("last_day", request.last_day)
        s = await self._db.read(lambda conn: queries.summarize(conn, request.place, first, last))
        return pb.SummarizePetitionsResponse(
            filed=s.filed,
            accepted=s.accepted,
            declined=s.declined,
            concluded=s.concluded,
            rated=s.rated,
            satisfied=s.satisfied,
            reopened=s.reopened,
        )

    async def BatchCreateWorkItems(
        self, request: pb.BatchCreateWorkItemsRequest, call: Call
    ) -> pb.BatchCreateWorkItemsResponse:
        items = [
            catalogue.WorkItem(item.name, item.display_name, item.department, item.promised_working_days)
            for item in request.work_items
        ]
        if len({item.name for item in items}) != len(items):
            raise InvalidRequest(FieldViolation("work_items", "names a work item twice"))

        def enter(conn: Connection) -> pb.BatchCreateWorkItemsResponse:
            created, updated = catalogue.enter(conn, request.district, items)
            return pb.BatchCreateWorkItemsResponse(created=created, updated=updated)

        return await self._db.command(call, pb.BatchCreateWorkItemsResponse, enter)

    async def GetWorkItem(self, request: pb.GetWorkItemRequest, call: Call) -> pb.GetWorkItemResponse:
        item = await self._db.read(lambda conn: catalogue.get(conn, request.name))
        return pb.GetWorkItemResponse(work_item=_work_item(item))

    async def ListWorkItems(self, request: pb.ListWorkItemsRequest, call: Call) -> pb.ListWorkItemsResponse:
        position = self._pages.open(request, request.page_token)
        after = str(position[0]) if position else ""
        size = page_size(request.page_size)
        found = await self._db.read(
            lambda conn: catalogue.page(conn, request.district, request.department, after, size + 1)
        )
        page = found[:size]
        return pb.ListWorkItemsResponse(
            work_items=[_work_item(item) for item in page],
            next_page_token=self._pages.make(request, [page[-1].name.removeprefix("workItems/")])
            if len(found) > size
            else "",
        )

    async def _do(self, answer: type[M], run: Callable[[Connection, C, Call], Petition], command: C, call: Call) -> M:
        """Run a command that changes one petition."""
        return await self._db.command(
            call, answer, lambda conn: answer(petition=self._visible(run(conn, command, call), call))
        )

    async def _load_visible(self, petition_id: str, call: Call) -> Petition:
        """The petition, if the caller may see it."""
        petition = await self._reads.submit(petition_id)
        if petition is None:
            raise authority.absent(call, f"petitions/{petition_id}", petition_id[:6])
        if not authority.may_see(call, petition):
            raise PermissionDenied(call.permission)
        return petition

    def _visible(self, petition: Petition, call: Call) -> resources_pb2.Petition:
        return messages.petition(authority.redacted(call.caller, petition), self._cipher)

    async def _load(self, ids: Sequence[str]) -> Sequence[Petition | None]:
        found = await self._db.read(lambda conn: store.petitions_by_id(conn, sorted(set(ids))))
        return [found.get(id_) for id_ in ids]

    async def _store_filings(self, filings: Sequence[Item]) -> Sequence[bytes | Exception]:
        return await store.file_petitions.run(self._db, self._filing_connection, filings)


def _petition_id(name: str) -> str:
    return name.split("/", 2)[1]


def _on_petition(
    request: pb.AcceptPetitionRequest
    | pb.DeclinePetitionRequest
    | pb.WithdrawPetitionRequest
    | pb.ClosePetitionRequest,
) -> commands.ActOnPetition:
    return commands.ActOnPetition(
        petition=_petition_id(request.name), public_note=request.public_note, etag=request.etag
    )


def _on_task(
    request: pb.TakeTaskRequest | pb.ReturnTaskRequest | pb.ReportTaskRequest | pb.ConcludeTaskRequest,
    *,
    public_note: str = "",
    internal_note: str = "",
) -> commands.ActOnTask:
    return commands.ActOnTask(
        petition=_petition_id(request.name),
        number=int(request.name.rsplit("/", 1)[1]),
        public_note=public_note,
        internal_note=internal_note,
        etag=request.etag,
    )


def _judgement(request: pb.RatePetitionRequest | pb.VerifyPetitionRequest, good: bool) -> commands.JudgePetition:
    return commands.JudgePetition(
        petition=_petition_id(request.name),
        satisfied=good,
        stars=request.stars,
        comment=request.comment,
        etag=request.etag,
    )


def _work_item(item: catalogue.WorkItem) -> resources_pb2.WorkItem:
    return resources_pb2.WorkItem(
        name=item.name,
        display_name=item.display_name,
        department=item.department,
        promised_working_days=item.promised_working_days,
    )


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(FieldViolation(field, "is no day of the calendar")) from None
