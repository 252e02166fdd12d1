"""What reads of inboxes cost with 220,000 people and 2,000 notices: bounded work, by indexes alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
import pytest
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import NoResultFound

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_notify.audience import SelectorRow
from onegrid_notify.facts import VISITS_REQUESTED, Recipient
from onegrid_notify.item import KEPT, Reader
from onegrid_notify.store import audiences, deliveries, inboxes, messages, reach, signals
from onegrid_notify.templates import DEFAULT_LANGUAGE, Rendered

NOW: Final = datetime(2026, 11, 1, tzinfo=UTC)
ARTICLE: Final = "210602-20261101-00000007"
USER: Final = "users/0000000035"
READER: Final = Reader(USER, ("210602",))
LARGE: Final = frozenset(
    {"address", "article", "item_state", "membership", "message", "recipient", "selector", "signal"}
)

_PEOPLE = """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    SELECT '210602', 'users/' || lpad(CAST(n AS text), 10, '0'),
           '210602' || lpad(CAST(1 + n % 5 AS text), 3, '0') || lpad(CAST(1 + n % 45 / 5 AS text), 3, '0')
                    || lpad(CAST(1 + n % 1035 / 45 AS text), 3, '0'),
           2, 0, '', '2000-01-01', '9999-01-01'
    FROM generate_series(1, 220000) AS n
"""
_PETITIONERS = """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    SELECT '210602', 'users/' || lpad(CAST(n AS text), 10, '0'), '210602', 2, 0, 'roles/petitioner', '2000-01-01',
           '9999-01-01'
    FROM generate_series(1, 220000) AS n
"""
_STAFF = """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    SELECT '210602', 'users/' || lpad(CAST(n AS text), 10, '0'), '210602', 4, 1, 'roles/commander', '2000-01-01',
           '9999-01-01'
    FROM generate_series(1, 20) AS n
"""
_ARTICLES = """
    INSERT INTO article (
      district, id, column_id, owner, state, title, summary, body_html, attachments, push, pinned, urgent, must_confirm,
      publish_time, version, unread_below, opened, withdraw_reason, return_reason, sequence, create_time, update_time)
    SELECT '210602', '210602-20261101-' || lpad(CAST(n AS text), 8, '0'), '210602-news', '210602', 4, '通知' || n,
           repeat('摘要', 60), repeat('<p>正文</p>', 100), '[]', true, false, false, n % 10 = 0,
           CAST(:now AS timestamptz) - n * interval '4 hours', 1, 1, true, '', '', 1, :now, :now
    FROM generate_series(1, 2000) AS n
"""
_SELECTORS = """
    INSERT INTO selector (
      district, code, publish_time, article, number, column_id, pinned, push, kinds, oa_levels, roles, groups, columns)
    SELECT district, CASE right(id, 1) WHEN '1' THEN '210602001' WHEN '2' THEN '210602002' ELSE '210602' END,
           publish_time, id, 1, column_id, false, true, '{}', '{}', '{}', '{}', '{}'
    FROM article
"""
_STATES = """
    INSERT INTO item_state (
      district, user_name, item, receive_time, read_time, read_version, confirmed_version, place, changed)
    SELECT '210602', 'users/' || lpad(CAST(n * 7 AS text), 10, '0'), article.id, :now, :now, 1, 0, '210602001001', 3
    FROM generate_series(1, 500) AS n, article WHERE right(article.id, 1) < '5'
"""
_MESSAGES = """
    INSERT INTO message (district, user_name, id, title, text, subject, urgent, create_time)
    SELECT '210602', 'users/' || lpad(CAST(n AS text), 10, '0'), 'm-' || md5(n || '-' || k), '标题', '内容',
           'petitions/x', false, CAST(:now AS timestamptz) - k * interval '1 day'
    FROM generate_series(1, 20000) AS n, generate_series(1, 3) AS k
"""
_SIGNALS = """
    INSERT INTO signal (transaction, number, district, item, user_name, removed, time)
    OVERRIDING SYSTEM VALUE
    SELECT xid8 '3', n, '210602', 'm-' || md5(n || '-1'), 'users/' || lpad(CAST(n AS text), 10, '0'), false, :now
    FROM generate_series(1, 100000) AS n
"""
_RECIPIENTS = """
    INSERT INTO recipient (district, article, user_name, place)
    SELECT district, CAST(:article AS text), user_name, code FROM membership
"""


_ADDRESSES = """
    INSERT INTO address (user_name, id, district, channel, sealed_value, value_index, verify_time, create_time)
    SELECT 'users/' || lpad(CAST(n * 10 AS text), 10, '0'), 'mail', '210602', 1, '', '', :now, :now
    FROM generate_series(1, 20000) AS n
