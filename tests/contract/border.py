"""What the tests of all contracts do with border's."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.patrols_pb2 import Patrol
from onegrid.border.v1.records_pb2 import CallForHelp, ObservationKind, Observe, PatrolRecord, Start, Track
from onegrid.border.v1.resources_pb2 import Asset, AssetCondition, AssetKind, Checkpoint, Route, Unit
from onegrid.border.v1.statistics_pb2 import PatrolGrouping
from onegrid.common.v1.common_pb2 import Point
from onegrid.identity.v1 import identity_service_pb2 as accounts_pb
from onegrid_demo.loading import STREET
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.waiting import eventually

from . import device_keys
from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists", "observation", "underway"]

_numbers = itertools.count(1)
_HERE = Point(longitude=124.39, latitude=40.12)


def a_unit(office: str, **fields: Any) -> Unit:
    """A unit that is not entered yet."""
    return Unit(name=f"units/{office}-u{next(_numbers)}", display_name="江桥分队", **fields)


def a_route(office: str) -> Route:
    """A route that is not entered yet."""
    point = Checkpoint(id="pier", display_name="码头", location=_HERE, tolerance_m=50, tolerance_minutes=10)
    return Route(name=f"routes/{office}-r{next(_numbers)}", display_name="东段", checkpoints=[point])


def an_asset(office: str) -> Asset:
    """An asset that is not entered yet."""
    name = f"assets/{office}-a{next(_numbers)}"
    return Asset(name=name, kind=AssetKind.ASSET_KIND_LAMP, display_name="照明灯", course=[_HERE])


def unit(district: District, office: str = DISTRICT, **fields: Any) -> Unit:
    """A new unit."""
    return district.do(pb.DefineUnitRequest(unit=a_unit(office, **fields)), "admin", pb.DefineUnitResponse).unit


def route(district: District, office: str = DISTRICT) -> Route:
    """A new route."""
    return district.do(pb.DefineRouteRequest(route=a_route(office)), "admin", pb.DefineRouteResponse).route


def asset(district: District, office: str = DISTRICT) -> Asset:
    """A new asset."""
    return district.do(pb.DefineAssetRequest(asset=an_asset(office)), "admin", pb.DefineAssetResponse).asset


def a_code(route_name: str) -> pb.IssueCheckpointCodeRequest:
    """A printed code that is not issued yet."""
    return pb.IssueCheckpointCodeRequest(route=route_name, checkpoint="pier")


def a_tag(route_name: str) -> pb.RegisterCheckpointTagRequest:
    """A tag that is not registered yet."""
    uid = f"04{next(_numbers):012X}"
    return pb.RegisterCheckpointTagRequest(route=route_name, checkpoint="pier", uid=uid, file_read_key=b"k" * 16)


def code(district: District, route_name: str) -> str:
    """The name of a new printed code."""
    return district.do(a_code(route_name), "admin", pb.IssueCheckpointCodeResponse).code.name


def an_inspection(name: str) -> pb.InspectAssetRequest:
    """How an asset was found."""
    return pb.InspectAssetRequest(name=name, condition=AssetCondition.ASSET_CONDITION_SOUND, note="完好")


def defect(district: District, office: str = DISTRICT) -> str:
    """A new inspection that found something wrong."""
    return an_entered_defect(district, asset(district, office).name)


def an_entered_defect(district: District, name: str) -> str:
    """A new inspection of an asset, which found something wrong."""
    request = pb.InspectAssetRequest(name=name, condition=AssetCondition.ASSET_CONDITION_FAILED, note="灯不亮")
    return district.do(request, "admin", pb.InspectAssetResponse).inspection.name


def a_patrol(unit_name: str, route_name: str) -> pb.PlanPatrolRequest:
    """A patrol that is not planned yet, a day from now."""
    start = Timestamp(seconds=int(time.time()) + 86_400)
    return pb.PlanPatrolRequest(unit=unit_name, route=route_name, leader="users/00000000", start_time=start)


def patrol(district: District, office: str = DISTRICT, **fields: Any) -> Patrol:
    """A new patrol of a new unit, with these fields, on a new route."""
    request = a_patrol(unit(district, office, **fields).name, route(district, office).name)
    return district.do(request, "admin", pb.PlanPatrolResponse).patrol


def underway(district: District, office: str = DISTRICT, **fields: Any) -> Patrol:
    """A new patrol that is out, noticed something, and calls for help."""
    new, device = patrol(district, office, **fields), device_keys.telephone(district, office, "border")
    now = datetime.now(UTC)
    help_wanted = PatrolRecord(call_for_help=CallForHelp(text="冰面开裂"))
    noticed = PatrolRecord(observe=Observe(kind=ObservationKind.OBSERVATION_KIND_ICE_DAMMING, text="冰凌堆积"))
    for record in (PatrolRecord(start=Start()), PatrolRecord(track=Track()), noticed, help_wanted):
        record.patrol = new.name
        device.record(record, now, position=device.fix(124.39, 40.12, now))
    append = pb.AppendEntriesRequest(batch=device.batch(now))
    # border hears of devices by events.
    eventually(lambda: district.attempt(append, "grid").reason != "DEVICE_KEY_UNKNOWN")
    query = pb.GetPatrolRequest(name=new.name)
    eventually(lambda: bool(district.do(query, "admin", pb.GetPatrolResponse).patrol.entries))
    return new


def alarm(district: District, office: str = DISTRICT) -> str:
    """A new alarm."""
    name = underway(district, office).name
    listed = district.do(pb.ListAlarmsRequest(scope=office), "admin", pb.ListAlarmsResponse).alarms
    return next(each.name for each in listed if each.name.startswith(name))


def observation(district: District, office: str = DISTRICT) -> Observation:
    """A new observation."""
    name = underway(district, office).name
    query = pb.ListObservationsRequest(scope=office)
    listed = district.do(query, "admin", pb.ListObservationsResponse).observations
    return next(each for each in listed if each.patrol == name)


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    a, b, c = a_unit(place), a_route(place), an_asset(place)
    if there:
        a, b, c = unit(district, place), route(district, place), asset(district, place)
    out = f"patrols/{DISTRICT}-{'0' * 20}"
    wrong = f"{out}/alarms/start"
    printed = f"{b.name}/checkpoints/pier/codes/1"
    noticed = f"observations/{DISTRICT}-{'0' * 32}"
    if there:
        wrong = alarm(district, place)
        out = wrong.partition("/alarms/")[0]
        noticed = observation(district, place).name
        printed = code(district, b.name)
    yield a_patrol(a.name, b.name)
    yield pb.CancelPatrolRequest(name=out, reason="x")
    yield pb.GetPatrolRequest(name=out)
    yield pb.ListPatrolsRequest(scope=place)
    yield pb.ListPatrolStatisticsRequest(scope=place, first_month="2020-11", last_month="2020-11")
    yield pb.ListEntriesRequest(patrol=out)
    yield pb.WatchUnitsRequest(scope=place)
    yield pb.RequestWelfareCheckRequest(name=out)
    yield pb.ListAlarmsRequest(scope=place)
    yield pb.AcknowledgeAlarmRequest(name=wrong)
    yield pb.CloseAlarmRequest(name=wrong, note="x")
    yield pb.GetObservationRequest(name=noticed)
    yield pb.ListObservationsRequest(scope=place)
    yield pb.EscalateObservationRequest(name=noticed)
    yield pb.DefineUnitRequest(unit=a)
    yield pb.RetireUnitRequest(name=a.name)
    yield pb.GetUnitRequest(name=a.name)
    yield pb.ListUnitsRequest(scope=place)
    yield pb.DefineRouteRequest(route=b)
    yield pb.RetireRouteRequest(name=b.name)
    yield pb.GetRouteRequest(name=b.name)
    yield pb.ListRoutesRequest(scope=place)
    yield pb.ListRouteRevisionsRequest(name=b.name)
    yield a_code(b.name)
    yield a_tag(b.name)
    yield pb.RetireCheckpointCodeRequest(name=printed)
    yield pb.ListCheckpointCodesRequest(route=b.name)
    yield pb.DefineAssetRequest(asset=c)
    yield pb.RetireAssetRequest(name=c.name)
    yield an_inspection(c.name)
    yield pb.GetAssetRequest(name=c.name)
    yield pb.ListAssetsRequest(scope=place)
    yield pb.ListInspectionsRequest(asset=c.name)
    found = an_entered_defect(district, c.name) if there else f"{c.name}/inspections/1"
    yield pb.RequestRepairRequest(name=found)
    yield pb.EscalateInspectionRequest(name=found)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    for _ in range(4):
        unit(district, STREET)
    routes = [route(district, STREET) for _ in range(4)]
    assets = [asset(district, STREET) for _ in range(4)]
    for changed, inspected in zip((*routes[:1] * 3, routes[1]), (*assets[:1] * 3, assets[1]), strict=True):
        changed.corridor_m += 1
        district.do(pb.DefineRouteRequest(route=Route(**_given(changed))), "admin", pb.DefineRouteResponse)
        district.do(an_inspection(inspected.name), "admin", pb.InspectAssetResponse)
    for coded in (*routes[:1] * 4, routes[1]):
        code(district, coded.name)
    me = district.do(accounts_pb.GetCallerRequest(), "admin", accounts_pb.GetCallerResponse).user.name
    for _ in range(4):
        planned = a_patrol(unit(district, STREET).name, routes[0].name)
        planned.leader = me
        district.do(planned, "admin", pb.PlanPatrolResponse)
    out = [underway(district, STREET) for _ in range(4)]
    now = datetime.now(CHINA)
    return {
        "ListPatrols": (pb.ListPatrolsRequest(scope=DISTRICT), pb.ListPatrolsRequest(scope=STREET)),
        "ListPatrolStatistics": tuple(
            pb.ListPatrolStatisticsRequest(scope=place, grouping=PatrolGrouping.PATROL_GROUPING_UNIT, **_around(now))
            for place in (DISTRICT, STREET)
        ),
        "ListOwnPatrols": (pb.ListOwnPatrolsRequest(), pb.ListOwnPatrolsRequest()),
        "ListEntries": tuple(pb.ListEntriesRequest(patrol=each.name) for each in out[:2]),
        "ListAlarms": (pb.ListAlarmsRequest(scope=DISTRICT), pb.ListAlarmsRequest(scope=STREET, show_ended=True)),
        "ListObservations": (
            pb.ListObservationsRequest(scope=DISTRICT),
            pb.ListObservationsRequest(scope=STREET, kinds=[ObservationKind.OBSERVATION_KIND_ICE_DAMMING]),
        ),
        "ListUnits": (pb.ListUnitsRequest(scope=DISTRICT), pb.ListUnitsRequest(scope=STREET)),
        "ListRoutes": (pb.ListRoutesRequest(scope=DISTRICT), pb.ListRoutesRequest(scope=STREET)),
        "ListRouteRevisions": tuple(pb.ListRouteRevisionsRequest(name=each.name) for each in routes[:2]),
        "ListCheckpointCodes": tuple(
            pb.ListCheckpointCodesRequest(route=each.name, show_ended=True) for each in routes[:2]
        ),
        "ListAssets": (
            pb.ListAssetsRequest(scope=DISTRICT),
            pb.ListAssetsRequest(scope=STREET, kinds=[AssetKind.ASSET_KIND_LAMP]),
        ),
        "ListInspections": tuple(pb.ListInspectionsRequest(asset=each.name) for each in assets[:2]),
    }


def _around(now: datetime) -> Mapping[str, str]:
    """The month of this moment, and the one before and after it."""
    month = now.replace(day=15)
    first, last = month - timedelta(days=30), month + timedelta(days=30)
    return {"first_month": f"{first:%Y-%m}", "last_month": f"{last:%Y-%m}"}


def _given(of: Route) -> Mapping[str, object]:
    return {
        "name": of.name,
        "display_name": of.display_name,
        "checkpoints": of.checkpoints,
        "corridor_m": of.corridor_m,
    }


def retiring_unit(district: District) -> tuple[str, Message]:
    new = unit(district)
    return "commander", pb.RetireUnitRequest(name=new.name, etag=new.etag)


def retiring_route(district: District) -> tuple[str, Message]:
    new = route(district)
    return "commander", pb.RetireRouteRequest(name=new.name, etag=new.etag)


def retiring_asset(district: District) -> tuple[str, Message]:
    new = asset(district)
    return "commander", pb.RetireAssetRequest(name=new.name, etag=new.etag)


def planning(district: District) -> tuple[str, Message]:
    return "commander", a_patrol(unit(district).name, route(district).name)


def cancelling(district: District) -> tuple[str, Message]:
    planned = patrol(district)
    return "commander", pb.CancelPatrolRequest(name=planned.name, reason="大雾", etag=planned.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineUnit": lambda _: ("commander", pb.DefineUnitRequest(unit=a_unit(DISTRICT))),
    "RetireUnit": retiring_unit,
    "DefineRoute": lambda _: ("commander", pb.DefineRouteRequest(route=a_route(DISTRICT))),
    "RetireRoute": retiring_route,
    "IssueCheckpointCode": lambda district: ("commander", a_code(route(district).name)),
    "RegisterCheckpointTag": lambda district: ("commander", a_tag(route(district).name)),
    "RetireCheckpointCode": lambda district: (
        "commander",
        pb.RetireCheckpointCodeRequest(name=code(district, route(district).name)),
    ),
    "DefineAsset": lambda _: ("commander", pb.DefineAssetRequest(asset=an_asset(DISTRICT))),
    "RetireAsset": retiring_asset,
    "InspectAsset": lambda district: ("commander", an_inspection(asset(district).name)),
    "RequestRepair": lambda district: ("commander", pb.RequestRepairRequest(name=defect(district), note="尽快")),
    "EscalateInspection": lambda district: (
        "commander",
        pb.EscalateInspectionRequest(name=defect(district), note="急"),
    ),
    "PlanPatrol": planning,
    "CancelPatrol": cancelling,
    "RequestWelfareCheck": lambda district: (
        "commander",
        pb.RequestWelfareCheckRequest(name=underway(district).name, answer_minutes=5),
    ),
    "AcknowledgeAlarm": lambda district: ("commander", pb.AcknowledgeAlarmRequest(name=alarm(district))),
    "EscalateObservation": lambda district: (
        "commander",
        pb.EscalateObservationRequest(name=observation(district).name, note="已疏散"),
    ),
    "CloseAlarm": lambda district: ("commander", pb.CloseAlarmRequest(name=alarm(district), note="已处理")),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineUnit": lambda request: setattr(request.unit, "display_name", "别的"),  # type: ignore[attr-defined]
    "DefineRoute": lambda request: setattr(request.route, "display_name", "别的"),  # type: ignore[attr-defined]
    "IssueCheckpointCode": lambda request: setattr(request, "checkpoint", "other"),
    "RegisterCheckpointTag": lambda request: setattr(request, "meta_read_key", b"m" * 16),
    "RetireCheckpointCode": lambda request: setattr(request, "name", request.name + "7"),  # type: ignore[attr-defined]
    "DefineAsset": lambda request: setattr(request.asset, "display_name", "别的"),  # type: ignore[attr-defined]
    "InspectAsset": lambda request: setattr(request, "note", "别的"),
    "RequestRepair": lambda request: setattr(request, "note", "别的"),
    "EscalateInspection": lambda request: setattr(request, "note", "别的"),
    "PlanPatrol": lambda request: setattr(request, "grace_minutes", 7),
    "CancelPatrol": lambda request: setattr(request, "reason", "别的"),
    "RequestWelfareCheck": lambda request: setattr(request, "answer_minutes", 7),
    "AcknowledgeAlarm": lambda request: setattr(request, "name", request.name + "x"),
    "EscalateObservation": lambda request: setattr(request, "note", "别的"),
    "CloseAlarm": lambda request: setattr(request, "note", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
