"""What a plan does about a river that leaves its bed, and what people have of it, for tests of whole emergencies."""

from __future__ import annotations

import uuid
from typing import Any

import aiohttp

from onegrid.common.v1.common_pb2 import Point
from onegrid.duty.v1 import duty_service_pb2 as duty_pb
from onegrid.duty.v1.resources_pb2 import LengthUnit, Page, RosterKind, Rotation, Rung, RungTarget
from onegrid.emergency.v1 import emergency_service_pb2 as pb
from onegrid.emergency.v1 import incident_methods_pb2 as methods
from onegrid.emergency.v1 import plans_pb2 as plans
from onegrid.emergency.v1 import resources_pb2 as resources
from onegrid.emergency.v1 import warnings_pb2 as cap
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid_demo import district
from onegrid_demo.client import Metadata, bearer
from onegrid_demo.loading import CELL, CENTRE, STREET, until, until_known
from onegrid_kit.testing.waiting import HANG_S, eventually_async

from .fleet import Fleet, FleetClient

__all__ = ["Dike", "feed", "warning"]

ROSTER = f"rosters/{district.CODE}-flood"
PLAN = f"plans/{district.CODE}-dike-3"
ROLE = "roles/commander"
FEED = f"/v1/districts/{district.CODE}/warnings.atom"


