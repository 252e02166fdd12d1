"""The statements over item pools and items."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.pools_pb2 import ItemKind
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.drawing import Candidate
from onegrid_partyedu.item import Item, ItemRef, ItemRevision, Option, Pool
from onegrid_partyedu.tables import item, item_revision, pool

__all__ = [
    "add_revision",
    "candidates_of",
    "count_items",
    "find_item",
    "find_pool",
    "item_revisions",
    "items_page",
    "lock_authoring",
    "lock_pool",
    "pools_page",
    "retired_among",
    "revisions_page",
    "save_item",
    "save_pool",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('partyedu authoring'), hashtext(:district))")
_REVISIONS: Final = text(
    """
    SELECT item_revision.* FROM item_revision JOIN unnest(
      CAST(:districts AS text[]), CAST(:pools AS text[]), CAST(:items AS text[]), CAST(:numbers AS integer[])
    ) AS wanted (district, pool, item, number) USING (district, pool, item, number)
    """
)


def lock_authoring(conn: Connection, district: str) -> None:
    """Have nobody else enter or change the district's pools and quizzes, or retire items, until the transaction ends;
    items can be entered meanwhile.
    """
    conn.execute(_LOCK, {"district": district})


def find_pool(conn: Connection, id_: str) -> Pool | None:
    """The pool of that id."""
    row = conn.execute(_pool(id_)).one_or_none()
    return None if row is None else _as_pool(row)


def lock_pool(conn: Connection, id_: str) -> Pool | None:
    """The pool of that id; nobody else changes it or its items until the transaction ends."""
    row = conn.execute(_pool(id_).with_for_update()).one_or_none()
    return None if row is None else _as_pool(row)


def save_pool(conn: Connection, changed: Pool) -> None:
    """Enter a pool, or store it as it is now."""
    values = {
        "version": changed.version,
        "display_name": changed.display_name,
        "description": changed.description,
        "item_count": changed.item_count,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(pool).values(district=codes.district_of(changed.id), id=changed.id, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(pool.primary_key), set_=values))


def pools_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Pool]:
    """The pools of a place or department and of those inside it, by id."""
    p = pool.c
    query = select(pool).where(p.district == codes.district_of(scope), p.id.startswith(scope), behind(after, p.id))
    return [_as_pool(row) for row in conn.execute(query.order_by(p.id).limit(limit))]


def find_item(conn: Connection, ref: ItemRef, revision: int = 0) -> Item | None:
    """The item, in its current revision or that one."""
    r = item_revision.c
    number = r.number == (revision or item.c.revision)
    query = _items(number).where(item.c.district == ref.district, item.c.pool == ref.pool, item.c.id == ref.item)
    row = conn.execute(query).one_or_none()
    return None if row is None else _item(row)


def count_items(conn: Connection, id_: str) -> int:
    """How many items a pool has, retired ones included."""
    query = select(func.count()).where(item.c.district == codes.district_of(id_), item.c.pool == id_)
    return conn.execute(query).scalar_one()


def save_item(conn: Connection, changed: Item) -> None:
    """Enter an item, or store what it is now; its revisions have a statement of their own."""
    ref = changed.ref
    values = {
        "version": changed.version,
        "revision": changed.revision.number,
        "kind": changed.revision.kind,
        "retire_time": changed.retire_time,
    }
    statement = insert(item).values(district=ref.district, pool=ref.pool, id=ref.item, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=list(item.primary_key), set_=values))


def add_revision(conn: Connection, new: ItemRevision) -> None:
    """Enter a revision of an item."""
    values = {
        "district": new.ref.district,
        "pool": new.ref.pool,
        "item": new.ref.item,
        "number": new.number,
        "kind": new.kind,
        "stem": new.stem,
        "option_ids": [each.id for each in new.options],
        "option_texts": [each.text for each in new.options],
        "key": list(new.key),
        "explanation": new.explanation,
        "points": new.points,
        "create_time": new.create_time,
    }
    conn.execute(insert(item_revision).values(values))


def items_page(conn: Connection, id_: str, kind: ItemKind, *, retired: bool, after: Position, limit: int) -> list[Item]:
    """The items of a pool in their current revisions, by id."""
    i = item.c
    query = _items(item_revision.c.number == i.revision).where(
        i.district == codes.district_of(id_), i.pool == id_, behind(after, i.id)
    )
    if kind:
        query = query.where(i.kind == kind)
    if not retired:
        query = query.where(i.retire_time.is_(None))
    return [_item(row) for row in conn.execute(query.order_by(i.id).limit(limit))]


def revisions_page(conn: Connection, ref: ItemRef, after: Position, limit: int) -> list[Item]:
    """An item in its revisions, the latest first."""
    i, r = item.c, item_revision.c
    query = _items(r.number > 0).where(i.district == ref.district, i.pool == ref.pool, i.id == ref.item)
    query = query.where(behind(after, r.number, descending=True))
    return [_item(row) for row in conn.execute(query.order_by(r.number.desc()).limit(limit))]


def item_revisions(
    conn: Connection, wanted: Collection[tuple[ItemRef, int]]
) -> dict[tuple[ItemRef, int], ItemRevision]:
    """These revisions, with their keys: what answers are scored by. A revision never changes."""
    if not wanted:
        return {}
    keys = {
        "districts": [ref.district for ref, _ in wanted],
        "pools": [ref.pool for ref, _ in wanted],
        "items": [ref.item for ref, _ in wanted],
        "numbers": [number for _, number in wanted],
    }
    found = [_revision(row) for row in conn.execute(_REVISIONS, keys)]
    return {(each.ref, each.number): each for each in found}


def candidates_of(conn: Connection, pools: Collection[str]) -> dict[str, list[Candidate]]:
    """The items in use of each of these pools, for drawing. They are the same while `Pool.version` is."""
    i, r = item.c, item_revision.c
    found: dict[str, list[Candidate]] = {id_: [] for id_ in pools}
    if not found:
        return found
    query = (
        select(i.pool, i.id, i.revision, i.kind, r.points, r.option_ids)
        .join(item_revision, _same_item() & (r.number == i.revision))
        .where(i.district.in_({codes.district_of(id_) for id_ in found}), i.pool.in_(found), i.retire_time.is_(None))
    )
    for row in conn.execute(query):
        ref = ItemRef(row.pool, row.id)
        found[row.pool].append(Candidate(ref, row.revision, row.kind, row.points, tuple(row.option_ids)))
    return found


def retired_among(conn: Connection, refs: Collection[ItemRef]) -> dict[ItemRef, bool]:
    """Of these items, those that there are, and whether they are retired."""
    if not refs:
        return {}
    i = item.c
    query = select(i.pool, i.id, i.retire_time).where(
        tuple_(i.district, i.pool, i.id).in_([(ref.district, ref.pool, ref.item) for ref in refs])
    )
    return {ItemRef(row.pool, row.id): row.retire_time is not None for row in conn.execute(query)}


def _pool(id_: str) -> Select[Any]:
    return select(pool).where(pool.c.district == codes.district_of(id_), pool.c.id == id_)


def _as_pool(row: Any) -> Pool:
    return Pool(
        id=row.id,
        version=row.version,
        display_name=row.display_name,
        description=row.description,
        item_count=row.item_count,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _same_item() -> Any:
    i, r = item.c, item_revision.c
    return (r.district == i.district) & (r.pool == i.pool) & (r.item == i.id)


def _items(number: Any) -> Select[Any]:
    """Items with those of their revisions."""
    return select(item_revision, item.c.version, item.c.retire_time).join(item, _same_item() & number)


def _item(row: Any) -> Item:
    return Item(version=row.version, revision=_revision(row), retire_time=row.retire_time)


def _revision(row: Any) -> ItemRevision:
    return ItemRevision(
        ref=ItemRef(row.pool, row.item),
        number=row.number,
        kind=row.kind,
        stem=row.stem,
        options=tuple(map(Option, row.option_ids, row.option_texts)),
        key=tuple(row.key),
        explanation=row.explanation,
        points=row.points,
        create_time=row.create_time,
    )
