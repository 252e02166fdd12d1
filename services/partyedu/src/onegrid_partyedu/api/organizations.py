"""The methods on organizations and elections."""

from __future__ import annotations

from collections.abc import Iterable

from onegrid.partyedu.v1 import organization_methods_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.locations import location_of
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import moment
from onegrid_partyedu import messages
from onegrid_partyedu.commands import organizations as commands
from onegrid_partyedu.commands.dissolving import dissolve_organization
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION, Elected
from onegrid_partyedu.store import organizations as store

__all__ = ["Organizations"]


class Organizations:
    """The methods on organizations and elections."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineOrganization(self, request: pb.DefineOrganizationRequest, call: Call) -> bytes:
        asked = request.organization
        command = commands.DefineOrganization(
            id=ORGANIZATION.id(asked.name),
            display_name=asked.display_name,
            kind=asked.kind,
            form=asked.form,
            parent=ORGANIZATION.id(asked.parent) if asked.parent else "",
            location=location_of(asked.location) if asked.HasField("location") else None,
            cells=tuple(asked.cells),
            etag=asked.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.DefineOrganizationResponse(
                organization=messages.organization(commands.define_organization(conn, command, call))
            ),
        )

    async def DissolveOrganization(self, request: pb.DissolveOrganizationRequest, call: Call) -> bytes:
        id_ = ORGANIZATION.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.DissolveOrganizationResponse(
                organization=messages.organization(dissolve_organization(conn, id_, request.etag, call))
            ),
        )

    async def GetOrganization(self, request: pb.GetOrganizationRequest, call: Call) -> pb.GetOrganizationResponse:
        found = await self._db.read(lambda conn: store.find_organization(conn, ORGANIZATION.id(request.name)))
        if found is None:
            raise NotFound(request.name)
        return pb.GetOrganizationResponse(organization=messages.organization(found))

    async def ListOrganizations(self, request: pb.ListOrganizationsRequest, call: Call) -> pb.ListOrganizationsResponse:
        parent = ORGANIZATION.id(request.parent) if request.parent else ""
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.organizations_page(
                conn,
                request.scope,
                request.kind,
                parent,
                dissolved=request.show_dissolved,
                after=after,
                limit=limit,
            ),
            position=lambda each: (each.id,),
            message=messages.organization,
        )
        return pb.ListOrganizationsResponse(organizations=page.items, next_page_token=page.next_token)

    async def RecordElection(self, request: pb.RecordElectionRequest, call: Call) -> bytes:
        command = commands.RecordElection(
            organization=ORGANIZATION.id(request.name),
            begin_time=moment(request.begin_time),
            years=request.term_years,
            elected=_elected(request.officers),
            etag=request.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.RecordElectionResponse(
                organization=messages.organization(commands.record_election(conn, command, call))
            ),
        )

    async def ChangeOfficers(self, request: pb.ChangeOfficersRequest, call: Call) -> bytes:
        id_, elected = ORGANIZATION.id(request.name), _elected(request.officers)
        return await self._db.command(
            call,
            lambda conn: pb.ChangeOfficersResponse(
                organization=messages.organization(commands.change_officers(conn, id_, elected, request.etag, call))
            ),
        )

    async def ListTerms(self, request: pb.ListTermsRequest, call: Call) -> pb.ListTermsResponse:
        id_ = ORGANIZATION.id(request.organization)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.terms_page(conn, id_, after, limit),
            position=lambda term: (term.number,),
            message=messages.term,
        )
        return pb.ListTermsResponse(terms=page.items, next_page_token=page.next_token)

    async def ListElectionsDue(self, request: pb.ListElectionsDueRequest, call: Call) -> pb.ListElectionsDueResponse:
        before = moment(request.before_time) if request.HasField("before_time") else call.now
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.elections_page(conn, request.scope, before, after, limit),
            position=lambda each: ("" if each.term is None else each.term.due_time, each.id),
            message=messages.organization,
        )
        return pb.ListElectionsDueResponse(organizations=page.items, next_page_token=page.next_token)


def _elected(of: Iterable[pb.Elected]) -> tuple[Elected, ...]:
    return tuple(Elected(each.post, MEMBER.id(each.member)) for each in of)
