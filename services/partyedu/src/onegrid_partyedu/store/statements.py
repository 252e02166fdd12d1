"""Statements. All that one is found by is a number that only who has the index key can make (`commands.statements`),
and each of its numbers is a row, in the order in which statements were stored.

Of a statement that refers to another one, the other's numbers are rows as well, with the statement that they come from
as `origin`: so that filters which hold together for that one find both (Communication, 2.1.3, Filter Conditions for
StatementRefs).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from onegrid_kit import audit
from onegrid_kit.callers import Call

__all__ = [
    "Definition",
    "Position",
    "Reference",
    "Row",
    "Stored",
    "add_attachments",
    "add_keys",
    "add_references",
    "add_statements",
    "attachments",
    "conclude",
    "consistent_through",
    "definitions",
    "find_statement",
    "find_statements",
    "keep_definition",
    "referring_to",
    "stored_of",
    "void",
]

Position = tuple[datetime, int]
"""When a statement was stored, and its number."""
Definition = tuple[int, bytes]
"""Whose word on a verb or activity is kept, and the sealed word."""

_LOCK: Final = 0x7841_5049
"""Shared by all that store statements; alone has it who stores one that refers to another, which may be on its way."""
# The transaction has its number before the clock is read: `consistent_through` relies on it.
_ADD: Final = """
  WITH entered AS MATERIALIZED (
    SELECT {lock}(:lock) AS entered, pg_current_xact_id() AS transaction
  ), moment AS MATERIALIZED (
    SELECT clock_timestamp() AS stored FROM entered WHERE transaction IS NOT NULL
  ), given AS MATERIALIZED (
    SELECT * FROM unnest(
      CAST(CAST(:ids AS text) AS uuid[]), CAST(:voiding AS boolean[]), CAST(:sealed AS bytea[]), CAST(:keys AS text[])
    ) WITH ORDINALITY AS given (id, voiding, sealed, keys, position)
  ), added AS (
    INSERT INTO statement (district, stored, id, authority, voiding, voided, sealed)
    SELECT :district, moment.stored, given.id, :authority, given.voiding, false, given.sealed
    FROM moment CROSS JOIN given
    ORDER BY given.position
    ON CONFLICT (district, id) DO NOTHING
    RETURNING id, stored, number
  ), found_by AS (
    INSERT INTO statement_key (district, key, stored, number, origin)
    SELECT :district, key, added.stored, added.number, added.number
    FROM added JOIN given USING (id) CROSS JOIN LATERAL unnest(CAST(given.keys AS bigint[])) AS key
  )
  SELECT id, CAST(NULL AS bigint) AS key, CAST(NULL AS bigint) AS authority, CAST(NULL AS bytea) AS sealed FROM given
  WHERE NOT EXISTS (SELECT FROM added WHERE added.id = given.id)
  UNION ALL
  SELECT NULL, key, authority, sealed FROM statement_definition
  WHERE district = :district AND key = ANY(CAST(CAST(:definitions AS text) AS bigint[]))
"""
_ADD_TOGETHER: Final = text(_ADD.format(lock="pg_advisory_xact_lock_shared"))
_ADD_ALONE: Final = text(_ADD.format(lock="pg_advisory_xact_lock"))
_ADD_KEYS: Final = text(
    """
    INSERT INTO statement_key (district, key, stored, number, origin)
    SELECT :district, given.key, given.stored, given.number, given.origin
    FROM unnest(
      CAST(:keys AS bigint[]), CAST(:stored AS timestamptz[]), CAST(:numbers AS bigint[]), CAST(:origins AS bigint[])
    ) AS given (key, stored, number, origin)
    ON CONFLICT DO NOTHING
    """
)
_REFERRING: Final = text(
    """
    SELECT target, id, authority, voiding FROM statement_reference
    WHERE district = :district AND target = ANY(CAST(:targets AS uuid[]))
    """
)
_ADD_REFERENCES: Final = text(
    """
    INSERT INTO statement_reference (district, target, id, authority, voiding)
    SELECT :district, given.target, given.id, :authority, given.voiding
    FROM unnest(CAST(:targets AS uuid[]), CAST(:ids AS uuid[]), CAST(:voiding AS boolean[]))
      AS given (target, id, voiding)
    """
)
_FIND: Final = text(
    """
    SELECT id, stored, number, authority, voiding, voided, sealed FROM statement
    WHERE district = :district AND id = ANY(CAST(:ids AS uuid[]))
    """
)
_VOID: Final = text(
    """
    UPDATE statement SET voided = true
    WHERE district = :district AND id = ANY(CAST(:ids AS uuid[])) AND NOT voiding AND NOT voided
    """
)
# The transactions that may have stored what is not seen yet began at these moments. What others store is stored later
# than this statement began, since a transaction's number comes before its clock.
_MOMENT: Final = """
    SELECT coalesce(least(min(xact_start), statement_timestamp()), statement_timestamp()) AS through
    FROM pg_stat_activity WHERE datname = current_database() AND backend_xid IS NOT NULL
