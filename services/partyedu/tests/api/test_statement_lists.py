"""Lists of statements do bounded work with each combination of filters, and together their pages hold each match."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime

import pytest
from sqlalchemy import Connection, Engine, text

from onegrid_kit.testing.explaining import Explained
from onegrid_partyedu.store import statement_pages
from onegrid_partyedu.store import statements as store

from .people import DISTRICT

COUNT = 6_000
ALL, ODD, EVEN, RARE, SEVENTH, NONE = range(1, 7)
"""Keys, by which statements have them. What is odd is never even."""
STORED = """
    INSERT INTO statement (district, stored, id, authority, voiding, voided, sealed)
    SELECT :district, timestamptz '2026-01-01 00:00Z' + make_interval(secs => n / 2), gen_random_uuid(), 0, false,
      n % 11 = 0, int4send(n)
    FROM generate_series(1, :count) AS n ORDER BY n
    """
# Of each fifth, what it is found by comes of the statement that it refers to as well, which is another one.
FOUND_BY = """
    INSERT INTO statement_key (district, key, stored, number, origin)
    SELECT district, key, stored, number, number - referred FROM statement, generate_series(0, 1) AS referred,
    LATERAL (VALUES
      (1, true), (2, (number - referred) % 2 = 1), (3, (number - referred) % 2 = 0), (4, (number - referred) % 100 = 0),
      (5, (number - referred) % 7 = 0)
    ) AS found (key, has)
    WHERE has AND (referred = 0 OR number % 5 = 0)
    """
HAVE = {
    ALL: lambda n: True,
    ODD: lambda n: n % 2 == 1,
    EVEN: lambda n: n % 2 == 0,
    RARE: lambda n: n % 100 == 0,
    SEVENTH: lambda n: n % 7 == 0,
    NONE: lambda n: False,
}
FILTERS: list[list[list[int]]] = [
    [],
    *([[key] for key in keys] for count in (1, 2, 3) for keys in itertools.combinations(HAVE, count)),
    [[RARE, SEVENTH]],
    [[ODD, EVEN], [RARE]],
    [[ALL], [RARE, NONE], [EVEN, SEVENTH]],
]
ROOM = 1 << 20


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as conn:
        conn.execute(text(STORED), {"district": DISTRICT, "count": COUNT})
        conn.execute(text(FOUND_BY))
        conn.execute(text("ANALYZE statement, statement_key"))
    with engine.connect() as conn:
        yield conn


def page(
    conn: Connection, filters: list[list[int]], after: store.Position | None, *, ascending: bool, **bounds: datetime
) -> tuple[list[store.Stored], store.Position | None]:
    given = {"since": None, "until": None, **bounds}
    return statement_pages.page(
        conn, DISTRICT, filters=filters, after=after, ascending=ascending, limit=100, room=ROOM, **given
    )  # fmt: skip


def matching(filters: Sequence[Sequence[int]]) -> list[int]:
    """The numbers of the statements for which all filters hold together, by themselves or by the one referred to."""

    def holds(origin: int) -> bool:
        return all(any(HAVE[key](origin) for key in keys) for keys in filters)

    return [
        n for n in range(1, COUNT + 1) if n % 11 and (not filters or holds(n) or (n % 5 == 0 and holds(n - 1)))
    ]  # fmt: skip


@pytest.mark.parametrize("ascending", [True, False])
def test_pages_hold_each_match_once_in_order_wherever_they_stop_looking(
    conn: Connection, monkeypatch: pytest.MonkeyPatch, ascending: bool
) -> None:
    monkeypatch.setattr(statement_pages, "_WALK", 300)
    for filters in FILTERS:
        found: list[int] = []
        after, calls = None, 0
        while calls == 0 or after is not None:
            shown, after = page(conn, filters, after, ascending=ascending)
            found += [int.from_bytes(each.sealed) for each in shown]
            calls += 1
        expected = matching(filters)
        assert found == (expected if ascending else expected[::-1]), filters
        assert calls <= 1 + COUNT * 2 // 100, filters


def test_no_combination_of_filters_reads_more_than_a_walk(conn: Connection, engine: Engine) -> None:
    middle = conn.execute(text("SELECT stored FROM statement OFFSET :half LIMIT 1"), {"half": COUNT // 2}).scalar_one()
    explained = Explained(engine)
    try:
        for filters, ascending, bounds in itertools.product(
            FILTERS, (True, False), ({}, {"since": middle}, {"until": middle})
        ):
            work = explained.work(
                lambda conn, of=(filters, ascending, bounds): page(conn, of[0], None, ascending=of[1], **of[2])  # type: ignore[misc]
            )
            asked = filters, ascending, bounds, work
            assert not work.read_whole, asked
            assert work.statements <= 2, asked
            assert work.rows <= 1_100, asked
    finally:
        explained.close()


def test_a_page_that_found_nothing_where_it_looked_says_where_the_next_one_begins(conn: Connection) -> None:
    shown, after = page(conn, [[ALL], [ODD], [EVEN]], None, ascending=False)
    assert shown == []
    assert after is not None
