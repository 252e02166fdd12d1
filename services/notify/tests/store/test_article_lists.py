"""The lists of articles, at ten thousand of them: what they hold, and how much they read for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit.paging import START, Position, Scan
from onegrid_notify.article import Article
from onegrid_notify.store import articles as store
from onegrid_notify.store.records import records_page
from onegrid_notify.store.voice import organization_articles

DISTRICT, STREET, COMMUNITY = "210602", "210602003", "210602003007"
NOW = datetime(2020, 11, 11, 4, tzinfo=UTC)
READER, COMMANDER = "users/00reader", "users/commander"
ORGANIZATION = f"{DISTRICT}-o1"
ARTICLES, COLUMNS = 10_000, 27

_ENTER = (
    """
    INSERT INTO article (
      district, id, column_id, owner, state, title, summary, body_html, attachments, audience, push, pinned, urgent,
      must_confirm, publish_time, expire_time, version, unread_below, opened, withdraw_reason, return_reason, sequence,
      create_time, update_time, organization)
    SELECT :district, :district || '-20201111-' || lpad(n::text, 8, '0'), :district || '-c' || n % :columns,
           CASE n % 3 WHEN 0 THEN :district WHEN 1 THEN :district || 'D' || lpad((n % 34)::text, 2, '0')
                ELSE :district || '00' || 1 + n % 5 END,
           CASE n % 20 WHEN 0 THEN 1 WHEN 1 THEN 2 WHEN 2 THEN 6 ELSE 4 END,
           'title', 'summary', repeat('text', 5000), '[]',
           CASE WHEN n % 4 < 2 THEN NULL ELSE '{"any_of": []}'::jsonb END,
           n % 5 = 0, n % 101 = 0, false, false,
           CASE WHEN n % 20 > 1 THEN :now + (500 - n) * interval '1 minute' END,
           CASE n % 7 WHEN 0 THEN :now + (1500 - n) * interval '1 minute' + interval '3 days' END,
           1, 1, n >= 500, '', '', 1, :now, :now + (5000 - n % 4000) * interval '1 minute',
           CASE WHEN n % 27 < 3 THEN :district || '-o' || n % 2 ELSE '' END
    FROM generate_series(1, :articles) AS n
    """,
    """
    INSERT INTO selector (
      district, code, publish_time, article, number, column_id, pinned, push, kinds, oa_levels, roles, groups, columns)
    SELECT article.district, place.code, article.publish_time, article.id, place.number, article.column_id,
           article.pinned, article.push, '{}', CASE place.number WHEN 2 THEN '{4}' ELSE '{}' END::smallint[], '{}',
           '{}', '{}'
    FROM article
    CROSS JOIN LATERAL (
      SELECT article.district AS code, 1 AS number WHERE article.audience IS NULL
      UNION ALL
      -- Twice for some, and for others elsewhere.
      SELECT code, number::integer
      FROM unnest(CASE right(article.id, 1)::integer % 5
                  WHEN 2 THEN ARRAY['210602003', '210602003']
                  WHEN 3 THEN ARRAY['210602003007', '210602', '210602003']
                  ELSE ARRAY['210602004', '210602'] END) WITH ORDINALITY AS codes (code, number)
      WHERE article.audience IS NOT NULL
    ) AS place
    WHERE article.publish_time IS NOT NULL
    """,
    """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    SELECT :district, 'users/' || lpad(n::text, 8, '0'), :district || '00' || 1 + n % 5 || '00' || 1 + n % 9, 1, 0, '',
           '2000-01-01', '9999-01-01'
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    VALUES (:district, :reader, :community, 1, 0, '', '2000-01-01', '9999-01-01')
    """,
)
_MATCHES = """
    article.audience IS NULL OR EXISTS (
      SELECT FROM selector
      WHERE selector.article = article.id AND selector.oa_levels = '{}' AND :community LIKE selector.code || '%')