"""
_THROUGH: Final = text(_MOMENT)
_CONCLUDE: Final = text(
    f"""
    WITH {audit.appending(":entries")}, moment AS MATERIALIZED ({_MOMENT})
    SELECT moment.through, reference.target, reference.id, reference.authority, reference.voiding
    FROM moment LEFT JOIN statement_reference AS reference
      ON reference.district = :district AND reference.target = ANY(CAST(CAST(:targets AS text) AS uuid[]))
    """
)
_DEFINITIONS: Final = text(
    """
    SELECT key, authority, sealed FROM statement_definition
    WHERE district = :district AND key = ANY(CAST(:keys AS bigint[]))
    """
)
_KEEP_DEFINITION: Final = text(
    """
    INSERT INTO statement_definition (district, key, authority, sealed) VALUES (:district, :key, :authority, :sealed)
    ON CONFLICT (district, key) DO UPDATE SET sealed = excluded.sealed
    WHERE statement_definition.authority = excluded.authority
    """
)
_ADD_ATTACHMENTS: Final = text(
    """
    INSERT INTO statement_attachment (district, key, sealed)
    SELECT :district, given.key, given.sealed
    FROM unnest(CAST(:keys AS bigint[]), CAST(:sealed AS bytea[])) AS given (key, sealed)
    ON CONFLICT DO NOTHING
    """
)
_ATTACHMENTS: Final = text(
    """
    SELECT key, sealed FROM statement_attachment WHERE district = :district AND key = ANY(CAST(:keys AS bigint[]))
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A statement that is to be stored."""

    id: str
    voiding: bool
    sealed: bytes
    keys: Collection[int]
    """What it is found by, each once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One that is stored."""

    id: str
    stored: datetime
    number: int
    authority: int
    voiding: bool
    voided: bool
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """That a statement refers to another one."""

    target: str
    id: str
    authority: int
    voiding: bool


def add_statements(
    conn: Connection, district: str, authority: int, rows: Sequence[Row], *, defining: Collection[int], alone: bool
) -> tuple[set[str], dict[int, Definition]]:
    """Store those whose ids are new, and have them found by their keys. `alone`: while nobody else stores any.

    Returns the ids of the others, and what is kept of the verbs and activities that the statements are `defining`.
    """
    values = {
        "lock": _LOCK,
        "district": district,
        "authority": authority,
        "ids": _array(row.id for row in rows),
        "voiding": [row.voiding for row in rows],
        "sealed": [row.sealed for row in rows],
        "keys": [_array(row.keys) for row in rows],
        "definitions": _array(defining),
    }
    before, kept = set(), {}
    for id_, key, whose, sealed in conn.execute(_ADD_ALONE if alone else _ADD_TOGETHER, values):
        if id_ is None:
            kept[key] = whose, sealed
        else:
            before.add(str(id_))
    return before, kept


def add_keys(conn: Connection, district: str, rows: Iterable[tuple[int, Position, int]]) -> None:
    """Have statements found by more keys: each with where the statement stands, and the number of the one it is of."""
    given = [*rows]
    values = {
        "district": district,
        "keys": [key for key, _, _ in given],
        "stored": [stored for _, (stored, _), _ in given],
        "numbers": [number for _, (_, number), _ in given],
        "origins": [origin for _, _, origin in given],
    }
    conn.execute(_ADD_KEYS, values)


def referring_to(conn: Connection, district: str, targets: Collection[str]) -> list[Reference]:
    """What refers to these, whether they are there or not."""
    return [*map(_reference, conn.execute(_REFERRING, {"district": district, "targets": [*targets]}))]


def conclude(
    conn: Connection, district: str, new: Collection[str], entries: Sequence[tuple[Call, str]]
) -> tuple[list[Reference], datetime]:
    """Write the audit entries of a batch. What refers to its new statements; and the moment such that all that was
    stored before it is seen by a later query. It is one statement, as most batches need nothing else.
    """
    values = {"district": district, "targets": _array(new), "entries": audit.document(entries)}
    rows = conn.execute(_CONCLUDE, values).all()
    return [_reference(row) for row in rows if row.id is not None], rows[0].through


def add_references(
    conn: Connection, district: str, authority: int, references: Sequence[tuple[str, str, bool]]
) -> None:
    """Store references of new statements: target, id of the statement, whether it voids."""
    targets, ids, voiding = zip(*references, strict=True)
    values = {"district": district, "authority": authority, "targets": [*targets], "ids": [*ids]}
    conn.execute(_ADD_REFERENCES, {**values, "voiding": [*voiding]})


def find_statements(conn: Connection, district: str, ids: Collection[str]) -> dict[str, Stored]:
    """Those of these that are stored, voided ones too."""
    found = conn.execute(_FIND, {"district": district, "ids": [*ids]})
    return {str(row.id): stored_of(row) for row in found}


def find_statement(conn: Connection, district: str, id_: str, *, voided: bool) -> Stored | None:
    """The statement, if it is voided or not as asked for."""
    found = find_statements(conn, district, [id_]).get(id_)
    return found if found is not None and found.voided == voided else None


def void(conn: Connection, district: str, ids: Collection[str]) -> None:
    """Void these, but those that void another one."""
    if ids:
        conn.execute(_VOID, {"district": district, "ids": [*ids]})


def consistent_through(conn: Connection) -> datetime:
    """The moment such that all that was or will be stored before it is seen by a later query."""
    moment: datetime = conn.execute(_THROUGH).scalar_one()
    return moment


def definitions(conn: Connection, district: str, keys: Collection[int]) -> dict[int, Definition]:
    """What is kept of verbs and activities."""
    found = conn.execute(_DEFINITIONS, {"district": district, "keys": [*keys]})
    return {row.key: (row.authority, bytes(row.sealed)) for row in found}


def keep_definition(conn: Connection, district: str, key: int, authority: int, sealed: bytes) -> None:
    """Keep what is said of a verb or activity, unless it is another one's word."""
    conn.execute(_KEEP_DEFINITION, {"district": district, "key": key, "authority": authority, "sealed": sealed})


def add_attachments(conn: Connection, district: str, sealed: Mapping[int, bytes]) -> None:
    """Keep the data of attachments, each once."""
    values = {"district": district, "keys": [*sealed], "sealed": [*sealed.values()]}
    conn.execute(_ADD_ATTACHMENTS, values)


def attachments(conn: Connection, district: str, keys: Collection[int]) -> dict[int, bytes]:
    """The sealed data of these, of those that there are."""
    found = conn.execute(_ATTACHMENTS, {"district": district, "keys": [*keys]})
    return {row.key: bytes(row.sealed) for row in found}


def _array(values: Iterable[int | str]) -> str:
    """Numbers or ids as PostgreSQL reads an array: the driver takes longer to encode hundreds of them one by one."""
    return f"{{{','.join(map(str, values))}}}"


def _reference(row: Any) -> Reference:
    return Reference(target=str(row.target), id=str(row.id), authority=row.authority, voiding=row.voiding)


def stored_of(row: Any) -> Stored:
    """The statement of a row with its columns."""
    return Stored(
        id=str(row.id),
        stored=row.stored,
        number=row.number,
        authority=row.authority,
        voiding=row.voiding,
        voided=row.voided,
        sealed=bytes(row.sealed),
    )
