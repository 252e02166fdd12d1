"""How the tests of incidents call: by the method's name, with the fields of the request."""

from __future__ import annotations

from typing import Any

from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTask
from onegrid.emergency.v1.resources_pb2 import Incident, Report
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving

from .people import CELL, CITIZEN, COMMANDER, DEPARTMENT, DISTRICT

__all__ = ["Incidents"]


class Incidents:
    """Calls the methods on incidents."""

    def __init__(self, served: Serving) -> None:
        self.call = served.call

    async def report(self, caller: Caller = CITIZEN, **fields: Any) -> Report:
        """A new report."""
        given = {"district": DISTRICT, "text": "江边堤坝渗水。", "place": CELL, **fields}
        return (await self.call(caller, "ReportIncident", **given)).report

    async def reported(self, **fields: Any) -> Incident:
        """An incident that nobody has taken charge of."""
        return await self.get((await self.report(**fields)).incident)

    async def responding(self, caller: Caller = COMMANDER, **fields: Any) -> Incident:
        """An incident that somebody has taken charge of."""
        incident = await self.reported(**fields)
        return await self.act(caller, "RespondToIncident", incident)

    async def act(self, caller: Caller, method: str, incident: Incident, **fields: Any) -> Incident:
        """The incident after a step."""
        return (await self.call(caller, method, name=incident.name, **fields)).incident

    async def assign(
        self, incident: Incident, assignee: str = DEPARTMENT, caller: Caller = COMMANDER, **fields: Any
    ) -> IncidentTask:
        """A new task."""
        given = {"incident": incident.name, "assignee": assignee, "instruction": "加固堤坝", **fields}
        return (await self.call(caller, "AssignTask", **given)).task

    async def on_task(self, caller: Caller, method: str, task: IncidentTask, **fields: Any) -> IncidentTask:
        """The task after a step."""
        return (await self.call(caller, method, name=task.name, **fields)).task

    async def merge(self, into: Incident, *merged: Incident, caller: Caller = COMMANDER) -> Incident:
        """The incident that remains."""
        return await self.act(caller, "MergeIncidents", into, merged=[each.name for each in merged])

    async def split(self, incident: Incident, *reports: str, caller: Caller = COMMANDER) -> tuple[Incident, Incident]:
        """What remains, and the incident that has the reports."""
        answer = await self.call(caller, "SplitIncident", name=incident.name, reports=reports)
        return answer.incident, answer.split

    async def get(self, name: str, caller: Caller = COMMANDER) -> Incident:
        """The incident as the caller may see it."""
        return (await self.call(caller, "GetIncident", name=name)).incident

    async def timeline(self, incident: Incident, caller: Caller = COMMANDER) -> list[Any]:
        """All of its steps, read a few at a time."""
        entries: list[Any] = []
        token = ""
        while True:
            page = await self.call(
                caller, "ListIncidentTimeline", incident=incident.name, page_size=3, page_token=token
            )
            entries += page.entries
            token = page.next_page_token
            if not token:
                return entries
