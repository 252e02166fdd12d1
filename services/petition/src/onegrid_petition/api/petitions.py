"""Petitions: filing, reading, and the steps that concern all of a petition."""

from __future__ import annotations

from datetime import date

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.locations import location_in
from onegrid_kit.runtime import Runtime
from onegrid_petition import messages, queries, store
from onegrid_petition.api.visible import VisiblePetitions
from onegrid_petition.commands import emergencies
from onegrid_petition.commands import petitions as commands
from onegrid_petition.petition import PETITION, WORK_ITEM
from onegrid_petition.routing import Router
from onegrid_petition.settings import PetitionSettings

__all__ = ["Petitions"]


class Petitions:
    """The methods on petitions."""

    def __init__(self, runtime: Runtime[PetitionSettings], visible: VisiblePetitions, router: Router) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._visible = visible
        self._router = router
        self._filings = runtime.db.batched(
            store.file_petitions,
            name="file_petition",
            most=runtime.settings.filing_batch,
            # A batch of these costs the api little before its first row, so they need not wait for as large a crowd.
            pace_s=0.005,
        )

    async def FilePetition(self, request: pb.FilePetitionRequest, call: Call) -> bytes:
        phone = request.contact_phone
        command = commands.FilePetition(
            district=request.district,
            kind=request.kind,
            text=request.text,
            place=request.place,
            location=location_in(request),
            address=request.address,
            anonymous=request.anonymous,
            sealed_phone=self._cipher.encrypt(phone, messages.PHONE_PURPOSE) if phone else None,
            attachments=tuple(messages.attachment_of(each) for each in request.attachments),
        )
        route = await self._router.route(command.district, command.place, command.location)
        petition = commands.new_petition(command, route, call)
        response = pb.FilePetitionResponse(petition=self._visible.render(petition, call))
        return await self._filings.run(commands.filing(petition, call, response))

    async def GetPetition(self, request: pb.GetPetitionRequest, call: Call) -> pb.GetPetitionResponse:
        petition = await self._visible.require(PETITION.id(request.name), call)
        return pb.GetPetitionResponse(petition=self._visible.render(petition, call))

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
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.list_petitions(conn, wanted, after, limit),
            position=lambda petition: (petition.create_time, petition.id),
            message=lambda petition: self._visible.render(petition, call),
        )
        return pb.ListPetitionsResponse(petitions=page.items, next_page_token=page.next_token)

    async def AcceptPetition(self, request: pb.AcceptPetitionRequest, call: Call) -> bytes:
        command = _on_petition(request)
        return await self._visible.change(call, pb.AcceptPetitionResponse, commands.accept_petition, command)

    async def DeclinePetition(self, request: pb.DeclinePetitionRequest, call: Call) -> bytes:
        command = _on_petition(request)
        return await self._visible.change(call, pb.DeclinePetitionResponse, commands.decline_petition, command)

    async def WithdrawPetition(self, request: pb.WithdrawPetitionRequest, call: Call) -> bytes:
        command = _on_petition(request)
        return await self._visible.change(call, pb.WithdrawPetitionResponse, commands.withdraw_petition, command)

    async def ClosePetition(self, request: pb.ClosePetitionRequest, call: Call) -> bytes:
        command = _on_petition(request)
        return await self._visible.change(call, pb.ClosePetitionResponse, commands.close_petition, command)

    async def ExtendPetition(self, request: pb.ExtendPetitionRequest, call: Call) -> bytes:
        command = _on_petition(request)
        return await self._visible.change(call, pb.ExtendPetitionResponse, commands.extend_petition, command)

    async def DispatchPetition(self, request: pb.DispatchPetitionRequest, call: Call) -> bytes:
        command = commands.DispatchPetition(
            petition=PETITION.id(request.name),
            lead=request.lead,
            assistants=tuple(request.assistants),
            work_item=request.work_item,
            instruction=request.instruction,
            public_note=request.public_note,
            etag=request.etag,
        )
        return await self._visible.change(
            call,
            pb.DispatchPetitionResponse,
            commands.dispatch_petition,
            command,
            offices=[command.lead, *command.assistants],
            work_item=WORK_ITEM.id(command.work_item) if command.work_item else "",
        )

    async def ReportEmergency(self, request: pb.ReportEmergencyRequest, call: Call) -> bytes:
        command = emergencies.ReportEmergency(
            petition=PETITION.id(request.name),
            kind=request.incident_kind,
            level=request.incident_level,
            note=request.internal_note,
            etag=request.etag,
        )
        return await self._visible.change(call, pb.ReportEmergencyResponse, emergencies.report_emergency, command)

    async def RatePetition(self, request: pb.RatePetitionRequest, call: Call) -> bytes:
        command = _judgement(request, request.satisfied)
        return await self._visible.change(call, pb.RatePetitionResponse, commands.rate_petition, command)

    async def VerifyPetition(self, request: pb.VerifyPetitionRequest, call: Call) -> bytes:
        command = _judgement(request, request.solved)
        return await self._visible.change(call, pb.VerifyPetitionResponse, commands.verify_petition, command)

    async def SummarizePetitions(
        self, request: pb.SummarizePetitionsRequest, call: Call
    ) -> pb.SummarizePetitionsResponse:
        first, last = _day("first_day", request.first_day), _day("last_day", request.last_day)
        if last < first:
            raise InvalidRequest(FieldViolation("last_day", "lies before first_day"))
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


def _on_petition(
    request: pb.AcceptPetitionRequest
    | pb.DeclinePetitionRequest
    | pb.WithdrawPetitionRequest
    | pb.ExtendPetitionRequest
    | pb.ClosePetitionRequest,
) -> commands.ActOnPetition:
    return commands.ActOnPetition(
        petition=PETITION.id(request.name), public_note=request.public_note, etag=request.etag
    )


def _judgement(request: pb.RatePetitionRequest | pb.VerifyPetitionRequest, good: bool) -> commands.JudgePetition:
    return commands.JudgePetition(
        petition=PETITION.id(request.name),
        satisfied=good,
        stars=request.stars,
        comment=request.comment,
        etag=request.etag,
    )


def _day(field: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(FieldViolation(field, "is no day of the calendar")) from None
