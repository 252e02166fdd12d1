"""A fire in a kitchen: a smoke sensor reports it, the nearest fire team comes, and an hour later it is all clear.

It happens in the evening of the reference case, over gRPC, as the sensors' platform and those who respond do it.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import grpc.aio
from google.protobuf.duration_pb2 import Duration

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import incident_methods_pb2 as methods
from onegrid.emergency.v1 import plans_pb2 as plans
from onegrid.emergency.v1 import relief_pb2 as relief
from onegrid.emergency.v1 import sensors_pb2 as sensors
from onegrid.emergency.v1.incident_steps_pb2 import IncidentEntry
from onegrid.emergency.v1.incident_tasks_pb2 import INCIDENT_TASK_STATE_COMPLETED
from onegrid.emergency.v1.resources_pb2 import (
    INCIDENT_KIND_ACCIDENT,
    INCIDENT_LEVEL_IV,
    INCIDENT_STATE_REVIEWED,
    Incident,
)
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid_demo import district, refusals
from onegrid_demo.client import Client, Metadata, bearer
from onegrid_demo.loading import CELL, COMMUNITY, unless, until, until_available, until_known
from onegrid_kit.clock import CHINA, SettableClock

__all__ = ["Outcome", "connect_sensors", "replay", "send_readings", "sensors_connected", "succeeded"]

_ROLE: Final = f"sensor-platform-{district.CODE}"
# The nearest to the fire is the first one.
_TEAMS: Final = (
    (f"teams/{COMMUNITY}-fire", "朝凤社区微型消防站", Point(longitude=124.3702, latitude=40.1301), 8),
    (f"teams/{district.CODE}-fire", "元宝区消防救援大队", Point(longitude=124.3958, latitude=40.1364), 42),
)

_PLAN: Final = plans.Plan(
    name=f"plans/{district.CODE}-fire-4",
    display_name="火灾四级响应",
    kind=INCIDENT_KIND_ACCIDENT,
    level=INCIDENT_LEVEL_IV,
    automatic=True,
    checklists=[plans.Checklist(title="火场", items=["切断电源和燃气", "清点楼内居民"])],
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the fire."""

    incident: Incident
    timeline: Sequence[IncidentEntry]
    plan: plans.PlanActivation
    """The plan that was in effect, as it ended."""
    team: relief.Resource
    """The team that was called."""
    reservation: relief.Reservation
    """Its reservation, once all was over."""


