"""A defect on the border is brought to petition and to emergency while both are away, and says what became of it."""

from __future__ import annotations

import uuid

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.resources_pb2 import Asset, AssetCondition, AssetKind, Inspection
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.petition.v1 import petition_service_pb2 as petition_pb
from onegrid.petition.v1.resources_pb2 import State
from onegrid_demo.loading import STREET, until
from onegrid_kit.testing.waiting import HANG_S

from .fleet import Fleet, FleetClient

LAMP = f"assets/{STREET}-lamp-7"


async def test_a_defect_becomes_a_petition_and_an_incident_once_their_services_are_back(
    fleet: Fleet, client: FleetClient
) -> None:
    commander = await client.staff("commander", fleet.accounts["commander"]["password"])
    border = client.border
    lamp = Asset(
        name=LAMP,
        kind=AssetKind.ASSET_KIND_LAMP,
        display_name="江桥7号照明灯",
        course=[Point(longitude=124.39, latitude=40.12)],
    )
    await border.DefineAsset(pb.DefineAssetRequest(asset=lamp), metadata=commander, timeout=HANG_S)
    look = pb.InspectAssetRequest(name=LAMP, condition=AssetCondition.ASSET_CONDITION_FAILED, note="灯不亮")
    found = (await border.InspectAsset(look, metadata=commander, timeout=HANG_S)).inspection

    async def current() -> Inspection:
        request = pb.ListInspectionsRequest(asset=LAMP)
        return (await border.ListInspections(request, metadata=commander, timeout=HANG_S)).inspections[0]

    away = [fleet.parts[service, role] for service in ("petition", "emergency") for role in ("api", "worker")]
    for part in away:
        part.kill()
    repair = pb.RequestRepairRequest(name=found.name, request_id=str(uuid.uuid4()))
    await border.RequestRepair(repair, metadata=commander, timeout=HANG_S)
    escalate = pb.EscalateInspectionRequest(name=found.name, request_id=str(uuid.uuid4()))
    await border.EscalateInspection(escalate, metadata=commander, timeout=HANG_S)
    waiting = await current()
    assert waiting.HasField("repair_request_time")
    assert waiting.HasField("escalate_time")
    assert (waiting.petition, waiting.incident) == ("", "")

    for part in away:
        part.start()
    linked = await until(current, lambda inspection: bool(inspection.petition and inspection.incident))
    assert linked.petition_state == State.STATE_FILED
    assert linked.incident_state == IncidentState.INCIDENT_STATE_REPORTED
    close = petition_pb.ClosePetitionRequest(name=linked.petition, public_note="灯已更换。")
    await client.petition.ClosePetition(close, metadata=commander, timeout=HANG_S)
    closed = await until(current, lambda inspection: inspection.petition_state == State.STATE_CLOSED)
    assert closed.petition == linked.petition
