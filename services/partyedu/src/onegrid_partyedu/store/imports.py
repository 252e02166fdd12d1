"""The statements over imports and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.imports_pb2 import ImportOutcome, ImportState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.importing import Decision, Import, Row, RowError
from onegrid_partyedu.tables import import_row, imports

__all__ = [
    "add_import",
    "count_open",
    "count_outcomes",
    "find_import",
    "forget_imports",
    "forget_names",
    "imports_page",
    "lock_import",
    "lock_starting",
    "rows_after",
    "rows_page",
    "save_decisions",
    "save_import",
    "waiting_since",
]


_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('partyedu imports'), hashtext(:district))")


def lock_starting(conn: Connection, district: str) -> None:
    """Have nobody else start an import of the district until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def count_open(conn: Connection, district: str) -> int:
    """How many imports of the district are neither applied nor discarded."""
    i = imports.c
    query = select(func.count()).where(i.district == district, i.end_time.is_(None))
    return conn.execute(query).scalar_one()


def add_import(conn: Connection, new: Import, rows: Sequence[Row]) -> None:
    """Store an import that begins, with its rows."""
    conn.execute(insert(imports).values(district=new.district, **asdict(new)))
    key = {"district": new.district, "import": new.id}
    conn.execute(insert(import_row), [key | asdict(each) | {"sealed_name": each.sealed_name or None} for each in rows])


def find_import(conn: Connection, id_: str) -> Import | None:
    """The import of that id."""
    i = imports.c
    row = conn.execute(select(imports).where(i.district == codes.district_of(id_), i.id == id_)).one_or_none()
    return None if row is None else _import(row)


def lock_import(conn: Connection, id_: str) -> Import | None:
    """The import of that id, which nobody else changes until the transaction ends."""
    i = imports.c
    query = select(imports).where(i.district == codes.district_of(id_), i.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _import(row)


def save_import(conn: Connection, changed: Import) -> None:
    """Store an import as it is now."""
    i = imports.c
    values = asdict(changed)
    id_ = values.pop("id")
    conn.execute(update(imports).where(i.district == changed.district, i.id == id_).values(**values))


def imports_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Import]:
    """The imports of a place or department and of those inside it, the latest first."""
    i = imports.c
    query = select(imports).where(
        i.district == codes.district_of(scope),
        i.scope.startswith(scope, autoescape=True),
        behind(after, i.create_time, i.id, descending=True),
    )
    return [_import(row) for row in conn.execute(query.order_by(i.create_time.desc(), i.id.desc()).limit(limit))]


def rows_after(conn: Connection, of: Import, after: int, most: int) -> list[Row]:
    """The next rows of an import."""
    r = import_row.c
    query = select(import_row).where(r.district == of.district, r["import"] == of.id, r.row > after)
    return [_row(row) for row in conn.execute(query.order_by(r.row).limit(most))]


def rows_page(conn: Connection, of: Import, outcome: ImportOutcome, after: Position, limit: int) -> list[Row]:
    """The rows of an import, in the order of the file."""
    r = import_row.c
    query = select(import_row).where(r.district == of.district, r["import"] == of.id, behind(after, r.row))
    if outcome:
        query = query.where(r.outcome == outcome)
    return [_row(row) for row in conn.execute(query.order_by(r.row).limit(limit))]


def save_decisions(conn: Connection, of: Import, decided: Sequence[tuple[Row, Decision]]) -> None:
    """Store what rows do."""
    r = import_row.c
    statement = (
        update(import_row)
        .where(r.district == of.district, r["import"] == of.id, r.row == bindparam("at_row"))
        .values(outcome=bindparam("decided"), errors=bindparam("wrong"))
    )
    conn.execute(
        statement,
        [
            {"at_row": row.row, "decided": decision.outcome, "wrong": [asdict(each) for each in decision.errors]}
            for row, decision in decided
        ],
    )


def count_outcomes(conn: Connection, of: Import) -> dict[ImportOutcome, int]:
    """How many rows have which outcome."""
    r = import_row.c
    query = (
        select(r.outcome, func.count().label("times"))
        .where(r.district == of.district, r["import"] == of.id)
        .group_by(r.outcome)
    )
    return {row.outcome: row.times for row in conn.execute(query)}


def forget_names(conn: Connection, of: Import) -> None:
    """Delete the names that an import's rows hold."""
    r = import_row.c
    rows = (r.district == of.district) & (r["import"] == of.id)
    conn.execute(update(import_row).where(rows).values(sealed_name=None, name_index=b"", user=""))


def waiting_since(conn: Connection, before: datetime, most: int) -> list[str]:
    """The ids of imports that nobody has applied since then."""
    i = imports.c
    waiting = (ImportState.IMPORT_STATE_CHECKING, ImportState.IMPORT_STATE_CHECKED)
    query = select(i.id).where(i.end_time.is_(None), i.create_time < before, i.state.in_(waiting))
    return list(conn.execute(query.order_by(i.create_time).limit(most)).scalars())


def forget_imports(conn: Connection, before: datetime, most: int) -> None:
    """Delete imports that were started before then and are applied or discarded."""
    i, r = imports.c, import_row.c
    old = select(i.district, i.id).where(i.end_time.is_not(None), i.create_time < before).limit(most)
    for district, id_ in conn.execute(old).all():
        conn.execute(delete(import_row).where(r.district == district, r["import"] == id_))
        conn.execute(delete(imports).where(i.district == district, i.id == id_))


def _import(row: Any) -> Import:
    return Import(
        id=row.id,
        version=row.version,
        scope=row.scope,
        kind=row.kind,
        state=row.state,
        rows=row.rows,
        created=row.created,
        updated=row.updated,
        unchanged=row.unchanged,
        refused=row.refused,
        create_time=row.create_time,
        end_time=row.end_time,
    )


def _row(row: Any) -> Row:
    return Row(
        row=row.row,
        number=row.number,
        organization=row.organization,
        sealed_name=bytes(row.sealed_name or b""),
        name_index=bytes(row.name_index),
        user=row.user,
        training=row.training,
        begin_time=row.begin_time,
        confirm_time=row.confirm_time,
        percent=row.percent,
        errors=tuple(RowError(each["column"], each["description"]) for each in row.errors),
        outcome=row.outcome,
    )
