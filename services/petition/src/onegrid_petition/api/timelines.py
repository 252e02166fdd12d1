"""Timelines: what happened to a petition, as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1 import resources_pb2
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import Page
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import PUBLIC, Viewer, visible_to
from onegrid_kit.watching import Watchers
from onegrid_petition import authority, messages, store
from onegrid_petition.api.visible import VisiblePetitions
from onegrid_petition.lifecycle import INTERNAL
from onegrid_petition.petition import PETITION, Entry
from onegrid_petition.settings import PetitionSettings

__all__ = ["Timelines"]


class Timelines:
    """The methods on timelines."""

    def __init__(
        self, runtime: Runtime[PetitionSettings], visible: VisiblePetitions, watchers: Watchers[Entry]
    ) -> None:
        self._pages = runtime.pages
        self._visible = visible
        self._watchers = watchers

    async def GetPublicTimeline(self, request: pb.GetPublicTimelineRequest, call: Call) -> pb.GetPublicTimelineResponse:
        id_ = PETITION.id(request.name)
        petition = await self._visible.find(id_, call)
        if petition is None:
            raise NotFound(request.name)
        page = await self._entries(request, id_, PUBLIC)
        return pb.GetPublicTimelineResponse(
            petition=petition.name,
            kind=petition.kind,
            state=petition.state,
            organization=petition.organization,
            place=codes.community_of(petition.place),
            entries=page.items,
            next_page_token=page.next_token,
        )

    async def ListTimeline(self, request: pb.ListTimelineRequest, call: Call) -> pb.ListTimelineResponse:
        id_ = PETITION.id(request.petition)
        viewer = authority.viewer_of(call, await self._visible.require(id_, call))
        page = await self._entries(request, id_, viewer)
        return pb.ListTimelineResponse(entries=page.items, next_page_token=page.next_token)

    async def WatchPetition(
        self, request: pb.WatchPetitionRequest, call: Call
    ) -> AsyncIterator[pb.WatchPetitionResponse]:
        petition = await self._visible.require(PETITION.id(request.name), call)
        position = self._pages.tokens.open(request, request.resume_token, "resume_token")
        after = cast(int, position[0]) if position else 0
        visible = self._visible
        async for step, viewer in self._watchers.watch(call, petition, after, visible.require, authority.viewer_of):
            if step.action in INTERNAL and not viewer.office:
                continue
            yield pb.WatchPetitionResponse(
                entry=visible_to(viewer, messages.entry(step)),
                resume_token=self._pages.tokens.make(request, (step.sequence,)),
            )

    async def _entries(
        self, request: pb.ListTimelineRequest | pb.GetPublicTimelineRequest, id_: str, viewer: Viewer
    ) -> Page[resources_pb2.TimelineEntry]:
        return await self._pages.read(
            request,
            lambda conn, after, limit: store.entries(conn, id_, after, limit, internal=viewer.office),
            position=lambda entry: (entry.sequence,),
            message=lambda entry: visible_to(viewer, messages.entry(entry)),
        )
