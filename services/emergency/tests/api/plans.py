"""Plans as the tests define and activate them."""

from __future__ import annotations

from typing import Any

from google.protobuf.duration_pb2 import Duration

from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid.emergency.v1.resources_pb2 import Incident, IncidentKind, IncidentLevel
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import administrator

from .people import COMMANDER, DEPARTMENT, DISTRICT

__all__ = ["ADMIN", "FLOOD", "ROSTER", "Plans"]

ADMIN = administrator("admin", DISTRICT)
FLOOD = f"plans/{DISTRICT}-flood-3"
ROSTER = f"rosters/{DISTRICT}-command-centre"


class Plans:
    """Calls the methods on plans."""

    def __init__(self, served: Serving) -> None:
        self.call = served.call

    async def define(self, caller: Caller = ADMIN, **fields: Any) -> pb.Plan:
        """The plan for floods of level III, with all that a plan may have."""
        given: dict[str, Any] = {
            "name": FLOOD,
            "display_name": "防汛三级响应",
            "kind": IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
            "level": IncidentLevel.INCIDENT_LEVEL_III,
            "tasks": [
                pb.PlanTask(assignee=DEPARTMENT, instruction="调集沙袋", acknowledge_within=Duration(seconds=120)),
                pb.PlanTask(
                    office=pb.PLAN_OFFICE_COMMUNITY, instruction="转移低洼处居民", due_after=Duration(seconds=7200)
                ),
            ],
            "checklists": [
                pb.Checklist(title="堤坝", items=["查看渗水点", "架设照明"]),
                pb.Checklist(title="居民", items=["清点独居老人"]),
            ],
            "elevations": [
                pb.PlanElevation(holder="users/colonel1", role="roles/commander", scope=DISTRICT),
                pb.PlanElevation(holder=ROSTER, role="roles/commander", scope=DISTRICT),
            ],
            "rosters": [ROSTER],
            "notice": pb.PlanNotice(headline="江水上涨", text="请勿前往江边。"),
            **fields,
        }
        return (await self.call(caller, "DefinePlan", plan=pb.Plan(**given))).plan

    async def activate(
        self, incident: Incident, plan: str = FLOOD, caller: Caller = COMMANDER, **fields: Any
    ) -> pb.PlanActivation:
        """The plan in effect."""
        given = {"incident": incident.name, "plan": plan, **fields}
        return (await self.call(caller, "ActivatePlan", **given)).activation

    async def deactivate(
        self, activation: pb.PlanActivation, caller: Caller = COMMANDER, reason: str = "水位回落"
    ) -> pb.PlanActivation:
        """The plan as it ended."""
        return (await self.call(caller, "DeactivatePlan", name=activation.name, reason=reason)).activation

    async def tick(
        self, activation: pb.PlanActivation, number: int, caller: Caller = COMMANDER, **fields: Any
    ) -> pb.ChecklistItem:
        """The item as it is then."""
        given = {"activation": activation.name, "number": number, **fields}
        items = (await self.call(caller, "TickChecklistItem", **given)).activation.items
        return items[number - 1]

    async def of(self, incident: Incident, caller: Caller = COMMANDER) -> list[pb.PlanActivation]:
        """The plans that are or were in effect for an incident."""
        return list((await self.call(caller, "ListPlanActivations", incident=incident.name)).activations)
