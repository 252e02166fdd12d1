"""The methods on groups, subscriptions and audiences."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.timestamps import timestamp
from onegrid_notify import messages, queries
from onegrid_notify.audience import COLUMN, GROUP, Audience, Group
from onegrid_notify.commands import audiences as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store import audiences as store

__all__ = ["Audiences"]


class Audiences:
    """The methods on groups, subscriptions and audiences."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineGroup(self, request: pb.DefineGroupRequest, call: Call) -> bytes:
        wanted = messages.group_of(request.group)
        return await self._db.command(
            call,
            lambda conn: pb.DefineGroupResponse(
                group=messages.group(commands.define_group(conn, wanted, request.etag, call))
            ),
        )

    async def ListGroups(self, request: pb.ListGroupsRequest, call: Call) -> pb.ListGroupsResponse:
        def query(conn: Connection, after: Position, limit: int) -> list[Group]:
            return store.groups_page(conn, request.district, after, limit)

        page = await self._pages.read(request, query, position=lambda group: (group.id,), message=messages.group)
        return pb.ListGroupsResponse(groups=page.items, next_page_token=page.next_token)

    async def ChangeGroupMembers(self, request: pb.ChangeGroupMembersRequest, call: Call) -> bytes:
        group = GROUP.id(request.group)
        return await self._db.command(
            call,
            lambda conn: pb.ChangeGroupMembersResponse(
                member_count=commands.change_members(conn, group, request.added, request.removed, call)
            ),
        )

    async def CountAudience(self, request: pb.CountAudienceRequest, call: Call) -> pb.CountAudienceResponse:
        audience = Audience.of_message(request.audience) if request.HasField("audience") else None
        people = await self._db.read(lambda conn: queries.count_audience(conn, request.district, audience, call))
        return pb.CountAudienceResponse(people=people, as_of_time=timestamp(call.now))

    async def SetSubscription(self, request: pb.SetSubscriptionRequest, call: Call) -> bytes:
        def change(conn: Connection) -> pb.SetSubscriptionResponse:
            column = COLUMN.id(request.column)
            commands.set_subscription(conn, column, request.subscribed, call.caller.user, call.now)
            return pb.SetSubscriptionResponse(subscribed=request.subscribed)

        return await self._db.command(call, change)

    async def ListSubscriptions(self, request: pb.ListSubscriptionsRequest, call: Call) -> pb.ListSubscriptionsResponse:
        columns = await self._db.read(lambda conn: store.subscriptions_of(conn, call.caller.user))
        return pb.ListSubscriptionsResponse(columns=columns)
