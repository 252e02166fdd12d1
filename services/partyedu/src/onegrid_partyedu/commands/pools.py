"""Item pools and items: entered, changed by new revisions, taken out of use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_partyedu.drawing import shortage
from onegrid_partyedu.errors import ItemInUse, ItemLimitReached
from onegrid_partyedu.item import MOST_ITEMS, POOL, Item, ItemRef, ItemRevision, Pool, violations_of
from onegrid_partyedu.store import pools as store
from onegrid_partyedu.store import quizzes
from onegrid_partyedu.store.known import known_cells

__all__ = ["DefinePool", "define_item", "define_pool", "retire_item"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinePool:
    """A pool as it is to be."""

    id: str
    display_name: str
    description: str
    etag: str


def define_pool(conn: Connection, command: DefinePool, call: Call) -> Pool:
    """Enter a pool, or make it what it is to be. Raises StaleEtag or PersonInText."""
    texts = {"pool.display_name": command.display_name, "pool.description": command.description}
    require_nobody(partial(known_cells, conn), **texts)
    store.lock_authoring(conn, codes.district_of(command.id))
    before = store.lock_pool(conn, command.id)
    require_fresh(POOL.name(command.id), "" if before is None else before.etag, command.etag)
    if before is None:
        after = Pool(
            id=command.id,
            display_name=command.display_name,
            description=command.description,
            create_time=call.now,
            update_time=call.now,
        )
    else:
        after = replace(before, display_name=command.display_name, description=command.description)
        if after == before:
            return before
        after = _next(after, call)
    store.save_pool(conn, after)
    return after


def define_item(conn: Connection, asked: ItemRevision, etag: str, call: Call) -> Item:
    """Enter an item, or make its next revision, and have it in use. Raises NotFound, StaleEtag, ItemLimitReached or
    PersonInText; InvalidRequest for its options, key or kind.
    """
    require_nobody(partial(known_cells, conn), **dict(_texts(asked)))
    of = _locked(conn, asked.ref.pool)
    before = store.find_item(conn, asked.ref)
    require_fresh(asked.ref.name, "" if before is None else before.etag, etag)
    wrong = [FieldViolation(f"item.{field}", what) for field, what in violations_of(asked)]
    if before is not None and before.revision.kind != asked.kind:
        wrong.append(FieldViolation("item.kind", "is another than in the revisions before"))
    if wrong:
        raise InvalidRequest(*wrong)
    if before is None:
        if store.count_items(conn, of.id) >= MOST_ITEMS:
            raise ItemLimitReached(of.name, MOST_ITEMS)
        after = Item(revision=asked)
    else:
        after = _revised(before, asked)
        if after == before:
            return before
    if before is None or after.revision.number > before.revision.number:
        store.add_revision(conn, after.revision)
    store.save_item(conn, after)
    used_before = before is not None and before.retire_time is None
    store.save_pool(conn, _next(replace(of, item_count=of.item_count + (not used_before)), call))
    return after


def retire_item(conn: Connection, ref: ItemRef, etag: str, call: Call) -> Item:
    """Take an item out of use. Raises NotFound, StaleEtag or ItemInUse."""
    store.lock_authoring(conn, ref.district)
    of = _locked(conn, ref.pool)
    before = store.find_item(conn, ref)
    if before is None:
        raise NotFound(ref.name)
    require_fresh(before.name, before.etag, etag)
    if before.retire_time is not None:
        return before
    after = replace(before, version=before.version + 1, retire_time=call.now)
    store.save_item(conn, after)
    in_need = [
        quiz.name
        for quiz in quizzes.published_with(conn, ref.pool)
        if shortage(quiz.revision, store.candidates_of(conn, quiz.revision.pools))
    ]
    if in_need:
        raise ItemInUse(before.name, in_need)
    store.save_pool(conn, _next(replace(of, item_count=of.item_count - 1), call))
    return after


def _revised(before: Item, asked: ItemRevision) -> Item:
    """The item with its next revision, if that is another; in use in any case."""
    same = replace(asked, number=before.revision.number, create_time=before.revision.create_time)
    if same == before.revision:
        if before.retire_time is None:
            return before
        return replace(before, version=before.version + 1, retire_time=None)
    number = before.revision.number + 1
    return replace(before, version=before.version + 1, revision=replace(asked, number=number), retire_time=None)


def _locked(conn: Connection, id_: str) -> Pool:
    found = store.lock_pool(conn, id_)
    if found is None:
        raise NotFound(POOL.name(id_))
    return found


def _next(of: Pool, call: Call) -> Pool:
    return replace(of, version=of.version + 1, update_time=call.now)


def _texts(of: ItemRevision) -> Iterator[tuple[str, str]]:
    yield "item.stem", of.stem
    yield "item.explanation", of.explanation
    for position, option in enumerate(of.options):
        yield f"item.options[{position}].text", option.text
