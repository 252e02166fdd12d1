"""Who sends and issues warnings in these tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel, Point
from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid_emergency.store.places import keep_place
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.testing.api import Serving

from ..cap.documents import SENDER
from .people import CELL, COMMANDER, DISTRICT, OTHER_CELL

__all__ = ["SOURCE", "WEATHER", "area", "content", "define_source", "lay_ground", "receive", "sender", "warning"]

SOURCE = f"warningSources/{DISTRICT}-meteorology"


def sender(name: str) -> Caller:
    """A service account that may send warnings."""
    grant = Grant(DISTRICT, OaLevel.OA_LEVEL_UNSPECIFIED, frozenset({"emergency.warnings.receive"}))
    return Caller(user=f"users/{name}", session="s", kind=AccountKind.ACCOUNT_KIND_SERVICE, grants=(grant,))


WEATHER = sender("weather1")


def lay_ground(engine: Engine) -> None:
    """Two cells side by side, which share an edge at 124.5 degrees east."""
    with engine.begin() as conn:
        keep_place(conn, DISTRICT, 1, "元宝区")
        for code, west in ((CELL, 124.4), (OTHER_CELL, 124.5)):
            east, south, north = west + 0.1, 40.1, 40.2
            corners = [(west, south), (east, south), (east, north), (west, north)]
            keep_place(conn, code, 1, "网格", boundary=corners)


async def define_source(api: Serving, etag: str = "", **fields: Any) -> pb.WarningSource:
    """Define the weather service, or another."""
    given = {"name": SOURCE, "display_name": "丹东市气象台", "sender": SENDER, "account": WEATHER.user, **fields}
    source: pb.WarningSource = (await api.call(COMMANDER, "DefineWarningSource", source=given, etag=etag)).source
    return source


async def receive(api: Serving, document: bytes, by: Caller = WEATHER) -> pb.ReceiveWarningResponse:
    """Send a message."""
    answer: pb.ReceiveWarningResponse = await api.call(by, "ReceiveWarning", district=DISTRICT, document=document)
    return answer


async def warning(api: Serving, name: str) -> pb.Warning:
    """The warning as it is now."""
    found: pb.Warning = (await api.call(COMMANDER, "GetWarning", name=name)).warning
    return found


def area(west: float = 124.42, east: float = 124.48, **fields: Any) -> pb.WarningArea:
    """A square inside of a cell."""
    points = [(west, 40.12), (east, 40.12), (east, 40.18), (west, 40.18), (west, 40.12)]
    polygon = pb.WarningPolygon(points=[Point(longitude=x, latitude=y) for x, y in points])
    return pb.WarningArea(**{"description": "江沿街道", "polygons": [polygon], **fields})


def content(**fields: Any) -> pb.WarningContent:
    """What the district says."""
    given: dict[str, Any] = {
        "categories": [pb.CAP_CATEGORY_MET],
        "event": "洪水",
        "colour": pb.WARNING_COLOUR_RED,
        "urgency": pb.CAP_URGENCY_IMMEDIATE,
        "certainty": pb.CAP_CERTAINTY_OBSERVED,
        "headline": "江堤渗水，请立即撤离",
        "description": "江沿街道堤段出现管涌。",
        "instruction": "到第三小学避险。",
        "areas": [area()],
    }
    return pb.WarningContent(**{**given, **fields})