"""


@pytest.fixture
def city(engine: Engine) -> Engine:
    with engine.begin() as conn:
        for statement in (_PEOPLE, _ARTICLES, _SELECTORS, _STATES, _MESSAGES, _SIGNALS, _RECIPIENTS, _ADDRESSES):
            conn.execute(text(statement), {"now": NOW, "article": ARTICLE})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    return engine


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


@contextmanager
def explaining(engine: Engine, found: list[dict[str, Any]]) -> Iterator[Connection]:
    """A connection that explains what it is given, with what it costs to run."""

    def explain(conn: Connection, cursor: object, statement: str, parameters: object, *_: object) -> tuple[str, object]:
        return f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters

    def keep(_: Connection, cursor: Any, *__: object) -> None:
        (row,) = cursor.fetchall()
        (explained,) = row[0] if isinstance(row[0], list) else json.loads(row[0])
        found.append(explained["Plan"])

    with engine.connect() as conn:
        event.listen(conn, "before_cursor_execute", explain, retval=True)
        event.listen(conn, "after_cursor_execute", keep)
        yield conn
        conn.rollback()


def named(conn: Connection, sql: str, **wanted: object) -> None:
    """Run what a dedicated connection runs, for one reader."""
    document = orjson.dumps([{"position": 0, "user_name": USER, "districts": ["210602"], **wanted}]).decode()
    conn.execute(text(sql.replace("$1", ":document")), {"document": document})


def count(conn: Connection, *codes_: str, **fields: Any) -> None:
    """Count the people of places before anything is sent."""
    audiences.count_people(conn, "210602", [SelectorRow(code=code, number=1, **fields) for code in codes_], NOW)


def write_to_staff(conn: Connection) -> None:
    """Write to the staff of the district, which is also what every resident's role is over."""
    rendered = Rendered(title="标题", text="内容", short_text="短", sms_template="", sms_parameters={})
    addressed = messages.Addressed("210602", Recipient.OFFICE, {}, {DEFAULT_LANGUAGE: rendered})
    origin = messages.Origin(
        district="210602",
        item=f"m-{0:032x}",
        subject=f"articles/{ARTICLE}",
        event=VISITS_REQUESTED,
        time=NOW,
        expire_time=NOW + KEPT,
        traceparent="",
    )
    messages.write(conn, [messages.Announcement(origin, [addressed])])


READS: Final[dict[str, tuple[int, Callable[[Connection], object]]]] = {
    "first page": (1500, lambda c: inboxes.inbox_items(c, READER, NOW, (), 51, unread_only=False)),
    "later page": (
        1500,
        lambda c: inboxes.inbox_items(c, READER, NOW, (NOW - timedelta(days=200), "x", 700), 51, unread_only=False),
    ),
    "unread": (9_000, lambda c: inboxes.inbox_items(c, READER, NOW, (), 51, unread_only=True)),
    "count": (9_000, lambda c: inboxes.count_items(c, READER, NOW)),
    "acknowledged": (
        60,
        lambda c: named(c, inboxes.known_items.sql, items=[ARTICLE], now=NOW, oldest=NOW - KEPT),
    ),
    "streamed": (60, lambda c: named(c, inboxes.NAMED_ITEMS, items=[ARTICLE], now=NOW, oldest=NOW - KEPT)),
    "missed": (
        60,
        lambda c: named(
            c,
            signals.MISSED_SIGNALS,
            transaction=3,
            number=0,
            until_transaction=3,
            until_number=99_000,
            most=100,
        ),
    ),
    "recipients": (
        600,
        lambda c: reach.recipients_page(c, ARTICLE, "210602001001", NOW, (), 51, show_confirmed=False, to_visit=False),
    ),
    "figures": (60, lambda c: reach.figures_of(c, ARTICLE, "210602")),
    "planned piece": (
        20_000,
        lambda c: deliveries.reachable_people(c, ARTICLE, [Channel.CHANNEL_EMAIL], "users/0000100000", 1000),
    ),
    "counted piece": (
        1_000,
        lambda c: reach.count_people(c, ARTICLE, "users/0000100000", 5000, as_recipients=False),
    ),
    "counted community": (10_000, lambda c: count(c, "210602001001")),
    "counted street": (60_000, lambda c: count(c, "210602001")),
}
"""Each with the buffers that it may take, of 8 KiB each."""


def bounded(engine: Engine, name: str, most: int, read: Callable[[Connection], object]) -> None:
    """Assert that a read takes so many buffers at most, and no large table as a whole."""
    plans: list[dict[str, Any]] = []
    # The plan is fetched in place of rows.
    with explaining(engine, plans) as conn, suppress(NoResultFound, AttributeError):
        read(conn)
    (plan,) = plans
    read_whole = {
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in LARGE
    }
    assert read_whole == set(), name
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert buffers <= most, (name, buffers)


def test_reads_are_bounded_and_by_index(city: Engine) -> None:
    for name, (most, read) in READS.items():
        bounded(city, name, most, read)


def test_the_staff_of_the_district_are_found_among_all_its_residents(engine: Engine) -> None:
    with engine.begin() as conn:
        for statement in (_PEOPLE, _PETITIONERS, _STAFF, _ADDRESSES):
            conn.execute(text(statement), {"now": NOW})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))
    bounded(engine, "message to staff", 1_000, write_to_staff)
