"""The statements over assets and their inspections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select, text, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.border.v1.resources_pb2 import AssetCondition, AssetKind
from onegrid.petition.v1.resources_pb2 import State
from onegrid_border.asset import Asset, Inspection
from onegrid_border.tables import asset, inspection
from onegrid_kit import codes
from onegrid_kit.incident_links import incident_in
from onegrid_kit.locations import Location
from onegrid_kit.paging import Position, behind

__all__ = [
    "assets_page",
    "find_asset",
    "insert_inspection",
    "inspections_page",
    "keep_petition",
    "lock_asset",
    "lock_inspection",
    "save_asset",
    "save_defect",
]

_ENTERED: Final = ("asset", "number", "condition", "note", "inspector", "inspect_time", "create_time")
"""What an inspection says, and what is not changed."""
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('asset'), hashtext(:id))")


def find_asset(conn: Connection, id_: str) -> Asset | None:
    """The asset of that id."""
    query = select(asset).where(asset.c.district == codes.district_of(id_), asset.c.id == id_)
    row = conn.execute(query).one_or_none()
    return None if row is None else _asset(row)


def lock_asset(conn: Connection, id_: str) -> Asset | None:
    """The asset of that id, which nobody else defines, retires or inspects until the transaction ends."""
    conn.execute(_LOCK, {"id": id_})
    return find_asset(conn, id_)


def save_asset(conn: Connection, changed: Asset) -> None:
    """Enter an asset, or store it as it is now."""
    values = asdict(changed) | {"course": [[each.longitude, each.latitude] for each in changed.course]}
    statement = insert(asset).values(district=changed.district, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[asset.c.district, asset.c.id],
            set_={name: statement.excluded[name] for name in values if name != "id"},
        )
    )


def insert_inspection(conn: Connection, new: Inspection) -> None:
    """Enter an inspection."""
    values = {name: getattr(new, name) for name in _ENTERED}
    conn.execute(insert(inspection).values(district=codes.district_of(new.asset), **values))


def lock_inspection(conn: Connection, asset_id: str, number: int) -> Inspection | None:
    """The inspection of that number, which nobody else changes until the transaction ends."""
    row = conn.execute(select(inspection).where(*_of(asset_id, number)).with_for_update()).one_or_none()
    return None if row is None else _inspection(row)


def save_defect(conn: Connection, changed: Inspection) -> None:
    """Note when the defect of an inspection went to petition, and to emergency."""
    statement = update(inspection).where(*_of(changed.asset, changed.number))
    conn.execute(statement.values(repair_request_time=changed.repair_request_time, escalate_time=changed.escalate_time))


def keep_petition(conn: Connection, id_: str, petition: str, state: State, sequence: int) -> None:
    """The request for repair of the inspection ``{asset}/{number}`` is that petition; it stands there, unless it has
    come further already.
    """
    i = inspection.c
    newer = i.district == codes.district_of(id_), i.id == id_, i.petition_sequence < sequence
    conn.execute(
        update(inspection)
        .where(*newer)
        .values(petition=petition, petition_state=int(state), petition_sequence=sequence)
    )


def assets_page(
    conn: Connection,
    scope: str,
    kinds: Sequence[AssetKind],
    conditions: Sequence[AssetCondition],
    after: Position,
    limit: int,
) -> list[Asset]:
    """The assets of a place or department and of those inside it that are on the list, by id; of these kinds and in
    these conditions, or of all.
    """
    a = asset.c
    query = select(asset).where(
        a.district == codes.district_of(scope), a.id.startswith(scope), a.retire_time.is_(None), behind(after, a.id)
    )
    if kinds:
        query = query.where(a.kind.in_(kinds))
    if conditions:
        query = query.where(a.condition.in_(conditions))
    return [_asset(row) for row in conn.execute(query.order_by(a.id).limit(limit))]


def inspections_page(conn: Connection, asset_id: str, after: Position, limit: int) -> list[Inspection]:
    """The inspections of an asset, the one entered last first."""
    i = inspection.c
    query = select(inspection).where(
        i.district == codes.district_of(asset_id), i.asset == asset_id, behind(after, i.number, descending=True)
    )
    return [_inspection(row) for row in conn.execute(query.order_by(i.number.desc()).limit(limit))]


def _of(asset_id: str, number: int) -> tuple[ColumnElement[bool], ...]:
    i = inspection.c
    return i.district == codes.district_of(asset_id), i.asset == asset_id, i.number == number


def _asset(row: Any) -> Asset:
    return Asset(
        id=row.id,
        version=row.version,
        kind=row.kind,
        display_name=row.display_name,
        course=tuple(Location(*each) for each in row.course),
        condition=row.condition,
        inspect_time=row.inspect_time,
        inspections=row.inspections,
        retire_time=row.retire_time,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _inspection(row: Any) -> Inspection:
    return Inspection(
        asset=row.asset,
        number=row.number,
        condition=row.condition,
        note=row.note,
        inspector=row.inspector,
        inspect_time=row.inspect_time,
        create_time=row.create_time,
        repair_request_time=row.repair_request_time,
        petition=row.petition,
        petition_state=row.petition_state,
        escalate_time=row.escalate_time,
        incident=incident_in(row),
    )
