"""The methods on observations."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.authority import require_observation
from onegrid_border.commands.observations import EscalateObservation, escalate_observation
from onegrid_border.observation import OBSERVATION
from onegrid_border.settings import BorderSettings
from onegrid_border.store import observations as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Observations"]


class Observations:
    """The methods on observations."""

    def __init__(self, runtime: Runtime[BorderSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def GetObservation(self, request: pb.GetObservationRequest, call: Call) -> pb.GetObservationResponse:
        id_ = OBSERVATION.id(request.name)
        found = await self._db.read(lambda conn: require_observation(conn, id_, call))
        return pb.GetObservationResponse(observation=messages.observation(found))

    async def ListObservations(self, request: pb.ListObservationsRequest, call: Call) -> pb.ListObservationsResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.observations_page(conn, request.scope, request.kinds, after, limit),
            position=lambda observation: (observation.create_time, observation.id),
            message=messages.observation,
        )
        return pb.ListObservationsResponse(observations=page.items, next_page_token=page.next_token)

    async def EscalateObservation(self, request: pb.EscalateObservationRequest, call: Call) -> bytes:
        command = EscalateObservation(
            observation=OBSERVATION.id(request.name),
            kind=request.incident_kind,
            level=request.incident_level,
            note=request.note,
        )
        return await self._db.command(
            call,
            lambda conn: pb.EscalateObservationResponse(
                observation=messages.observation(escalate_observation(conn, command, call))
            ),
        )
