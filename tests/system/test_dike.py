"""A dike leaks: a plan opens the roster, elevates roles and warns people, and all clear takes all of it back; whatever
is killed meanwhile.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import grpc.aio
import pytest

from onegrid.common.v1.common_pb2 import Point
from onegrid.duty.v1 import duty_service_pb2 as duty_pb
from onegrid.duty.v1.resources_pb2 import LengthUnit, RosterKind, Rotation, Rung, RungTarget
from onegrid.emergency.v1 import emergency_service_pb2 as pb
from onegrid.emergency.v1 import incident_methods_pb2 as methods
from onegrid.emergency.v1 import plans_pb2 as plans
from onegrid.emergency.v1 import warnings_pb2 as cap
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid_demo import district
from onegrid_demo.client import Metadata, bearer
from onegrid_demo.loading import CELL, CENTRE, STREET, until, until_known
from onegrid_kit.testing.waiting import HANG_S, eventually

from .fleet import Fleet, FleetClient
from .killing import PARTS, Insisting, kill

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

    async def report(self) -> str:
        """A grid worker reports it; confirmed and graded, it puts the plan into effect."""
        emergency = self.client.emergency
        kind = IncidentKind.INCIDENT_KIND_NATURAL_DISASTER
        report = pb.ReportIncidentRequest(district=district.CODE, kind=kind, text="江堤渗水", place=CELL)
        answer = await self.call(emergency.ReportIncident, await self.staff("grid"), report)
        name: str = answer.report.incident
        commander = await self.staff("commander")
        await self.call(emergency.RespondToIncident, commander, methods.RespondToIncidentRequest(name=name))
        level = IncidentLevel.INCIDENT_LEVEL_III
        grade = methods.GradeIncidentRequest(name=name, level=level, reason="水位超警戒")
        await self.call(emergency.GradeIncident, commander, grade)
        await self.call(emergency.ConfirmIncident, await self.staff("grid"), methods.ConfirmIncidentRequest(name=name))
        return name

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


@pytest.fixture
async def dike(fleet: Fleet) -> AsyncIterator[Dike]:
    client = FleetClient(fleet, Insisting())
    made = Dike(fleet, client)
    await made.prepare()
    yield made
    await client.close()


async def test_a_plan_gives_authority_and_warns_until_all_clear_whatever_is_killed(fleet: Fleet, dike: Dike) -> None:
    emergency, rng = dike.client.emergency, random.Random()
    had = {login: set(await dike.commands(login)) for login in ("centre", "community")}

    async def elevated(login: str) -> bool:
        return set(await dike.commands(login)) > had[login]

    incident = await dike.report()
    kill(fleet, rng.choice(PARTS))
    for login in had:
        await until(lambda login=login: elevated(login), bool)  # type: ignore[misc]
    await until(lambda: dike.activation(incident), lambda found: bool(found.rosters[0].page))
    await until(lambda: dike.headlines("citizen"), lambda found: "堤坝渗水" in found)
    assert "堤坝渗水" not in await dike.headlines("neighbour")

    # Before, the community could not have warned the district.
    community = await dike.fresh("community")
    issue = cap.IssueWarningRequest(district=district.CODE, content=warning("洪水橙色预警", CELL))
    issued = (await dike.call(emergency.IssueWarning, community, issue)).warning
    kill(fleet, rng.choice(PARTS))
    # Neighbours share its edges.
    assert CELL in issued.cells
    assert len(issued.cells) < 10
    assert "洪水橙色预警" in await feed(fleet)
    await until(lambda: dike.headlines("citizen"), lambda found: "洪水橙色预警" in found)
    assert "洪水橙色预警" not in await dike.headlines("neighbour")
    update = cap.UpdateWarningRequest(name=issued.name, content=warning("洪水仍在上涨", CELL))
    await dike.call(emergency.UpdateWarning, community, update)
    kill(fleet, rng.choice(PARTS))
    changed = await feed(fleet)
    assert "洪水仍在上涨" in changed
    assert "洪水橙色预警" not in changed
    await until(lambda: dike.headlines("citizen"), lambda found: "洪水仍在上涨" in found)
    cancel = cap.CancelWarningRequest(name=issued.name, note="水位已回落")
    await dike.call(emergency.CancelWarning, community, cancel)
    assert "洪水" not in await feed(fleet)

    await dike.all_clear(incident)
    kill(fleet, rng.choice(PARTS))
    for login, before in had.items():
        await until(lambda login=login: dike.commands(login), lambda now, before=before: set(now) == before)  # type: ignore[misc]

    async def refused() -> bool:
        issue.request_id = ""
        try:
            await dike.call(emergency.IssueWarning, community, issue)
        except grpc.aio.AioRpcError as error:
            return error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
        return False

    await until(refused, bool)
    for login in had:
        # Tokens of before that time are refused, which later tests would use.
        fleet.sessions.pop(login, None)
    ended = await dike.activation(incident)
    assert ended.HasField("end_time")
    await until(lambda: dike.headlines("citizen"), lambda found: "堤坝渗水" not in found)
    eventually(lambda: fleet.count("emergency", "outbox") == 0)
    pages = await dike.call(
        dike.client.duty.ListPages, await dike.staff("admin"), duty_pb.ListPagesRequest(roster=ROSTER)
    )
    assert [page.name for page in pages.pages] == [ended.rosters[0].page]
    got = await dike.call(emergency.GetIncident, await dike.staff("admin"), pb.GetIncidentRequest(name=incident))
    assert {task.name for task in got.incident.tasks} == set(ended.tasks)
    assert len(ended.tasks) == 2
