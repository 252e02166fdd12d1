"""The methods on groups, subscriptions and audiences."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify.settings import NotifySettings

__all__ = ["Audiences"]


class Audiences:
    """The methods on groups, subscriptions and audiences."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def DefineGroup(self, request: pb.DefineGroupRequest, call: Call) -> pb.DefineGroupResponse:
        raise NotImplementedError

    async def ListGroups(self, request: pb.ListGroupsRequest, call: Call) -> pb.ListGroupsResponse:
        raise NotImplementedError

    async def ChangeGroupMembers(
        self, request: pb.ChangeGroupMembersRequest, call: Call
    ) -> pb.ChangeGroupMembersResponse:
        raise NotImplementedError

    async def CountAudience(self, request: pb.CountAudienceRequest, call: Call) -> pb.CountAudienceResponse:
        raise NotImplementedError

    async def SetSubscription(self, request: pb.SetSubscriptionRequest, call: Call) -> pb.SetSubscriptionResponse:
        raise NotImplementedError

    async def ListSubscriptions(self, request: pb.ListSubscriptionsRequest, call: Call) -> pb.ListSubscriptionsResponse:
        raise NotImplementedError
