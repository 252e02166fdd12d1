"""The method on who looked at a member's record."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import record_accesses_pb2 as pb
from onegrid_kit.accesses import Access
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import record_access_messages as messages
from onegrid_partyedu.authority import require_member
from onegrid_partyedu.member import MEMBER, Member, PostHeld
from onegrid_partyedu.store import record_accesses as store

__all__ = ["RecordAccesses"]


class RecordAccesses:
    """The method on who looked at a member's record."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._pages = runtime.pages

    async def ListRecordAccesses(
        self, request: pb.ListRecordAccessesRequest, call: Call
    ) -> pb.ListRecordAccessesResponse:
        def read(conn: Connection, after: Position, limit: int) -> Sequence[tuple[Access, Member, Sequence[PostHeld]]]:
            member = require_member(conn, MEMBER.id(request.member), call)
            found = store.accesses_page(
                conn,
                member,
                after,
                limit,
                record=request.kind != pb.RECORD_ACCESS_KIND_LIST,
                lists=request.kind != pb.RECORD_ACCESS_KIND_RECORD,
                own=request.include_own,
            )
            posts = store.posts_of_accounts(conn, member.district, {each.caller for each in found})
            return [(each, member, posts.get(each.caller, ())) for each in found]

        page = await self._pages.read(
            request,
            read,
            position=lambda each: each[0].position,
            message=lambda each: messages.record_access(*each),
        )
        return pb.ListRecordAccessesResponse(accesses=page.items, next_page_token=page.next_token)
