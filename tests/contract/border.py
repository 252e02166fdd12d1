"""What the tests of all contracts do with border's."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid.border.v1.resources_pb2 import Asset, AssetCondition, AssetKind, Checkpoint, Route, Unit
from onegrid.common.v1.common_pb2 import Point
from onegrid_demo.loading import STREET

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)
_HERE = Point(longitude=124.39, latitude=40.12)


def a_unit(office: str) -> Unit:
    """A unit that is not entered yet."""
    return Unit(name=f"units/{office}-u{next(_numbers)}", display_name="江桥分队")


def a_route(office: str) -> Route:
    """A route that is not entered yet."""
    point = Checkpoint(id="pier", display_name="码头", location=_HERE, tolerance_m=50, tolerance_minutes=10)
    return Route(name=f"routes/{office}-r{next(_numbers)}", display_name="东段", checkpoints=[point])


def an_asset(office: str) -> Asset:
    """An asset that is not entered yet."""
    name = f"assets/{office}-a{next(_numbers)}"
    return Asset(name=name, kind=AssetKind.ASSET_KIND_LAMP, display_name="照明灯", course=[_HERE])


def unit(district: District, office: str = DISTRICT) -> Unit:
    """A new unit."""
    return district.do(pb.DefineUnitRequest(unit=a_unit(office)), "admin", pb.DefineUnitResponse).unit


def route(district: District, office: str = DISTRICT) -> Route:
    """A new route."""
    return district.do(pb.DefineRouteRequest(route=a_route(office)), "admin", pb.DefineRouteResponse).route


def asset(district: District, office: str = DISTRICT) -> Asset:
    """A new asset."""
    return district.do(pb.DefineAssetRequest(asset=an_asset(office)), "admin", pb.DefineAssetResponse).asset


def an_inspection(name: str) -> pb.InspectAssetRequest:
    """How an asset was found."""
    return pb.InspectAssetRequest(name=name, condition=AssetCondition.ASSET_CONDITION_SOUND, note="完好")


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    a, b, c = a_unit(place), a_route(place), an_asset(place)
    if there:
        a, b, c = unit(district, place), route(district, place), asset(district, place)
    yield pb.DefineUnitRequest(unit=a)
    yield pb.RetireUnitRequest(name=a.name)
    yield pb.GetUnitRequest(name=a.name)
    yield pb.ListUnitsRequest(scope=place)
    yield pb.DefineRouteRequest(route=b)
    yield pb.RetireRouteRequest(name=b.name)
    yield pb.GetRouteRequest(name=b.name)
    yield pb.ListRoutesRequest(scope=place)
    yield pb.ListRouteRevisionsRequest(name=b.name)
    yield pb.DefineAssetRequest(asset=c)
    yield pb.RetireAssetRequest(name=c.name)
    yield an_inspection(c.name)
    yield pb.GetAssetRequest(name=c.name)
    yield pb.ListAssetsRequest(scope=place)
    yield pb.ListInspectionsRequest(asset=c.name)


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
    return {
        "ListUnits": (pb.ListUnitsRequest(scope=DISTRICT), pb.ListUnitsRequest(scope=STREET)),
        "ListRoutes": (pb.ListRoutesRequest(scope=DISTRICT), pb.ListRoutesRequest(scope=STREET)),
        "ListRouteRevisions": tuple(pb.ListRouteRevisionsRequest(name=each.name) for each in routes[:2]),
        "ListAssets": (
            pb.ListAssetsRequest(scope=DISTRICT),
            pb.ListAssetsRequest(scope=STREET, kinds=[AssetKind.ASSET_KIND_LAMP]),
        ),
        "ListInspections": tuple(pb.ListInspectionsRequest(asset=each.name) for each in assets[:2]),
    }


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


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineUnit": lambda _: ("commander", pb.DefineUnitRequest(unit=a_unit(DISTRICT))),
    "RetireUnit": retiring_unit,
    "DefineRoute": lambda _: ("commander", pb.DefineRouteRequest(route=a_route(DISTRICT))),
    "RetireRoute": retiring_route,
    "DefineAsset": lambda _: ("commander", pb.DefineAssetRequest(asset=an_asset(DISTRICT))),
    "RetireAsset": retiring_asset,
    "InspectAsset": lambda district: ("commander", an_inspection(asset(district).name)),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineUnit": lambda request: setattr(request.unit, "display_name", "别的"),  # type: ignore[attr-defined]
    "DefineRoute": lambda request: setattr(request.route, "display_name", "别的"),  # type: ignore[attr-defined]
    "DefineAsset": lambda request: setattr(request.asset, "display_name", "别的"),  # type: ignore[attr-defined]
    "InspectAsset": lambda request: setattr(request, "note", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
