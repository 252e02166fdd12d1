"""Assets: defined, inspected, taken off the list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from onegrid.border.v1 import events_pb2
from onegrid.border.v1.resources_pb2 import AssetCondition, AssetKind
from onegrid_border import messages
from onegrid_border.asset import ASSET, Asset, Inspection
from onegrid_border.errors import AssetRetired
from onegrid_border.store import assets as store
from onegrid_border.store.cells import known_cells
from onegrid_kit import outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.locations import Location
from onegrid_kit.persons import require_nobody

__all__ = ["DefineAsset", "InspectAsset", "define_asset", "inspect_asset", "retire_asset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineAsset:
    """An asset as it is to be."""

    id: str
    kind: AssetKind
    display_name: str
    course: tuple[Location, ...]
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectAsset:
    """How an asset was found."""

    asset: str
    """The asset's id."""
    condition: AssetCondition
    note: str
    inspect_time: datetime | None
    """None: now."""


def define_asset(conn: Connection, command: DefineAsset, call: Call) -> Asset:
    """Enter an asset, or change its description. Raises StaleEtag."""
    before = store.lock_asset(conn, command.id)
    require_fresh(ASSET.name(command.id), "" if before is None else before.etag, command.etag)
    if before is None:
        after = Asset(
            id=command.id,
            kind=command.kind,
            display_name=command.display_name,
            course=command.course,
            create_time=call.now,
            update_time=call.now,
        )
    else:
        after = replace(
            before,
            kind=command.kind,
            display_name=command.display_name,
            course=command.course,
            retire_time=None,
        )
        if after == before:
            return before
        after = replace(after, version=before.version + 1, update_time=call.now)
    store.save_asset(conn, after)
    return after


def retire_asset(conn: Connection, asset: str, etag: str, call: Call) -> Asset:
    """Take an asset off the list. Raises NotFound or StaleEtag."""
    before = store.lock_asset(conn, asset)
    if before is None:
        raise NotFound(ASSET.name(asset))
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    after = replace(before, version=before.version + 1, retire_time=call.now, update_time=call.now)
    store.save_asset(conn, after)
    return after


def inspect_asset(conn: Connection, command: InspectAsset, call: Call) -> tuple[Inspection, Asset]:
    """Enter an inspection; it, and the asset as it is then. Raises NotFound, AssetRetired, PersonInText, or
    InvalidRequest for a time that lies ahead.
    """
    time = command.inspect_time or call.now
    if time > call.now + CLOCKS_DIFFER:
        raise InvalidRequest(FieldViolation("inspect_time", "lies ahead"))
    require_nobody(partial(known_cells, conn), note=command.note)
    before = store.lock_asset(conn, command.asset)
    if before is None:
        raise NotFound(ASSET.name(command.asset))
    if before.retire_time is not None:
        raise AssetRetired(before.name)
    new = Inspection(
        asset=before.id,
        number=before.inspections + 1,
        condition=command.condition,
        note=command.note,
        inspector=call.caller.user,
        inspect_time=time,
        create_time=call.now,
    )
    after = before.inspected(new)
    store.insert_inspection(conn, new)
    store.save_asset(conn, after)
    event = events_pb2.AssetInspected(
        asset=messages.asset(after), inspection=messages.inspection(new), former_condition=before.condition
    )
    outbox.append(conn, call, [(after.name, event)])
    return new, after