class Dike:
    """Who does what about it."""

    def __init__(self, fleet: Fleet, client: FleetClient) -> None:
        self.fleet = fleet
        self.client = client
        self.users: dict[str, str] = {
            key: account["user"] for key, account in fleet.accounts.items() if "user" in account
        }
        self.had: dict[str, set[str]] = {}
        """Of those to whom the plan gives the command, the grants by which they had it before."""

    async def staff(self, login: str) -> Metadata:
        return await self.client.staff(login, self.fleet.accounts[login]["password"])

    async def fresh(self, login: str) -> Metadata:
        """With a token of this moment, which has the roles that are held now."""
        session = await self.client.log_in_staff(login, self.fleet.accounts[login]["password"])
        return bearer(session.access_token)

    async def call(self, method: Any, who: Metadata, request: Any) -> Any:
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = str(uuid.uuid4())
        return await method(request, metadata=who, timeout=HANG_S)

    async def prepare(self) -> None:
        """The centre's clerk is on duty; the plan gives them, and the community's, the command of the district."""
        admin = await self.staff("admin")
        turns = Rotation(
            users=[self.users["centre"]],
            first_date="2020-11-01",
            handoff_time="08:00",
            unit=LengthUnit.LENGTH_UNIT_WEEK,
            length=1,
        )
        roster = duty_pb.DefineRosterRequest(
            name=ROSTER,
            kind=RosterKind.ROSTER_KIND_EMERGENCY,
            display_name="防汛值守",
            rotations=[turns],
            escalation=[
                Rung(target=RungTarget.RUNG_TARGET_ON_DUTY, wait_minutes=1440),
                Rung(target=RungTarget.RUNG_TARGET_SUPERVISORS, wait_minutes=1440),
            ],
            supervisors=[self.users["commander"]],
        )
        # duty and emergency hear of users and places by events.
        await until_known(lambda: self.call(self.client.duty.DefineRoster, admin, roster))
        plan = plans.Plan(
            name=PLAN,
            display_name="防汛三级响应",
            kind=IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
            level=IncidentLevel.INCIDENT_LEVEL_III,
            automatic=True,
            tasks=[
                plans.PlanTask(assignee=CENTRE, instruction="调集沙袋"),
                plans.PlanTask(office=plans.PLAN_OFFICE_COMMUNITY, instruction="转移低洼处居民"),
            ],
            checklists=[plans.Checklist(title="堤坝", items=["查看渗水点"])],
            elevations=[
                plans.PlanElevation(holder=ROSTER, role=ROLE, scope=district.CODE),
                plans.PlanElevation(holder=self.users["community"], role=ROLE, scope=district.CODE),
            ],
            rosters=[ROSTER],
            notice=plans.PlanNotice(places=[STREET], headline="堤坝渗水", text="请勿前往江边。"),
        )
        await until_known(
            lambda: self.call(self.client.emergency.DefinePlan, admin, plans.DefinePlanRequest(plan=plan))
        )
        self.had = {login: set(await self.commands(login)) for login in ("centre", "community")}

    async def report(self) -> str:
        """A grid worker reports it; the incident."""
        emergency = self.client.emergency
        kind = IncidentKind.INCIDENT_KIND_NATURAL_DISASTER
        report = pb.ReportIncidentRequest(district=district.CODE, kind=kind, text="江堤渗水", place=CELL)
        answer = await self.call(emergency.ReportIncident, await self.staff("grid"), report)
        name: str = answer.report.incident
        return name

    async def confirm(self, name: str) -> None:
        """Confirmed and graded, an incident puts the plan into effect."""
        emergency = self.client.emergency
        commander = await self.staff("commander")
        await self.call(emergency.RespondToIncident, commander, methods.RespondToIncidentRequest(name=name))
        level = IncidentLevel.INCIDENT_LEVEL_III
        grade = methods.GradeIncidentRequest(name=name, level=level, reason="水位超警戒")
        await self.call(emergency.GradeIncident, commander, grade)
        await self.call(emergency.ConfirmIncident, await self.staff("grid"), methods.ConfirmIncidentRequest(name=name))

    async def incident(self, name: str) -> resources.Incident:
        """The incident, as the administrator reads it."""
        request = pb.GetIncidentRequest(name=name)
        got = await self.call(self.client.emergency.GetIncident, await self.staff("admin"), request)
        found: resources.Incident = got.incident
        return found

    async def activation(self, incident: str) -> plans.PlanActivation:
        """The plan in effect, of which there is one."""
        request = plans.ListPlanActivationsRequest(incident=incident)
        listed = await self.call(self.client.emergency.ListPlanActivations, await self.staff("commander"), request)
        (found,) = listed.activations
        return found

    async def commands(self, login: str) -> list[str]:
        """The grants by which somebody commands the district."""
        request = identity_pb.ListGrantsRequest(user=self.users[login])
        listed = await self.call(self.client.identity.ListGrants, await self.staff("admin"), request)
        return [grant.name for grant in listed.grants if grant.role == ROLE]

    async def until_elevated(self) -> None:
        """Return once the plan has given its roles."""
        for login, before in self.had.items():

            async def elevated(login: str = login, before: set[str] = before) -> bool:
                return set(await self.commands(login)) > before

            await eventually_async(elevated)

    async def until_demoted(self) -> None:
        """Return once they are taken back."""
        for login, before in self.had.items():

            async def demoted(login: str = login, before: set[str] = before) -> bool:
                return set(await self.commands(login)) == before

            await eventually_async(demoted)
            # Tokens of before that time are refused, which later tests would use.
            self.fleet.sessions.pop(login, None)

    async def page(self, name: str) -> Page:
        """The page of that name."""
        request = duty_pb.ListPagesRequest(roster=ROSTER)
        listed = await self.call(self.client.duty.ListPages, await self.staff("admin"), request)
        (found,) = [each for each in listed.pages if each.name == name]
        return found

    async def headlines(self, who: str) -> list[str]:
        """What is in the inbox of a resident."""
        resident = await self.client.public(self.fleet.accounts[who]["phone"], district.CODE)
        listed = await self.call(
            self.client.notify.ListInboxItems, resident, notify_pb.ListInboxItemsRequest(page_size=100)
        )
        return [item.title for item in listed.items]

    async def all_clear(self, incident: str) -> None:
        clear = methods.DeclareAllClearRequest(name=incident, note="渗水已止", open_tasks_reason="险情已除")
        await self.call(self.client.emergency.DeclareAllClear, await self.staff("commander"), clear)


def warning(headline: str, *cells: str) -> cap.WarningContent:
    """About the ground of cells."""
    rings = [[Point(longitude=east, latitude=north) for east, north in district.cell(code).corners] for code in cells]
    polygons = [cap.WarningPolygon(points=[*ring, ring[0]]) for ring in rings]
    return cap.WarningContent(
        categories=[cap.CAP_CATEGORY_MET],
        event="洪水",
        colour=cap.WARNING_COLOUR_ORANGE,
        headline=headline,
        description="江堤渗水。",
        areas=[cap.WarningArea(description="江沿", polygons=polygons)],
    )


async def feed(fleet: Fleet) -> str:
    """The warnings in force, as anybody may read them."""

    async def read() -> str:
        try:
            async with aiohttp.ClientSession() as http, http.get(fleet.http_url("emergency") + FEED) as answer:
                return await answer.text() if answer.status == 200 else ""
        except aiohttp.ClientError:
            return ""

    return await until(read, bool)
