"""Pages end by count or by bytes, and their tokens are good for the query that they were made for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import pytest_asyncio
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Integer, column, func, select

from onegrid.identity.v1.identity_service_pb2 import ListUsersRequest
from onegrid.petition.v1.petition_service_pb2 import ListPetitionsRequest
from onegrid_kit.cipher import cipher
from onegrid_kit.database import Database
from onegrid_kit.errors import InvalidToken
from onegrid_kit.paging import START, Page, Pages, PageTokens, Position, Scan, behind

TOKENS = PageTokens("k" * 32)
QUERY = ListPetitionsRequest(district="210602", place="210602003")


VALUES = st.one_of(
    st.text(st.characters(codec="utf-8")),
    st.integers(-(2**63), 2**63 - 1),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))])),
)


@given(st.lists(VALUES).map(tuple))
def test_a_position_survives(position: Position) -> None:
    assert TOKENS.open(QUERY, TOKENS.make(QUERY, position)) == position


def test_no_token_is_the_first_page() -> None:
    assert TOKENS.open(QUERY, "") == START


def test_the_size_of_a_page_may_change_on_the_way() -> None:
    token = TOKENS.make(QUERY, (7,))
    following = ListPetitionsRequest(district="210602", place="210602003", page_size=5, page_token=token)
    assert TOKENS.open(following, token) == (7,)


@pytest.mark.parametrize(
    ("pages", "query"),
    [
        (TOKENS, ListPetitionsRequest(district="210602", place="210602004")),
        (TOKENS, ListPetitionsRequest(district="210602")),
        (TOKENS, ListUsersRequest(district="210602")),
        (PageTokens("another" * 5), QUERY),
    ],
)
def test_a_token_of_another_query_or_server_is_refused(
    pages: PageTokens, query: ListPetitionsRequest | ListUsersRequest
) -> None:
    with pytest.raises(InvalidToken) as error:
        pages.open(query, TOKENS.make(QUERY, (7,)))
    assert error.value.metadata == {"field": "page_token"}


@given(st.text(max_size=80))
def test_nothing_made_up_is_taken(token: str) -> None:
    if token:
        with pytest.raises(InvalidToken):
            TOKENS.open(QUERY, token, "resume_token")


def test_no_changed_letter_goes_unnoticed() -> None:
    token = TOKENS.make(QUERY, ("a", 7))
    for index, letter in enumerate(token):
        for other in ("A" if letter != "A" else "B", "!", ""):
            with pytest.raises(InvalidToken):
                TOKENS.open(QUERY, token[:index] + other + token[index + 1 :])


ROWS = 250
ITEM_BYTES = 1000


@pytest_asyncio.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    database = Database("test", database_url, cipher("AES-256-GCM", "test:" + "5a" * 32))
    yield database
    await database.close()


async def read(db: Database, max_bytes: int = 2**20, page_size: int = 0, token: str = "") -> Page[StringValue]:
    """A page of the numbers from 1 to 250, each as a message of some 1,000 bytes."""

    def query(conn: Connection, after: Position, limit: int) -> list[int]:
        assert limit <= 100, "a page of large rows must not be read at once"
        number = func.generate_series(1, ROWS).table_valued(column("number", Integer)).render_derived().c.number
        ordered = select(number).where(behind(after, number)).order_by(number)
        return list(conn.execute(ordered.limit(limit)).scalars())

    request = ListPetitionsRequest(district="210602", page_size=page_size, page_token=token)
    return await Pages(db, TOKENS, max_bytes).read(
        request,
        query,
        position=lambda found: (found,),
        message=lambda found: StringValue(value=str(found).rjust(ITEM_BYTES)),
    )


async def all_of(db: Database, max_bytes: int = 2**20, page_size: int = 0) -> list[list[int]]:
    """All pages."""
    pages: list[list[int]] = []
    token = ""
    while token or not pages:
        page = await read(db, max_bytes, page_size, token)
        pages.append([int(item.value) for item in page.items])
        token = page.next_token
    return pages


@pytest.mark.parametrize("size", [1, 99, 100, 101, 249, 250, 251, 500])
async def test_a_page_ends_by_count(size: int, db: Database) -> None:
    if size == 1:
        page = await read(db, page_size=1)
        assert [int(item.value) for item in page.items] == [1]
        return
    pages = await all_of(db, page_size=size)
    assert [number for page in pages for number in page] == list(range(1, ROWS + 1))
    assert all(len(page) == size for page in pages[:-1])


async def test_a_page_has_fifty_items_when_no_size_is_asked(db: Database) -> None:
    assert [len(page) for page in await all_of(db)] == [50] * 5


@pytest.mark.parametrize(("max_bytes", "items"), [(500, 1), (2 * ITEM_BYTES, 1), (10 * ITEM_BYTES, 9)])
async def test_a_page_ends_by_bytes(max_bytes: int, items: int, db: Database) -> None:
    page = await read(db, max_bytes)
    assert len(page.items) == items
    following = await read(db, max_bytes, token=page.next_token)
    assert int(following.items[0].value) == items + 1


async def test_pages_that_end_by_bytes_hold_each_item_once(db: Database) -> None:
    pages = await all_of(db, 120 * ITEM_BYTES, 500)
    assert [number for page in pages for number in page] == list(range(1, ROWS + 1))
    assert [len(page) for page in pages] == [118, 118, 14]


async def test_a_page_ends_where_its_query_stopped_looking(db: Database) -> None:
    def sevenths(_: Connection, after: Position, limit: int) -> Scan[int]:
        """Looks at ten numbers, of which those that seven divides match."""
        begin = int(str(after[0])) + 1 if after else 1
        numbers = range(begin, min(begin + 10, ROWS + 1))
        found = [number for number in numbers if number % 7 == 0 or number > ROWS - 3][:limit]
        return Scan(found, (begin + 9,) if len(found) < limit and begin + 9 < ROWS else None)

    pages: list[list[int]] = []
    token = ""
    while token or not pages:
        page = await Pages(db, TOKENS, 2**20).read(
            ListPetitionsRequest(district="210602", page_size=2, page_token=token),
            sevenths,
            position=lambda found: (found,),
            message=lambda found: StringValue(value=str(found)),
        )
        pages.append([int(item.value) for item in page.items])
        token = page.next_token
    assert pages[0] == [7], "ten numbers hold no more"
    expected = [number for number in range(1, ROWS + 1) if number % 7 == 0 or number > ROWS - 3]
    assert [number for page in pages for number in page] == expected


def test_rows_behind_a_position_are_compared_with_all_of_its_columns() -> None:
    time = datetime(2020, 11, 11, tzinfo=UTC)
    columns = (column("create_time"), column("id"))
    assert "(create_time, id) > " in str(behind((time, "a"), *columns))
    assert "(create_time, id) < " in str(behind((time, "a"), *columns, descending=True))
    assert str(behind(START, *columns)) == "true"
