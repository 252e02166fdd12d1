"""Timelines: what happened to an incident, as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from onegrid.emergency.v1 import incident_methods_pb2 as pb
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.incident import INCIDENT, Entry
from onegrid_emergency.incident_lifecycle import LIFE
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import incident_steps as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to
from onegrid_kit.watching import Watchers

__all__ = ["Timelines"]


class Timelines:
    """The methods on timelines."""

    def __init__(self, runtime: Runtime[EmergencySettings], visible: VisibleIncidents) -> None:
        self._pages = runtime.pages
        self._visible = visible
        self._watchers: Watchers[Entry] = Watchers(
            runtime, runtime.settings.watch_interval_s, store.entries_after, LIFE.ended
        )
        runtime.spawn("deliver to watchers of incidents", self._watchers.run)

    async def ListIncidentTimeline(
        self, request: pb.ListIncidentTimelineRequest, call: Call
    ) -> pb.ListIncidentTimelineResponse:
        incident = await self._visible.require(INCIDENT.id(request.incident), call)
        viewer = authority.viewer_of(call, incident)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.entries_page(conn, incident.id, after, limit),
            position=lambda entry: (entry.sequence,),
            message=lambda entry: visible_to(viewer, messages.entry(entry)),
        )
        return pb.ListIncidentTimelineResponse(entries=page.items, next_page_token=page.next_token)

    async def WatchIncident(
        self, request: pb.WatchIncidentRequest, call: Call
    ) -> AsyncIterator[pb.WatchIncidentResponse]:
        incident = await self._visible.require(INCIDENT.id(request.name), call)
        position = self._pages.tokens.open(request, request.resume_token, "resume_token")
        after = cast(int, position[0]) if position else 0
        visible = self._visible
        async for step, viewer in self._watchers.watch(call, incident, after, visible.require, authority.viewer_of):
            yield pb.WatchIncidentResponse(
                entry=visible_to(viewer, messages.entry(step)),
                resume_token=self._pages.tokens.make(request, (step.sequence,)),
            )
