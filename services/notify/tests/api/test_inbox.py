"""What a reader finds in the inbox, how much of it is unread, and what becomes of acknowledgements."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.notify.v1.resources_pb2 import Acknowledgement, InboxItemKind
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving, serving
from onegrid_kit.testing.callers import public
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE

from .people import (
    CITIZEN,
    COMMUNITY,
    DISTRICT,
    ENTERPRISE,
    LEAD,
    NEIGHBOUR,
    OTHER_COMMUNITY,
    OTHER_STREET,
    STRANGER,
    STREET,
    STREET_DESK,
    STREET_LEVEL,
)
from .stored import Stored, days

pytestmark = pytest.mark.asyncio

RECEIVED = Acknowledgement.ACKNOWLEDGEMENT_RECEIVED
READ = Acknowledgement.ACKNOWLEDGEMENT_READ
CONFIRMED = Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED


async def inbox(api: Serving, reader: Caller, page_size: int = 0, **fields: Any) -> list[Any]:
    """All pages of an inbox."""
    items: list[Any] = []
    token = ""
    while True:
        page = await api.call(reader, "ListInboxItems", page_size=page_size, page_token=token, **fields)
        items.extend(page.items)
        token = page.next_page_token
        if not token:
            return items


async def ids(api: Serving, reader: Caller, **fields: Any) -> list[str]:
    return [item.name.removeprefix("inboxItems/") for item in await inbox(api, reader, **fields)]


async def acknowledge(api: Serving, reader: Caller, what: int, *items: str, **fields: Any) -> Any:
    named = [{"name": f"inboxItems/{id_}", **fields} for id_ in items]
    return await api.call(reader, "AcknowledgeInboxItems", items=named, acknowledgement=what)


async def counts(api: Serving, reader: Caller) -> tuple[int, int]:
    count = await api.call(reader, "CountInboxItems")
    return count.unread, count.unconfirmed


async def test_a_notice_is_found_by_whom_its_audience_describes_and_by_nobody_else(
    api: Serving, stored: Stored
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    stored.member(NEIGHBOUR, OTHER_COMMUNITY)
    stored.member(ENTERPRISE, STREET)
    stored.member(STREET_DESK, DISTRICT)
    stored.member(STREET_DESK, STREET, role="roles/street_coordinator", oa_level=int(STREET_LEVEL))
    stored.member(STRANGER, "210603001")
    everyone = stored.notice()
    street = stored.notice(STREET)
    community = stored.notice(COMMUNITY, OTHER_STREET)
    firms = stored.notice(selectors=[{"code": STREET, "kinds": [AccountKind.ACCOUNT_KIND_ENTERPRISE]}])
    desks = stored.notice(selectors=[{"code": DISTRICT, "oa_levels": [STREET_LEVEL]}])
    stored.notice(LEAD)
    stored.notice(push=False, selectors=[{"code": DISTRICT, "push": False}])
    assert await ids(api, CITIZEN) == [community, street, everyone]
    assert await ids(api, NEIGHBOUR) == [community, everyone]
    assert await ids(api, ENTERPRISE) == [firms, street, everyone]
    assert await ids(api, STREET_DESK) == [desks, everyone]
    assert await ids(api, STRANGER) == []


async def test_who_belonged_to_the_audience_when_it_appeared_has_it_wherever_they_move(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    moved = clock.now() + days(1)
    stored.member(CITIZEN, COMMUNITY, end=moved)
    stored.member(CITIZEN, OTHER_COMMUNITY, begin=moved)
    before = stored.notice(STREET)
    stored.notice(OTHER_STREET)
    clock.set(moved)
    stored.notice(STREET)
    after = stored.notice(OTHER_STREET)
    assert await ids(api, CITIZEN) == [after, before]


async def test_a_notice_described_twice_is_found_once(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    stored.member(CITIZEN, STREET, role="roles/street_coordinator", oa_level=int(STREET_LEVEL))
    kinds = [AccountKind.ACCOUNT_KIND_CITIZEN]
    selectors = [
        {"code": DISTRICT},
        {"code": DISTRICT, "kinds": kinds},
        {"code": STREET},
        {"code": DISTRICT, "oa_levels": [STREET_LEVEL]},
    ]
    found = [stored.notice(selectors=selectors) for _ in range(5)]
    assert await ids(api, CITIZEN, page_size=2) == found[::-1]
    assert await counts(api, CITIZEN) == (5, 0)


async def test_it_appears_and_goes_by_the_clock_alone(api: Serving, stored: Stored, clock: SettableClock) -> None:
    stored.member(CITIZEN, COMMUNITY)
    begin = clock.now() + days(1)
    scheduled = stored.notice(publish_time=begin, expire_time=begin + days(2))
    message = stored.message(CITIZEN, expire_time=clock.now() + timedelta(hours=1))
    assert await ids(api, CITIZEN) == [message]
    clock.set(begin - timedelta(microseconds=1))
    assert await ids(api, CITIZEN) == []
    clock.set(begin)
    assert await ids(api, CITIZEN) == [scheduled]
    assert await counts(api, CITIZEN) == (1, 0)
    clock.set(begin + days(2))
    assert await ids(api, CITIZEN) == []
    assert await counts(api, CITIZEN) == (0, 0)


async def test_a_correction_and_a_withdrawal_are_there_at_once(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    corrected, withdrawn = stored.notice(), stored.notice()
    await acknowledge(api, CITIZEN, READ, corrected, withdrawn)
    stored.correct(corrected, 2)
    stored.withdraw(withdrawn)
    (item,) = await inbox(api, CITIZEN)
    assert (item.title, item.version) == ("更正2", 2)
    assert item.HasField("read_time")
    assert await counts(api, CITIZEN) == (0, 0)


async def test_an_item_says_what_it_is_about_and_where_it_stands(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    expire = clock.now() + days(3)
    notice_id = stored.notice(urgent=True, must_confirm=True, expire_time=expire)
    clock.set(clock.now() + timedelta(minutes=1))
    message_id = stored.message(CITIZEN)
    message, notice = await inbox(api, CITIZEN)
    assert message.name == f"inboxItems/{message_id}"
    assert message.kind == InboxItemKind.INBOX_ITEM_KIND_MESSAGE
    assert (message.title, message.summary) == ("您的诉求已受理", "我们将尽快处理。")
    assert message.subject == "petitions/210602-20201111-7KX3M9QF"
    assert (message.column, message.version, message.must_confirm) == ("", 1, False)
    assert notice.name == f"inboxItems/{notice_id}"
    assert notice.kind == InboxItemKind.INBOX_ITEM_KIND_NOTICE
    assert (notice.subject, notice.column) == (f"articles/{notice_id}", "columns/210602-news")
    assert (notice.urgent, notice.must_confirm, notice.version) == (True, True, 1)
    assert notice.expire_time == timestamp(expire)
    assert not notice.HasField("receive_time")
    assert not message.HasField("expire_time")


async def test_messages_are_for_one_person_alone(api: Serving, stored: Stored) -> None:
    mine = stored.message(CITIZEN)
    assert await ids(api, CITIZEN) == [mine]
    assert await ids(api, NEIGHBOUR) == []
    with pytest.raises(Refused) as refused:
        await acknowledge(api, NEIGHBOUR, READ, mine)
    assert refused.value.code == grpc.StatusCode.NOT_FOUND


async def test_pages_are_without_gap_or_repetition_and_counts_are_what_they_show(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    rng = random.Random(1)
    stored.member(CITIZEN, COMMUNITY)
    expected = []
    for _ in range(160):
        made = stored.message(CITIZEN) if rng.random() < 0.3 else stored.notice(rng.choice([DISTRICT, STREET]))
        expected.append((clock.now(), made))
        if rng.random() < 0.5:  # several at the same moment
            clock.set(clock.now() + timedelta(seconds=1))
    newest_first = [id_ for _, id_ in sorted(expected, reverse=True)]
    read = rng.sample(newest_first, 70)
    await acknowledge(api, CITIZEN, READ, *read)
    for page_size in (1, 7, 100, 500):
        assert await ids(api, CITIZEN, page_size=page_size) == newest_first
        unread = await ids(api, CITIZEN, page_size=page_size, unread_only=True)
        assert unread == [id_ for id_ in newest_first if id_ not in read]
    assert await counts(api, CITIZEN) == (90, 0)


async def test_an_inbox_shows_and_counts_the_newest_thousand_of_a_year(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    with stored.engine.begin() as conn:
        for _ in range(1010):
            stored.notice(conn=conn)
    assert len(await ids(api, CITIZEN, page_size=300)) == 1000
    assert len(await ids(api, CITIZEN, page_size=300, unread_only=True)) == 1000
    assert await counts(api, CITIZEN) == (1000, 0)
    newest = (await ids(api, CITIZEN))[:10]
    await acknowledge(api, CITIZEN, READ, *newest)
    assert len(await ids(api, CITIZEN, page_size=300, unread_only=True)) == 990
    assert await counts(api, CITIZEN) == (990, 0)
    clock.set(clock.now() + days(366))
    assert await ids(api, CITIZEN) == []
    assert await counts(api, CITIZEN) == (0, 0)


async def test_each_acknowledgement_includes_the_ones_before_it_and_the_first_times_stay(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    id_ = stored.notice(must_confirm=True)
    assert await counts(api, CITIZEN) == (1, 1)
    received = clock.now()
    answer = await acknowledge(api, CITIZEN, RECEIVED, id_)
    assert answer.reader == CITIZEN.user
    assert await counts(api, CITIZEN) == (1, 1)
    clock.set(clock.now() + timedelta(minutes=1))
    confirmed = clock.now()
    await acknowledge(api, CITIZEN, CONFIRMED, id_)
    assert await counts(api, CITIZEN) == (0, 0)
    for what in (RECEIVED, READ, CONFIRMED):
        clock.set(clock.now() + timedelta(minutes=1))
        await acknowledge(api, CITIZEN, what, id_)
    (item,) = await inbox(api, CITIZEN)
    assert item.receive_time == timestamp(received)
    assert item.read_time == item.confirm_time == timestamp(confirmed)
    assert stored.reach_of(id_) == {COMMUNITY: (1, 1, 1)}


async def test_what_is_not_in_the_inbox_is_not_found_and_nothing_is_noted(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    mine = stored.notice()
    other = stored.notice(OTHER_STREET)
    scheduled = stored.notice(publish_time=clock.now() + days(1))
    withdrawn = stored.notice()
    stored.withdraw(withdrawn)
    for id_ in (other, scheduled, withdrawn, f"m-{uuid.uuid4().hex}", "210602-20201111-ZZZZZZZZ"):
        with pytest.raises(Refused) as refused:
            await acknowledge(api, CITIZEN, READ, mine, id_)
        assert refused.value.code == grpc.StatusCode.NOT_FOUND
        assert refused.value.metadata == {"resource": f"inboxItems/{id_}"}
    assert stored.states() == []
    assert stored.reach_of(mine) == {}


async def test_a_repeated_request_is_answered_though_the_notice_is_gone(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    first, second = stored.notice(), stored.notice()
    request = {
        "items": [{"name": f"inboxItems/{first}"}],
        "acknowledgement": READ,
        "request_id": str(uuid.uuid4()),
    }
    first_answer = await api.call(CITIZEN, "AcknowledgeInboxItems", **request)
    stored.withdraw(first)
    await acknowledge(api, CITIZEN, READ, second)
    assert await api.call(CITIZEN, "AcknowledgeInboxItems", **request) == first_answer


async def test_after_a_correction_reading_and_confirming_begin_anew_where_it_asks_for_that(
    api: Serving, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    id_ = stored.notice(must_confirm=True)
    received = clock.now()
    await acknowledge(api, CITIZEN, CONFIRMED, id_)
    clock.set(clock.now() + timedelta(minutes=1))
    stored.correct(id_, 2, unread_again=True)
    assert await counts(api, CITIZEN) == (1, 1)
    (item,) = await inbox(api, CITIZEN)
    assert (item.HasField("read_time"), item.HasField("confirm_time")) == (False, False)
    assert item.receive_time == timestamp(received)
    # An app that was offline has shown the old text.
    await acknowledge(api, CITIZEN, CONFIRMED, id_, version=1)
    assert await counts(api, CITIZEN) == (1, 1)
    clock.set(clock.now() + timedelta(minutes=1))
    await acknowledge(api, CITIZEN, READ, id_, version=2)
    assert await counts(api, CITIZEN) == (0, 1)
    stored.correct(id_, 3)
    await acknowledge(api, CITIZEN, CONFIRMED, id_, version=2)
    (item,) = await inbox(api, CITIZEN)
    assert item.read_time == item.confirm_time == timestamp(clock.now())
    assert stored.reach_of(id_) == {COMMUNITY: (1, 1, 1)}


@pytest.mark.parametrize("seed", range(6))
async def test_acknowledgements_in_any_order_and_repeated_end_in_one_state_and_count_each_reader_once(
    api: Serving, stored: Stored, clock: SettableClock, database_url: str, seed: int
) -> None:
    rng = random.Random(seed)
    readers = [public(f"reader{number}", DISTRICT) for number in range(6)]
    for reader in readers:
        stored.member(reader, rng.choice([COMMUNITY, OTHER_COMMUNITY]))
    notices = [stored.notice(must_confirm=True) for _ in range(4)]
    wanted: dict[tuple[str, str], int] = {}
    said: list[tuple[Caller, int, list[str]]] = []
    for reader in readers:
        for _ in range(12):  # from several devices
            what, some = rng.choice([RECEIVED, READ, CONFIRMED]), rng.sample(notices, rng.randint(1, 4))
            said.extend([(reader, what, some)] * rng.randint(1, 3))
            for id_ in some:
                wanted[reader.user, id_] = max(what, wanted.get((reader.user, id_), 0))
    rng.shuffle(said)
    async with serving(SERVICE, database_url, clock=clock) as other:
        replicas = (api, other)
        await asyncio.gather(*(acknowledge(rng.choice(replicas), reader, what, *some) for reader, what, some in said))
    found = {
        (row.user_name, row.item): RECEIVED + (row.read_time is not None) + (row.confirm_time is not None)
        for row in stored.states()
    }
    assert found == wanted
    for number, kind in enumerate((RECEIVED, READ, CONFIRMED)):
        for id_ in notices:
            reached = sum(each[number] for each in stored.reach_of(id_).values())
            assert reached == sum(step >= kind for (_, item), step in wanted.items() if item == id_)


async def test_a_reader_counts_where_the_first_acknowledgement_found_them(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    id_ = stored.notice()
    await acknowledge(api, CITIZEN, RECEIVED, id_)
    # What is learned late of the past.
    with stored.engine.begin() as conn:
        conn.execute(text("UPDATE membership SET code = :code"), {"code": OTHER_COMMUNITY})
    await acknowledge(api, CITIZEN, READ, id_)
    assert stored.reach_of(id_) == {COMMUNITY: (1, 1, 0)}


async def test_acknowledgements_are_audited_and_announce_nothing(api: Serving, stored: Stored) -> None:
    stored.member(CITIZEN, COMMUNITY)
    await acknowledge(api, CITIZEN, READ, stored.notice())
    with stored.engine.connect() as conn:
        audited = conn.execute(text("SELECT caller, method, resource FROM audit_entry")).all()
        assert [tuple(row) for row in audited] == [
            (CITIZEN.user, "onegrid.notify.v1.NotifyService.AcknowledgeInboxItems", CITIZEN.user)
        ]
        assert conn.execute(text("SELECT count(*) FROM outbox")).scalar_one() == 0
