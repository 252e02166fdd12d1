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
    "consistent_through",
    "definitions",
    "find_statement",
    "find_statements",
    "keep_definition",
    "page",
    "referring_to",
    "void",
]

Position = tuple[datetime, int]
"""When a statement was stored, and its number."""
Definition = tuple[int, bytes]
"""Whose word on a verb or activity is kept, and the sealed word."""

_WALK: Final = 2_000
"""Statements that a page of several filters looks through at most."""
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
      CAST(:ids AS uuid[]), CAST(:voiding AS boolean[]), CAST(:sealed AS bytea[]), CAST(:keys AS text[])
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
_THROUGH: Final = text(
    """
    SELECT coalesce(least(min(xact_start), statement_timestamp()), statement_timestamp()) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_xid IS NOT NULL
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
        "ids": [row.id for row in rows],
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
    found = conn.execute(_REFERRING, {"district": district, "targets": [*targets]})
    return [
        Reference(target=str(row.target), id=str(row.id), authority=row.authority, voiding=row.voiding) for row in found
    ]


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
    return {str(row.id): _stored(row) for row in found}


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


def page(
    conn: Connection,
    district: str,
    *,
    filters: Sequence[Sequence[int]],
    since: datetime | None,
    until: datetime | None,
    after: Position | None,
    ascending: bool,
    limit: int,
    room: int,
) -> tuple[list[Stored], Position | None]:
    """The statements that are not voided, in the order in which they were stored, as many as fit into `room` bytes, one
    at least; and where the next page begins behind. Each filter holds if one of its keys does. Of several filters that
    all find many statements, the page ends where it stopped looking, short or empty; see `_driving`.
    """
    order, beyond, within = ("ASC", ">", "<=") if ascending else ("DESC", "<", ">=")
    values: dict[str, Any] = {"district": district, "limit": limit + 1, "room": room}
    conditions = []

    def bound(comparison: str, name: str, position: Position) -> None:
        conditions.append(
            f"({{0}}.stored, {{0}}.number) {comparison} "
            f"(CAST(:{name}_stored AS timestamptz), CAST(:{name}_number AS bigint))"
        )
        values[f"{name}_stored"], values[f"{name}_number"] = position

    if since is not None:
        conditions.append("{0}.stored > CAST(:since AS timestamptz)")
        values["since"] = since
    if until is not None:
        conditions.append("{0}.stored <= CAST(:until AS timestamptz)")
        values["until"] = until
    if after is not None:
        bound(beyond, "after", after)
    reached = None
    if len(filters) > 1:
        filters, reached = _driving(conn, filters, _bounds(conditions, "driving"), values, ascending=ascending)
    if reached is not None:
        bound(within, "reached", reached)
    if filters:
        found = _by_keys(filters, _bounds(conditions, "driving"), order, values)
    else:
        found = f"""
          SELECT stored, number FROM statement AS own
          WHERE district = :district AND NOT voided{_bounds(conditions, "own")}
          ORDER BY stored {order}, number {order} LIMIT :limit
        """
    query = f"""
      SELECT id, stored, number, authority, voiding, voided, sealed, total FROM (
        SELECT statement.*, count(*) OVER () AS total,
          sum(octet_length(sealed)) OVER (ORDER BY found.stored {order}, found.number {order}) AS size
        FROM ({found}) AS found CROSS JOIN LATERAL (
          SELECT * FROM statement
          WHERE district = :district AND stored = found.stored AND number = found.number OFFSET 0
        ) AS statement
      ) AS sized
      WHERE size <= :room OR size = octet_length(sealed)
      ORDER BY stored {order}, number {order}
    """
    rows = conn.execute(text(query), values).all()
    shown = [_stored(row) for row in rows[:limit]]
    if rows and len(shown) < rows[0].total:
        return shown, (shown[-1].stored, shown[-1].number)
    return shown, reached


def _bounds(conditions: Sequence[str], table: str) -> str:
    return "".join(f" AND {each.format(table)}" for each in conditions)


def _driving(
    conn: Connection, filters: Sequence[Sequence[int]], bounds: str, values: Mapping[str, Any], *, ascending: bool
) -> tuple[Sequence[Sequence[int]], Position | None]:
    """The filters, beginning with the one whose statements are looked through for those that the others find too: the
    first that finds no more than _WALK, or else the one whose first _WALK lie furthest apart; and where these end.
    """
    order, nearer, further = ("ASC", min, max) if ascending else ("DESC", max, min)
    numbered = [(number, key) for number, keys in enumerate(filters) for key in keys]
    branches = [
        f"""(
          SELECT {number} AS filter, stored, number FROM statement_key AS driving
          WHERE district = :district AND key = CAST(:key{position} AS bigint){bounds}
          ORDER BY stored {order}, number {order} OFFSET {_WALK - 1} LIMIT 1
        )"""
        for position, (number, _) in enumerate(numbered)
    ]
    keys = {f"key{position}": key for position, (_, key) in enumerate(numbered)}
    ends: dict[int, Position] = {}
    for number, *end in conn.execute(text(" UNION ALL ".join(branches)), {**values, **keys}):
        here = (end[0], end[1])
        ends[number] = nearer(ends.get(number, here), here)
    chosen = next((number for number in range(len(filters)) if number not in ends), None)
    if chosen is None:
        chosen = further(ends, key=ends.__getitem__)
    return [filters[chosen], *filters[:chosen], *filters[chosen + 1 :]], ends.get(chosen)


def _by_keys(filters: Sequence[Sequence[int]], bounds: str, order: str, values: dict[str, Any]) -> str:
    """Read the first filter's keys in order, and look for each statement whether the others hold."""
    driving, *others = filters
    # A subquery for each, in place of joins, for which the planner would read all that the other filters find.
    also = ""
    for number, keys in enumerate(others):
        values[f"other{number}"] = [*keys]
        also += f"""
          AND (
            SELECT true FROM statement_key AS other
            WHERE other.district = driving.district AND other.key = ANY(CAST(:other{number} AS bigint[]))
              AND other.stored = driving.stored AND other.number = driving.number AND other.origin = driving.origin
            LIMIT 1)
        """
    branches = []
    for number, key in enumerate(driving):
        values[f"key{number}"] = key
        branches.append(
            f"""(
              SELECT DISTINCT driving.stored, driving.number FROM statement_key AS driving
              WHERE driving.district = :district AND driving.key = CAST(:key{number} AS bigint){bounds}{also}
                AND (
                  SELECT NOT voided FROM statement
                  WHERE district = :district AND stored = driving.stored AND number = driving.number)
              ORDER BY driving.stored {order}, driving.number {order} LIMIT :limit
            )"""
        )
    if len(branches) == 1:
        return branches[0]
    return f"""
      SELECT DISTINCT stored, number FROM ({" UNION ALL ".join(branches)}) AS branch
      ORDER BY stored {order}, number {order} LIMIT :limit
    """


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


def _array(numbers: Iterable[int]) -> str:
    """An array as PostgreSQL reads it: the driver takes longer to encode hundreds of numbers one by one."""
    return f"{{{','.join(map(str, numbers))}}}"


def _stored(row: Any) -> Stored:
    return Stored(
        id=str(row.id),
        stored=row.stored,
        number=row.number,
        authority=row.authority,
        voiding=row.voiding,
        voided=row.voided,
        sealed=bytes(row.sealed),
    )
