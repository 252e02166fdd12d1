"""The columns that hold sealed values: by which key each value is sealed, and how all are sealed by the newest one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, TextClause, text

from onegrid_kit.cipher import Cipher, CipherError

__all__ = ["KIT", "KeyInUse", "Resealed", "Sealed", "keys_in_use", "reseal", "unreadable"]

_PAGES: Final = 500
"""How many pages of a table are sealed anew in one transaction."""


@dataclass(frozen=True)
class Sealed:
    """A column of sealed values."""

    table: str
    column: str
    purpose: str = ""
    """What they are sealed for. Empty where they are forgotten within days: those are not sealed anew."""
    index: str = ""
    """The column with the blind index of the same text, if it has one."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"


@dataclass(frozen=True)
class KeyInUse:
    """A key that values of a column are sealed by."""

    column: Sealed
    key: str
    count: int
    trouble: str
    """Why they can't be read; empty if they can. Some of them were tried: one that is damaged stops no release."""


KIT: Final = (Sealed("idempotency", "answer"), Sealed("sending", "sealed"), Sealed("attempt", "sealed_address"))
"""Those of every service."""


def keys_in_use(conn: Connection, columns: Iterable[Sealed], cipher: Cipher) -> Iterator[KeyInUse]:
    """What values of these columns are sealed by."""
    for column in columns:
        for key, count, samples in conn.execute(_counting(column)):
            yield KeyInUse(column, key, count, _trouble(column, key, samples, cipher))
        if column.index and (found := conn.execute(_indexed(column)).one_or_none()) is not None:
            yield from _of_index(column, bytes(found[0]), bytes(found[1]), cipher)


def unreadable(conn: Connection, columns: Iterable[Sealed], cipher: Cipher) -> list[KeyInUse]:
    """What lasts and can't be read, or found, with these keys."""
    lasting = [column for column in columns if column.purpose]
    return [each for each in keys_in_use(conn, lasting, cipher) if each.trouble]


@dataclass(frozen=True)
class Resealed:
    """What was done with a column."""

    column: Sealed
    done: int
    """How many values were sealed anew."""
    unreadable: int
    """How many could not be read, and stay as they are."""


def reseal(engine: Engine, columns: Iterable[Sealed], cipher: Cipher) -> Iterator[Resealed]:
    """Seal what lasts by the newest key, column by column. It may be stopped and begun again."""
    for column in columns:
        if column.purpose:
            yield _reseal(engine, column, cipher)


def _reseal(engine: Engine, column: Sealed, cipher: Cipher) -> Resealed:
    done = unreadable = 0
    for first in range(0, _pages(engine, column), _PAGES):
        with engine.begin() as conn:
            rows = conn.execute(
                _older(column), {"first": f"({first},0)", "end": f"({first + _PAGES},0)", "key": _prefix(cipher)}
            ).all()
            changed = []
            for place, value in rows:
                with suppress(CipherError):
                    opened = cipher.open(bytes(value), column.purpose)
                    changed.append({"place": place, "sealed": cipher.seal(opened, column.purpose)})
            if changed:
                conn.execute(_change(column), changed)
            done += len(changed)
            unreadable += len(rows) - len(changed)
    return Resealed(column, done, unreadable)


def _pages(engine: Engine, column: Sealed) -> int:
    """What is added meanwhile is sealed by the newest key anyway."""
    with engine.connect() as conn:
        size = text("SELECT pg_relation_size(:table) / current_setting('block_size')::int")
        return int(conn.execute(size, {"table": column.table}).scalar_one()) + 1


def _trouble(column: Sealed, key: str, samples: Sequence[bytes], cipher: Cipher) -> str:
    if key not in cipher.keys:
        return "its key is not configured"
    if not column.purpose:
        return ""
    for sample in samples:
        with suppress(CipherError):
            cipher.open(bytes(sample), column.purpose)
            return ""
    return "its key has this name, and is another one"


def _of_index(column: Sealed, value: bytes, index: bytes, cipher: Cipher) -> Iterator[KeyInUse]:
    try:
        found = cipher.blind_index(cipher.decrypt(value, column.purpose), column.purpose)
    except CipherError:
        # Which is said of the column.
        return
    if found != index:
        yield KeyInUse(
            column, cipher.index_key, 0, "finds nothing by its index: the key that was last has to stay last"
        )


def _prefix(cipher: Cipher) -> bytes:
    return cipher.keys[0].encode() + b"\0"


# Tables and columns are of our own code.
def _counting(column: Sealed) -> TextClause:
    name = column.column
    key = f"encode(substring({name} FROM 1 FOR greatest(position(decode('00', 'hex') IN {name}) - 1, 0)), 'escape')"
    return text(
        f"""
        WITH used AS (
          SELECT {key} AS key, count(*) AS count FROM {column.table} WHERE length({name}) > 0 GROUP BY 1
        )
        SELECT used.key, count, ARRAY(
          SELECT {name} FROM {column.table} WHERE length({name}) > 0 AND {key} = used.key LIMIT 20
        )
        FROM used ORDER BY 1
        """  # noqa: S608
    )


def _indexed(column: Sealed) -> TextClause:
    return text(
        f"""
        SELECT {column.column}, {column.index} FROM {column.table}
        WHERE {column.column} IS NOT NULL AND {column.index} IS NOT NULL LIMIT 1
        """  # noqa: S608
    )


def _older(column: Sealed) -> TextClause:
    return text(
        f"""
        SELECT ctid::text, {column.column} FROM {column.table}
        WHERE ctid >= CAST(:first AS tid) AND ctid < CAST(:end AS tid) AND length({column.column}) > 0
          AND substring({column.column} FROM 1 FOR length(CAST(:key AS bytea))) <> :key
        FOR UPDATE
        """  # noqa: S608
    )


def _change(column: Sealed) -> TextClause:
    return text(
        f"UPDATE {column.table} SET {column.column} = :sealed WHERE ctid = CAST(:place AS tid)"  # noqa: S608
    )
