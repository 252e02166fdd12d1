"""The methods on members."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.partyedu.v1 import member_methods_pb2 as pb
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import moment
from onegrid_partyedu import messages
from onegrid_partyedu.authority import IDENTIFY, require_member
from onegrid_partyedu.commands import members as commands
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import members as store
from onegrid_partyedu.viewing import shown_member

__all__ = ["Members"]


class Members:
    """The methods on members."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def AdmitMember(self, request: pb.AdmitMemberRequest, call: Call) -> bytes:
        sealed, index = self._sealed(request.person_name)
        command = commands.AdmitMember(
            organization=ORGANIZATION.id(request.organization),
            sealed_name=sealed,
            name_index=index,
            number=request.number,
            user=request.user,
            join_time=moment(request.join_time),
            confirm_time=moment(request.confirm_time) if request.HasField("confirm_time") else None,
        )
        return await self._db.command(
            call,
            lambda conn: pb.AdmitMemberResponse(
                member=shown_member(commands.admit_member(conn, command, call), self._cipher, call)
            ),
        )

    async def UpdateMember(self, request: pb.UpdateMemberRequest, call: Call) -> bytes:
        paths = request.update_mask.paths
        command = commands.UpdateMember(
            member=MEMBER.id(request.name),
            name=self._sealed(request.person_name) if "person_name" in paths else None,
            number=request.number if "number" in paths else None,
            user=request.user if "user" in paths else None,
            etag=request.etag,
        )
        return await self._db.command(
            call,
            lambda conn: pb.UpdateMemberResponse(
                member=shown_member(commands.update_member(conn, command, call), self._cipher, call)
            ),
        )

    async def ConfirmMember(self, request: pb.ConfirmMemberRequest, call: Call) -> bytes:
        id_, confirmed = MEMBER.id(request.name), moment(request.confirm_time)

        def confirm(conn: Connection) -> pb.ConfirmMemberResponse:
            member = commands.confirm_member(conn, id_, confirmed, request.etag, call)
            return pb.ConfirmMemberResponse(member=shown_member(member, self._cipher, call))

        return await self._db.command(call, confirm)

    async def ExtendProbation(self, request: pb.ExtendProbationRequest, call: Call) -> bytes:
        id_, end = MEMBER.id(request.name), moment(request.probation_end_time)

        def extend(conn: Connection) -> pb.ExtendProbationResponse:
            member = commands.extend_probation(conn, id_, end, request.etag, call)
            return pb.ExtendProbationResponse(member=shown_member(member, self._cipher, call))

        return await self._db.command(call, extend)

    async def EndMembership(self, request: pb.EndMembershipRequest, call: Call) -> bytes:
        id_ = MEMBER.id(request.name)

        def end(conn: Connection) -> pb.EndMembershipResponse:
            member = commands.end_membership(conn, id_, request.reason, request.etag, call)
            return pb.EndMembershipResponse(member=shown_member(member, self._cipher, call))

        return await self._db.command(call, end)

    async def GetMember(self, request: pb.GetMemberRequest, call: Call) -> pb.GetMemberResponse:
        def read(conn: Connection) -> pb.GetMemberResponse:
            found = require_member(conn, MEMBER.id(request.name), call)
            return pb.GetMemberResponse(
                member=shown_member(found, self._cipher, call),
                memberships=map(messages.membership, store.memberships_of(conn, found.id)),
                posts=map(messages.post_held, store.posts_of(conn, found.id)),
            )

        return await self._db.read(read)

    async def ListMembers(self, request: pb.ListMembersRequest, call: Call) -> pb.ListMembersResponse:
        organization = ORGANIZATION.id(request.organization)
        if request.person_name:
            call.caller.require(IDENTIFY, codes.office_of(organization))
        wanted = store.Wanted(
            organization=organization,
            below=request.include_below,
            state=request.state,
            name_index=self._sealed(request.person_name)[1] if request.person_name else b"",
            number=request.number,
        )
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.members_page(conn, wanted, after, limit),
            position=lambda member: (member.id,),
            message=lambda member: shown_member(member, self._cipher, call, codes.office_of(organization)),
        )
        return pb.ListMembersResponse(members=page.items, next_page_token=page.next_token)

    def _sealed(self, person_name: str) -> tuple[bytes, bytes]:
        return messages.sealed_name(person_name, self._cipher)
