"""Defects: brought to petition to be repaired, or to emergency, and followed as what they became there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypedDict

from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2, resources_pb2
from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.petition.v1.events_pb2 import Step
from onegrid_border import messages
from onegrid_border.asset import INSPECTION, Asset, Inspection
from onegrid_border.defect import has_defect, in_words, location_of, place_of
from onegrid_border.errors import AssetRetired, InspectionEscalated, NoDefect, RepairRequested
from onegrid_border.store import assets as store
from onegrid_border.store import cells
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.locations import point
from onegrid_kit.persons import require_nobody

__all__ = ["EscalateInspection", "escalate_inspection", "follow_petition", "inspections_among", "request_repair"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EscalateInspection:
    """What a defect seems to be."""

    name: str
    """``assets/{asset}/inspections/{number}``."""
    kind: IncidentKind
    """Unspecified: an accident."""
    level: IncidentLevel
    note: str


def request_repair(conn: Connection, name: str, note: str, call: Call) -> Inspection:
    """Have petition file a petition of what an inspection found. Raises NotFound, PersonInText, AssetRetired, NoDefect
    or RepairRequested.
    """
    asset, before = _defect(conn, name, note)
    if before.repair_request_time is not None:
        raise RepairRequested(before.name, before.repair_request_time)
    after = replace(before, repair_request_time=call.now)
    store.save_defect(conn, after)
    event = events_pb2.RepairRequested(
        **_found(conn, asset, after, note), requester=call.caller.user, requester_kind=call.caller.kind
    )
    outbox.append(conn, call, [(after.name, event)])
    return after


def escalate_inspection(conn: Connection, command: EscalateInspection, call: Call) -> Inspection:
    """Have emergency make an incident of what an inspection found. Raises NotFound, PersonInText, AssetRetired,
    NoDefect or InspectionEscalated.
    """
    asset, before = _defect(conn, command.name, command.note)
    if before.escalate_time is not None:
        raise InspectionEscalated(before.name, before.escalate_time)
    after = replace(before, escalate_time=call.now)
    store.save_defect(conn, after)
    event = events_pb2.InspectionEscalated(
        **_found(conn, asset, after, command.note),
        incident_kind=command.kind or IncidentKind.INCIDENT_KIND_ACCIDENT,
        incident_level=command.level,
        reporter=call.caller.user,
    )
    outbox.append(conn, call, [(after.name, event)])
    return after


def follow_petition(conn: Connection, step: Step) -> None:
    """Note which petition a request for repair has become, and where that stands; in whatever order the steps come."""
    for id_ in inspections_among([step.origin]):
        store.keep_petition(conn, id_, step.petition, step.state, step.sequence)


def inspections_among(names: Sequence[str]) -> list[str]:
    """The ids, ``{asset}/{number}``, of those of these names that are of inspections."""
    return ["/".join(INSPECTION.ids(name)) for name in names if name.startswith("assets/")]


def _defect(conn: Connection, name: str, note: str) -> tuple[Asset, Inspection]:
    """An asset, and an inspection that found something wrong with it; nobody else changes them."""
    require_nobody(partial(cells.known_cells, conn), note=note)
    id_, number = INSPECTION.ids(name)
    asset = store.lock_asset(conn, id_)
    inspection = store.lock_inspection(conn, id_, int(number))
    if asset is None or inspection is None:
        raise NotFound(name)
    if asset.retire_time is not None:
        raise AssetRetired(asset.name)
    if not has_defect(asset, inspection):
        raise NoDefect(inspection.name)
    return asset, inspection


class _Found(TypedDict):
    """What both events say."""

    inspection: resources_pb2.Inspection
    asset: resources_pb2.Asset
    text: str
    location: Point | None
    place: str


def _found(conn: Connection, asset: Asset, inspection: Inspection, note: str) -> _Found:
    location = location_of(asset)
    return {
        "inspection": messages.inspection(inspection),
        "asset": messages.asset(asset),
        "text": in_words(asset, inspection, note),
        "location": point(location),
        "place": place_of(asset, cells.cell_at(conn, asset.district, location)),
    }
