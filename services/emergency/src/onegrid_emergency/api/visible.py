"""Incidents as their viewers may see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import resources_pb2
from onegrid_emergency import incident_authority as authority
from onegrid_emergency import messages
from onegrid_emergency.commands.incident_steps import OnIncident
from onegrid_emergency.incident import INCIDENT, Incident
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import incidents as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to

__all__ = ["VisibleIncidents"]

C = TypeVar("C", bound=OnIncident)


class VisibleIncidents:
    """Loads incidents, changes them, and renders them for their viewers."""

    def __init__(self, runtime: Runtime[EmergencySettings]) -> None:
        self._db = runtime.db

    async def require(self, id_: str, call: Call) -> Incident:
        """The incident, if the caller may see it. Raises PermissionDenied or NotFound."""
        found = await self._db.read(lambda conn: store.find_incident(conn, id_))
        return call.existing(found if found and authority.may_see(call, found) else None, INCIDENT, id_)

    async def change(
        self,
        call: Call,
        response: Callable[..., Message],
        do: Callable[[Connection, C, Call], Incident],
        command: C,
    ) -> bytes:
        """Run a command that changes one incident; the response holds it as the caller may see it."""

        def run(conn: Connection) -> Message:
            return response(incident=self.render(do(conn, command, call), call))

        return await self._db.command(call, run)

    def render(self, incident: Incident, call: Call) -> resources_pb2.Incident:
        """The incident as the caller may see it; what the caller reported, as its owner."""
        viewer = authority.viewer_of(call, incident)
        shown = visible_to(viewer, messages.incident(incident))
        for index, report in enumerate(incident.reports):
            if report.reporter == call.caller.user:
                shown.reports[index].CopyFrom(visible_to(authority.OWNER, messages.report(report)))
        return shown
