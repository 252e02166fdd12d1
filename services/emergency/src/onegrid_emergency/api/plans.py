"""The methods on plans, and on those that are in effect."""

from __future__ import annotations

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid_emergency import plan_messages as messages
from onegrid_emergency.api.visible import VisibleIncidents
from onegrid_emergency.commands import plans as commands
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.incident_authority import require_in_district
from onegrid_emergency.plan import ACTIVATION, PLAN
from onegrid_emergency.settings import EmergencySettings
from onegrid_emergency.store import activations
from onegrid_emergency.store import plans as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Plans"]


class Plans:
    """The methods on plans, and on those that are in effect."""

    def __init__(self, runtime: Runtime[EmergencySettings], visible: VisibleIncidents) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._visible = visible

    async def DefinePlan(self, request: pb.DefinePlanRequest, call: Call) -> bytes:
        wanted = messages.plan_of(request.plan, call.caller.user, call.now)

        def define(conn: Connection) -> Message:
            return pb.DefinePlanResponse(
                plan=messages.plan(commands.define_plan(conn, wanted, request.plan.etag, call))
            )

        return await self._db.command(call, define)

    async def RetirePlan(self, request: pb.RetirePlanRequest, call: Call) -> bytes:
        id_ = PLAN.id(request.name)

        def retire(conn: Connection) -> Message:
            return pb.RetirePlanResponse(plan=messages.plan(commands.retire_plan(conn, id_, request.etag, call)))

        return await self._db.command(call, retire)

    async def GetPlan(self, request: pb.GetPlanRequest, call: Call) -> pb.GetPlanResponse:
        id_ = PLAN.id(request.name)
        require_in_district(call, codes.district_of(id_))
        found = await self._db.read(lambda conn: commands.require_plan(conn, id_))
        return pb.GetPlanResponse(plan=messages.plan(found))

    async def ListPlans(self, request: pb.ListPlansRequest, call: Call) -> pb.ListPlansResponse:
        require_in_district(call, request.district)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.plans_page(
                conn, request.district, request.kind, request.level, after, limit, retired=request.show_retired
            ),
            position=lambda each: (each.id,),
            message=messages.plan,
        )
        return pb.ListPlansResponse(plans=page.items, next_page_token=page.next_token)

    async def ActivatePlan(self, request: pb.ActivatePlanRequest, call: Call) -> bytes:
        command = commands.ActivatePlan(
            incident=INCIDENT.id(request.incident), plan=PLAN.id(request.plan), note=request.note
        )

        def activate(conn: Connection) -> Message:
            activation = commands.activate_plan(conn, command, call)
            return pb.ActivatePlanResponse(activation=messages.activation(activation))

        return await self._db.command(call, activate)

    async def DeactivatePlan(self, request: pb.DeactivatePlanRequest, call: Call) -> bytes:
        command = commands.DeactivatePlan(activation=ACTIVATION.id(request.name), reason=request.reason)

        def deactivate(conn: Connection) -> Message:
            activation = commands.deactivate_plan(conn, command, call)
            return pb.DeactivatePlanResponse(activation=messages.activation(activation))

        return await self._db.command(call, deactivate)

    async def TickChecklistItem(self, request: pb.TickChecklistItemRequest, call: Call) -> bytes:
        command = commands.Tick(
            activation=ACTIVATION.id(request.activation), number=request.number, untick=request.untick
        )

        def tick(conn: Connection) -> Message:
            return pb.TickChecklistItemResponse(activation=messages.activation(commands.tick(conn, command, call)))

        return await self._db.command(call, tick)

    async def ListPlanActivations(
        self, request: pb.ListPlanActivationsRequest, call: Call
    ) -> pb.ListPlanActivationsResponse:
        incident = await self._visible.require(INCIDENT.id(request.incident), call)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: activations.activations_page(conn, incident.id, after, limit),
            position=lambda each: (each.activate_time, each.id),
            message=messages.activation,
        )
        return pb.ListPlanActivationsResponse(activations=page.items, next_page_token=page.next_token)