"""


@pytest.fixture
def initial_data() -> Callable[[Connection], None]:
    return ten_thousand_articles


def ten_thousand_articles(conn: Connection) -> None:
    values = {
        "district": DISTRICT,
        "columns": COLUMNS,
        "articles": ARTICLES,
        "now": NOW,
        "reader": READER,
        "community": COMMUNITY,
    }
    for statement in _ENTER:
        conn.execute(text(statement), values)
    for table in ("article", "selector", "membership"):
        conn.execute(text(f"ANALYZE {table}"))


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.connect() as conn:
        yield conn


def for_reader(conn: Connection, columns: int = COLUMNS, after: Position = START, limit: int = 51) -> list[Article]:
    names = [f"{DISTRICT}-c{number}" for number in range(columns)]
    return store.articles_for_reader(conn, names, READER, True, NOW, after, limit)


def of_organization(conn: Connection, after: Position, limit: int) -> Scan[Article]:
    return organization_articles(conn, ORGANIZATION, READER, True, NOW, after, limit)


def position(article: Article) -> Position:
    return (article.draft.pinned, article.publish_time or NOW, article.id)


@pytest.mark.parametrize("columns", [1, COLUMNS])
def test_a_reader_finds_all_that_is_published_and_for_them_and_nothing_twice(conn: Connection, columns: int) -> None:
    expected = conn.execute(
        text(
            f"""
            SELECT id FROM article
            WHERE state = 4 AND publish_time <= :now AND (expire_time IS NULL OR expire_time > :now)
              AND ({_MATCHES}) AND column_id = ANY (:columns)
            ORDER BY pinned DESC, publish_time DESC, id DESC
            """
        ),
        {"now": NOW, "community": COMMUNITY, "columns": [f"{DISTRICT}-c{number}" for number in range(columns)]},
    ).scalars()
    found: list[Article] = []
    while page := for_reader(conn, columns, position(found[-1]) if found else START, 100):
        found += page
    assert [article.id for article in found] == list(expected)
    assert len(found) > 100 * columns
    assert not any(article.draft.content.body_html for article in found)


def test_a_reader_finds_all_that_an_organization_says_to_them(conn: Connection) -> None:
    expected = conn.execute(
        text(
            f"""
            SELECT id FROM article
            WHERE state = 4 AND publish_time <= :now AND (expire_time IS NULL OR expire_time > :now)
              AND ({_MATCHES}) AND organization = :organization
            ORDER BY publish_time DESC, id DESC
            """
        ),
        {"now": NOW, "community": COMMUNITY, "organization": ORGANIZATION},
    ).scalars()
    found: list[Article] = []
    after: Position | None = START
    while after is not None:
        scan = of_organization(conn, after, 60)
        found += scan.rows
        after = (found[-1].publish_time, found[-1].id) if len(scan.rows) == 60 else scan.reached
    assert [article.id for article in found] == list(expected)
    assert len(found) > 100


@pytest.mark.parametrize("states", [(), (1,), (3,), (4,), (5,), (2, 5, 6)])
@pytest.mark.parametrize("owner", [DISTRICT, STREET, f"{DISTRICT}D07"])
def test_an_office_finds_its_articles_by_the_state_that_the_rules_give_them(
    conn: Connection, owner: str, states: tuple[ArticleState, ...]
) -> None:
    everything = [
        store.find_article(conn, id_)
        for id_ in conn.execute(
            text("SELECT id FROM article WHERE owner LIKE :owner || '%' ORDER BY update_time DESC, id DESC LIMIT 1500"),
            {"owner": owner},
        ).scalars()
    ]
    expected = [each.id for each in everything if each and (not states or each.state_at(NOW) in states)]
    found: list[Article] = []
    while len(found) < len(expected):
        after = (found[-1].update_time, found[-1].id) if found else START
        page = store.owned_articles(conn, owner, states, NOW, after, 200, of_party=True)
        assert page
        found += page
    assert [article.id for article in found][: len(expected)] == expected
    assert expected or states


class Reads:
    """What a query's plan read."""

    def __init__(self, plan: Mapping[str, Any]) -> None:
        self.rows = 0
        self.sequential: list[str] = []
        self._add(plan["Plan"])

    def _add(self, node: Mapping[str, Any]) -> None:
        if "Relation Name" in node:
            removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            self.rows += (node["Actual Rows"] + removed) * node["Actual Loops"]
        if node["Node Type"] == "Seq Scan":
            self.sequential.append(node["Relation Name"])
        for inner in node.get("Plans", ()):
            self._add(inner)


def reads(conn: Connection, query: Callable[[], object]) -> Reads:
    """What the one statement reads that the query executes."""
    found: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        found.append((statement, values))

    event.listen(conn, "before_cursor_execute", note)
    query()
    event.remove(conn, "before_cursor_execute", note)
    ((statement, values),) = found
    plan = conn.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", values).scalar_one()
    return Reads(plan[0])


@pytest.mark.parametrize("columns", [1, COLUMNS])
@pytest.mark.parametrize("later", [False, True])
def test_a_page_of_a_column_reads_little_more_than_it_shows(conn: Connection, columns: int, later: bool) -> None:
    after = position(for_reader(conn, columns, limit=100)[-1]) if later else START
    read = reads(conn, lambda: for_reader(conn, columns, after))
    assert read.sequential == []
    assert read.rows < 51 * columns * 16


def test_a_page_of_an_organization_reads_little_more_than_it_shows(conn: Connection) -> None:
    read = reads(conn, lambda: of_organization(conn, START, 51))
    assert read.sequential == []
    assert read.rows < 100 * 16


def test_a_page_of_an_office_reads_little_more_than_it_shows(conn: Connection) -> None:
    for states in ((), (ArticleState.ARTICLE_STATE_DRAFT,)):
        read = reads(
            conn, lambda states=states: store.owned_articles(conn, DISTRICT, states, NOW, START, 51, of_party=True)
        )
        assert read.sequential == []
        assert read.rows < 6000
    read = reads(conn, lambda: store.owned_articles(conn, STREET, (), NOW, START, 51, of_party=True))
    assert read.sequential == []
    assert read.rows < 400


def test_the_job_reads_what_is_due_and_no_more(conn: Connection) -> None:
    due = store.articles_to_open(conn, NOW + timedelta(minutes=20), 500)
    read = reads(conn, lambda: store.articles_to_open(conn, NOW + timedelta(minutes=20), 500))
    assert 0 < len(due) < 30
    assert read.sequential == []
    assert read.rows < 3 * len(due)


def test_a_page_of_records_reads_little_more_than_it_shows(conn: Connection) -> None:
    conn.execute(
        text(
            """
            INSERT INTO record (district, column_id, source_id, source_time, title, text, place, uri, deleted)
            SELECT :district, :district || '-jobs', n, :now + n * interval '1 minute', 'title', '',
                   :district || '00' || n % 7, '', n % 10 = 0
            FROM generate_series(1, 12000) AS n
            """
        ),
        {"district": DISTRICT, "now": NOW},
    )
    conn.execute(text("ANALYZE record"))
    for place, most in (("", 60), (DISTRICT, 60), (STREET, 2000), ("210602009", 10)):
        read = reads(conn, lambda place=place: records_page(conn, f"{DISTRICT}-jobs", place, START, 51))
        assert read.sequential == []
        assert read.rows <= most
    conn.rollback()