async def connect_sensors(client: Client, accounts: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Enter the fire teams, and an account that may send readings for the platform of the sensors; the account."""
    admin = await client.staff(accounts["admin"]["login"], accounts["admin"]["password"])
    for name, display_name, home, members in _TEAMS:
        details = relief.Team(kind=relief.TEAM_KIND_FIRE, members=members)
        team = relief.Resource(name=name, display_name=display_name, home=home, team=details)
        request = relief.DefineResourceRequest(resource=team, request_id=_new_id())
        # emergency hears of places by events.
        await until_known(lambda request=request: client.emergency.DefineResource(request, metadata=admin))  # type: ignore[misc]
    role = identity_pb.CreateRoleRequest(
        district=district.CODE,
        role_id=_ROLE,
        display_name="物联网感知平台",
        permissions=["emergency.readings.ingest"],
        request_id=_new_id(),
    )
    await unless("RESOURCE_EXISTS", client.identity.CreateRole(role, metadata=admin))
    account = await client.identity.CreateServiceAccount(
        identity_pb.CreateServiceAccountRequest(
            district=district.CODE, display_name="物联网感知平台", organization="元宝区", request_id=_new_id()
        ),
        metadata=admin,
    )
    grant = identity_pb.GrantRoleRequest(
        user=account.user.name, role=f"roles/{_ROLE}", scope=district.CODE, request_id=_new_id()
    )
    await client.identity.GrantRole(grant, metadata=admin)
    return {"name": account.user.name, "secret": account.secret}


@asynccontextmanager
async def sensors_connected(
    client: Client, accounts: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[Mapping[str, Mapping[str, str]]]:
    """All accounts, with one of the sensors' platform that is disabled in the end."""
    account = await connect_sensors(client, accounts)
    try:
        yield {**accounts, "sensors": account}
    finally:
        admin = await client.staff(accounts["admin"]["login"], accounts["admin"]["password"])
        request = identity_pb.DisableUserRequest(name=account["name"], request_id=_new_id())
        await client.identity.DisableUser(request, metadata=admin)


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Outcome:
    """Live through the fire, at its own times if the services go by this clock."""
    evening = _Evening(client, clock, accounts)
    evening.at(19, 30)
    await evening.plan()
    device = await evening.install()
    incident = await evening.alarm(device)
    team, reservation, tasks = await evening.respond(incident)
    await evening.fight(incident, reservation, tasks)
    ended = await evening.end(incident, device)
    outcome = await evening.outcome(ended, team, reservation)
    if clock is not None:
        clock.reset()
    return outcome


def succeeded(outcome: Outcome) -> bool:
    """Whether a team came and is free again, all that was to be done and thought of was, and it was reviewed."""
    return (
        outcome.incident.state == INCIDENT_STATE_REVIEWED
        and [task.state for task in outcome.incident.tasks] == [INCIDENT_TASK_STATE_COMPLETED] * 2
        and all(item.ticked_by for item in outcome.plan.items)
        and outcome.plan.HasField("end_time")
        and outcome.reservation.state == relief.RESERVATION_STATE_RELEASED
    )


async def send_readings(
    client: Client, batch: sensors.IngestReadingsRequest, metadata: Metadata, *, within_s: float
) -> None:
    """Send a batch on a stream of its own. Raises RuntimeError if some of it is refused."""

    async def send() -> sensors.IngestReadingsResponse:
        async with asyncio.timeout(within_s):
            return await anext(aiter(client.emergency.IngestReadings(iter([batch]), metadata=metadata)))

    # A batch without an answer is sent again: a reading that had been taken is stale.
    answer = await until_available(send)
    if answer.refused:
        raise RuntimeError(f"readings were refused: {answer}")


@dataclass(frozen=True, slots=True)
class _Tasks:
    evacuate: str
    look: str


@dataclass(frozen=True, slots=True)
class _Evening:
    client: Client
    clock: SettableClock | None
    accounts: Mapping[str, Mapping[str, str]]

    def at(self, hour: int, minute: int, second: int = 0) -> datetime:
        if self.clock is None:
            return datetime.now(UTC)
        moment = datetime(2020, 11, 11, hour, minute, second, tzinfo=CHINA)
        self.clock.set(moment)
        return moment

    async def staff(self, login: str) -> Metadata:
        return await self.client.staff(self.accounts[login]["login"], self.accounts[login]["password"])

    async def plan(self) -> None:
        """What is to be thought of in a fire of level IV; it activates itself."""
        request = plans.DefinePlanRequest(plan=_PLAN, request_id=_new_id())
        await self.client.emergency.DefinePlan(request, metadata=await self.staff("commander"))

    async def install(self) -> str:
        """A new smoke sensor each time: one that sent the readings of this evening before takes them for sent twice."""
        configuration = sensors.DeviceConfiguration(
            display_name="朝凤社区2号楼301厨房",
            kind=sensors.DeviceKind.DEVICE_KIND_SMOKE,
            place=CELL,
            location=district.cell(CELL).middle,
            owner=self.accounts["sensors"]["name"],
            interval=Duration(seconds=86_400),
        )
        request = sensors.RegisterDeviceRequest(
            district=district.CODE,
            device_id=f"smoke-{secrets.token_hex(4)}",
            configuration=configuration,
            request_id=_new_id(),
        )
        answer = await self.client.emergency.RegisterDevice(request, metadata=await self.staff("admin"))
        return answer.device.name

    async def alarm(self, device: str) -> str:
        """The incident that the sensor's alarm becomes."""
        await self.measure(device, self.at(19, 41, 5), 1, smoke=False)
        await self.measure(device, self.at(19, 42, 5), 2, smoke=True)
        query = sensors.ListDevicesRequest(place=CELL, page_size=500)
        devices = await self.client.emergency.ListDevices(query, metadata=await self.staff("admin"))
        return next(each.incident for each in devices.devices if each.name == device)

    async def respond(self, incident: str) -> tuple[relief.Resource, relief.Reservation, _Tasks]:
        """The command centre takes charge, calls the nearest team, and gives tasks."""
        self.at(19, 42, 30)
        emergency, centre = self.client.emergency, await self.staff("commander")
        respond = methods.RespondToIncidentRequest(name=incident, note="指挥中心已接警。", request_id=_new_id())
        location = (await emergency.RespondToIncident(respond, metadata=centre)).incident.location
        locate = relief.LocateResourcesRequest(
            place=district.CODE,
            location=location,
            kinds=[relief.RESOURCE_KIND_TEAM],
            team_kinds=[relief.TEAM_KIND_FIRE],
        )
        found = await emergency.LocateResources(locate, metadata=centre)
        team, reservation = await self.reserve_first(centre, incident, [each.resource for each in found.resources])
        evacuate = await self.assign(centre, incident, COMMUNITY, "请立即组织楼内居民疏散。")
        look = await self.assign(centre, incident, self.accounts["grid"]["user"], "请到现场核实火情并反馈。")
        return team, reservation, _Tasks(evacuate, look)

    async def fight(self, incident: str, reservation: relief.Reservation, tasks: _Tasks) -> None:
        """The team comes, the house is evacuated, and the district hears how grave it is."""
        emergency = self.client.emergency
        self.at(19, 43)
        community = await self.staff("community")
        await self.acknowledge(community, tasks.evacuate)
        confirm = relief.ConfirmReservationRequest(name=reservation.name, request_id=_new_id())
        # By who answers for every team, since another fire may have the community's own.
        await emergency.ConfirmReservation(confirm, metadata=await self.staff("commander"))
        self.at(19, 44)
        worker = await self.staff("grid")
        await self.acknowledge(worker, tasks.look)
        self.at(19, 47)
        true = methods.ConfirmIncidentRequest(
            name=incident, note="三楼厨房油锅起火，无人员受伤。", request_id=_new_id()
        )
        await emergency.ConfirmIncident(true, metadata=worker)
        await self.complete(worker, tasks.look, "已核实，消防站已到场。")
        self.at(19, 50)
        grade = methods.GradeIncidentRequest(
            name=incident, level=INCIDENT_LEVEL_IV, reason="一户厨房起火，无伤亡。", request_id=_new_id()
        )
        await emergency.GradeIncident(grade, metadata=await self.staff("commander"))
        plan = await self.plan_of(incident)
        for item in plan.items:
            tick = plans.TickChecklistItemRequest(activation=plan.name, number=item.number, request_id=_new_id())
            await emergency.TickChecklistItem(tick, metadata=await self.staff("community"))
        await self.report(incident, "广济街道朝凤社区一户厨房起火，消防站已到场扑救。")
        self.at(20, 15)
        await self.complete(await self.staff("community"), tasks.evacuate, "32名居民已疏散，现已返家。")

    async def end(self, incident: str, device: str) -> Incident:
        """All clear, and what was learned."""
        await self.measure(device, self.at(20, 20), 3, smoke=False)
        self.at(20, 40)
        emergency = self.client.emergency
        clear = methods.DeclareAllClearRequest(name=incident, note="明火已扑灭，现场已清理。", request_id=_new_id())
        await emergency.DeclareAllClear(clear, metadata=await self.staff("commander"))
        self.at(21, 0)
        await self.report(incident, "火已扑灭，无人员伤亡，财产损失轻微。", final=True)
        review = methods.ReviewIncidentRequest(
            name=incident,
            summary="独立烟感报警后一小时内处置完毕。",
            lessons="为老旧小区厨房加装烟感。",
            request_id=_new_id(),
        )
        answer = await emergency.ReviewIncident(review, metadata=await self.staff("commander"))
        retire = sensors.RetireDeviceRequest(name=device, request_id=_new_id())
        await emergency.RetireDevice(retire, metadata=await self.staff("admin"))
        return answer.incident

    async def outcome(self, ended: Incident, team: relief.Resource, reservation: relief.Reservation) -> Outcome:
        """What there is to show."""
        emergency, admin = self.client.emergency, await self.staff("admin")
        query = relief.GetReservationRequest(name=reservation.name)
        # The end of the incident releases it by an event.
        found = await until(
            lambda: emergency.GetReservation(query, metadata=admin),
            lambda answer: answer.reservation.HasField("end_time"),
        )
        steps = methods.ListIncidentTimelineRequest(incident=ended.name, page_size=500)
        timeline = await emergency.ListIncidentTimeline(steps, metadata=admin)
        return Outcome(ended, list(timeline.entries), await self.plan_of(ended.name), team, found.reservation)

    async def plan_of(self, incident: str) -> plans.PlanActivation:
        """The plan that is or was in effect."""
        query = plans.ListPlanActivationsRequest(incident=incident)
        answer = await self.client.emergency.ListPlanActivations(query, metadata=await self.staff("admin"))
        (plan,) = answer.activations
        return plan

    async def measure(self, device: str, moment: datetime, sequence: int, *, smoke: bool) -> None:
        """Send a reading as the sensors' platform."""
        account = self.accounts["sensors"]
        login = identity_pb.LoginServiceAccountRequest(name=account["name"], secret=account["secret"])
        session = (await self.client.identity.LoginServiceAccount(login)).session
        reading = sensors.Reading(
            device=device, time_ms=int(moment.timestamp() * 1_000), sequence=sequence, value=float(smoke)
        )
        batch = sensors.IngestReadingsRequest(district=district.CODE, batch=1, readings=[reading])
        await send_readings(self.client, batch, bearer(session.access_token), within_s=60)

    async def reserve_first(
        self, commander: Metadata, incident: str, teams: Sequence[relief.Resource]
    ) -> tuple[relief.Resource, relief.Reservation]:
        """The first of the teams that nobody else has. Raises LookupError if somebody has each of them."""
        for team in teams:
            reserve = relief.ReserveResourceRequest(incident=incident, resource=team.name, request_id=_new_id())
            try:
                answer = await self.client.emergency.ReserveResource(reserve, metadata=commander)
            except grpc.aio.AioRpcError as error:
                if refusals.info(error).reason != "RESOURCE_BUSY":
                    raise
            else:
                return team, answer.reservation
        raise LookupError(f"none of {len(teams)} fire teams is free")

    async def assign(self, commander: Metadata, incident: str, assignee: str, instruction: str) -> str:
        request = methods.AssignTaskRequest(
            incident=incident, assignee=assignee, instruction=instruction, request_id=_new_id()
        )
        return (await self.client.emergency.AssignTask(request, metadata=commander)).task.name

    async def acknowledge(self, assignee: Metadata, task: str) -> None:
        request = methods.AcknowledgeTaskRequest(name=task, request_id=_new_id())
        await self.client.emergency.AcknowledgeTask(request, metadata=assignee)

    async def complete(self, assignee: Metadata, task: str, report: str) -> None:
        request = methods.CompleteTaskRequest(name=task, report=report, request_id=_new_id())
        await self.client.emergency.CompleteTask(request, metadata=assignee)

    async def report(self, incident: str, text: str, *, final: bool = False) -> None:
        request = methods.ReportSituationRequest(incident=incident, text=text, final=final, request_id=_new_id())
        await self.client.emergency.ReportSituation(request, metadata=await self.staff("commander"))


def _new_id() -> str:
    return str(uuid.uuid4())
