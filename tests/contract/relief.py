"""What the tests of all contracts do with resources, supplies and reservations."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import relief_pb2 as pb
from onegrid_demo.loading import STREET

from .acting import DISTRICT
from .calling import District
from .emergencies import reported

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists", "reserved", "stocked", "team"]

_numbers = itertools.count(1)
_HERE = Point(longitude=124.4, latitude=40.14)


def a_team(office: str) -> pb.Resource:
    """A team that is not entered yet."""
    details = pb.Team(kind=pb.TeamKind.TEAM_KIND_FLOOD, members=12)
    return pb.Resource(name=f"teams/{office}-t{next(_numbers)}", display_name="抢险队", home=_HERE, team=details)


def team(district: District, office: str = DISTRICT) -> pb.Resource:
    """A new team."""
    request = pb.DefineResourceRequest(resource=a_team(office))
    return district.do(request, "admin", pb.DefineResourceResponse).resource


def depot(district: District, office: str = DISTRICT) -> pb.Resource:
    """A new depot."""
    new = pb.Resource(name=f"depots/{office}-d{next(_numbers)}", display_name="物资库", depot=pb.Depot())
    request = pb.DefineResourceRequest(resource=new)
    return district.do(request, "admin", pb.DefineResourceResponse).resource


def a_stock(of: str, word: str = "sandbags") -> pb.Stock:
    """A supply that is not entered yet."""
    return pb.Stock(name=f"{of}/stocks/{word}", display_name="沙袋", unit="袋", minimum=10)


def stocked(district: District, of: str, word: str = "sandbags") -> pb.Stock:
    """A new supply of a depot, of which there are 100."""
    stock = a_stock(of, word)
    district.do(pb.DefineStockRequest(stock=stock), "admin", pb.DefineStockResponse)
    request = pb.MoveStockRequest(name=stock.name, kind=pb.STOCK_MOVEMENT_KIND_IN, quantity=100)
    return district.do(request, "admin", pb.MoveStockResponse).stock


def to_reserve(district: District, resource: str) -> pb.ReserveResourceRequest:
    """A request to reserve it for a new incident."""
    return pb.ReserveResourceRequest(incident=reported(district, DISTRICT).incident, resource=resource)


def reserved(district: District, office: str = DISTRICT) -> pb.Reservation:
    """A new team that is reserved."""
    request = to_reserve(district, team(district, office).name)
    return district.do(request, "admin", pb.ReserveResourceResponse).reservation


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    name, stock = f"teams/{place}-none", f"depots/{place}-none/stocks/none"
    reservation = f"reservations/{place}-00000000000000000000"
    if there:
        name = team(district, place).name
        stock = stocked(district, depot(district, place).name).name
        reservation = reserved(district, place).name
    store = stock.partition("/stocks/")[0]
    yield pb.DefineResourceRequest(resource=pb.Resource(name=name, display_name="x", team=a_team(place).team))
    yield pb.RetireResourceRequest(name=name)
    yield pb.GetResourceRequest(name=name)
    yield pb.ListResourcesRequest(place=place)
    yield pb.LocateResourcesRequest(place=place, location=_HERE, kinds=[pb.RESOURCE_KIND_TEAM], patrol_units=True)
    yield pb.ReportPositionRequest(name=name, position=_HERE)
    yield pb.DefineStockRequest(stock=a_stock(store))
    yield pb.ListStocksRequest(parent=store)
    yield pb.MoveStockRequest(name=stock, kind=pb.STOCK_MOVEMENT_KIND_IN, quantity=1)
    yield pb.ListStockMovementsRequest(parent=stock)
    yield pb.ReserveResourceRequest(incident=f"incidents/{DISTRICT}-20201111-00000000", resource=name)
    yield pb.ConfirmReservationRequest(name=reservation)
    yield pb.ProlongReservationRequest(name=reservation)
    yield pb.ReleaseReservationRequest(name=reservation)
    yield pb.GetReservationRequest(name=reservation)
    yield pb.ListReservationsRequest(office=place)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    depots = [depot(district, STREET).name for _ in range(2)]
    stocks = [stocked(district, name, f"sandbags{n}").name for name in depots for n in range(4)]
    for name in (*stocks[:1] * 3, *stocks[-1:]):
        count = pb.MoveStockRequest(name=name, kind=pb.STOCK_MOVEMENT_KIND_CORRECTION, quantity=90)
        district.do(count, "admin", pb.MoveStockResponse)
    for _ in range(4):
        reserved(district, STREET)
    return {
        "ListResources": (
            pb.ListResourcesRequest(place=DISTRICT),
            pb.ListResourcesRequest(place=STREET, kinds=[pb.RESOURCE_KIND_DEPOT]),
        ),
        "ListStocks": tuple(pb.ListStocksRequest(parent=name) for name in depots),
        "ListStockMovements": tuple(pb.ListStockMovementsRequest(parent=name) for name in (stocks[0], stocks[-1])),
        "ListReservations": (
            pb.ListReservationsRequest(office=DISTRICT),
            pb.ListReservationsRequest(office=STREET, show_ended=True),
        ),
    }


def to_retire(district: District) -> tuple[str, Message]:
    new = team(district)
    return "commander", pb.RetireResourceRequest(name=new.name, etag=new.etag)


def confirming(district: District) -> tuple[str, Message]:
    held = reserved(district)
    return "commander", pb.ConfirmReservationRequest(name=held.name, etag=held.etag)


def prolonging(district: District) -> tuple[str, Message]:
    held = reserved(district)
    return "commander", pb.ProlongReservationRequest(name=held.name, etag=held.etag, hold_minutes=600)


def releasing(district: District) -> tuple[str, Message]:
    held = reserved(district)
    return "commander", pb.ReleaseReservationRequest(name=held.name, etag=held.etag)


def reserving(district: District) -> tuple[str, Message]:
    return "commander", to_reserve(district, stocked(district, depot(district).name).name)


def moving(district: District) -> tuple[str, Message]:
    stock = stocked(district, depot(district).name)
    return "commander", pb.MoveStockRequest(name=stock.name, kind=pb.STOCK_MOVEMENT_KIND_OUT, quantity=1)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineResource": lambda _: ("commander", pb.DefineResourceRequest(resource=a_team(DISTRICT))),
    "RetireResource": to_retire,
    "ReportPosition": lambda district: (
        "commander",
        pb.ReportPositionRequest(name=team(district).name, position=_HERE),
    ),
    "DefineStock": lambda district: ("commander", pb.DefineStockRequest(stock=a_stock(depot(district).name))),
    "MoveStock": moving,
    "ReserveResource": reserving,
    "ConfirmReservation": confirming,
    "ProlongReservation": prolonging,
    "ReleaseReservation": releasing,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineResource": lambda request: setattr(request.resource, "display_name", "别的"),  # type: ignore[attr-defined]
    "ReportPosition": lambda request: setattr(request.position, "latitude", 41.0),  # type: ignore[attr-defined]
    "DefineStock": lambda request: setattr(request.stock, "display_name", "别的"),  # type: ignore[attr-defined]
    "MoveStock": lambda request: setattr(request, "quantity", 2),
    "ReserveResource": lambda request: setattr(request, "hold_minutes", 7),
}
"""Something of each request that can be other without breaking its rules."""
