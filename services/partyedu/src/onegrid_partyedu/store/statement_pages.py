"""Pages of statements, by what these are found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from onegrid_partyedu.store.statements import Position, Stored, stored_of

__all__ = ["page"]

_WALK: Final = 1_000
"""Statements that a page of several filters looks through at most."""


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
    shown = [stored_of(row) for row in rows[:limit]]
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
