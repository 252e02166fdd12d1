"""Calendars of shifts over HTTP: as iCalendar has them, behind secret links that end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import aiohttp
import pytest
import pytest_asyncio
from icalendar import Calendar, Event
from sqlalchemy import Engine

from onegrid_duty.roster import Person
from onegrid_duty.store.people import keep_person
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import timestamp

from .rostering import A_DAY, COMMANDER, HANDOFF, LI, READER, ROSTER, START, WANG, ZHANG, define, rotation, shifts
from .test_escalation import who

CHINA, BERLIN = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin")
HORIZON = timedelta(weeks=8)


@pytest.fixture(autouse=True)
def reader(engine: Engine) -> None:
    with engine.begin() as conn:
        keep_person(conn, READER.user, 1, Person(staff=True, active=True, reachable=True))


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_S)) as session:
        yield session


async def fetch(api: Serving, http: aiohttp.ClientSession, path: str, etag: str = "") -> tuple[int, str, bytes]:
    async with http.get(f"{api.http_url}{path}", headers={"If-None-Match": etag} if etag else {}) as answer:
        assert answer.status != 200 or answer.content_type == "text/calendar"
        return answer.status, answer.headers.get("ETag", ""), await answer.read()


async def calendar(api: Serving, http: aiohttp.ClientSession, path: str) -> Calendar:
    status, _, body = await fetch(api, http, path)
    assert status == 200
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    return Calendar.from_ical(body)


async def own_link(api: Serving, of: str, reminder_minutes: int = 0) -> str:
    answer = await api.call(who(of), "CreateCalendarLink", reminder_minutes=reminder_minutes)
    return str(answer.link.path)


async def roster_link(api: Serving) -> str:
    return str((await api.call(READER, "CreateRosterCalendarLink", roster=ROSTER)).link.path)


def times(event: Event) -> tuple[datetime, datetime]:
    return event["DTSTART"].dt, event["DTEND"].dt


async def test_an_officer_reads_their_own_shifts_in_the_time_of_the_roster(
    api: Serving, http: aiohttp.ClientSession
) -> None:
    await define(api)
    found = await calendar(api, http, await own_link(api, "wang", 30))
    fixed = [each for each in await shifts(api, START, START + HORIZON - A_DAY) if each[0] == WANG]
    events = found.events
    assert [times(each) for each in events][: len(fixed)] == [(begin, end) for _, begin, end in fixed]
    first = events[0]
    assert (first["DTSTART"].params["TZID"], first["SUMMARY"]) == ("Asia/Shanghai", "指挥中心值班")
    assert first["DTSTART"].dt.astimezone(CHINA).hour == 8
    assert [alarm["TRIGGER"].dt for alarm in first.walk("VALARM")] == [timedelta(minutes=-30)]
    assert [str(zone["TZID"]) for zone in found.timezones] == ["Asia/Shanghai"]
    assert len({str(each["UID"]) for each in events}) == len(events)
    assert not (await calendar(api, http, await own_link(api, "zhang"))).events


async def test_who_has_read_it_learns_that_nothing_has_changed(
    api: Serving, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    await define(api)
    path = await own_link(api, "wang")
    _, etag, _ = await fetch(api, http, path)
    clock.set(START + timedelta(hours=1))
    for known in (etag, f'"other", W/{etag}', "*"):
        assert await fetch(api, http, path, known) == (304, etag, b"")
    assert (await fetch(api, http, path, '"other"'))[0] == 200
    over = {"begin_time": timestamp(HANDOFF + A_DAY), "end_time": timestamp(HANDOFF + 2 * A_DAY)}
    await api.call(COMMANDER, "CreateOverride", roster=ROSTER, user=ZHANG, reason="替班", **over)
    status, newer, _ = await fetch(api, http, path, etag)
    assert (status, newer != etag) == (200, True)


async def test_a_shift_keeps_its_uid_and_counts_its_changes(
    api: Serving, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    await define(api)
    path = await roster_link(api)

    async def tomorrow() -> tuple[str, int, str, datetime]:
        event = next(each for each in (await calendar(api, http, path)).events if times(each)[0] == HANDOFF + A_DAY)
        return str(event["UID"]), int(event["SEQUENCE"]), str(event["SUMMARY"]), event["LAST-MODIFIED"].dt

    before = await tomorrow()
    clock.set(START + timedelta(minutes=5))
    await define(api, rotations=[rotation(ZHANG, LI)])
    after = await tomorrow()
    names = [f"指挥中心值班 {each.removeprefix('users/')}" for each in (WANG, ZHANG)]
    assert before == (before[0], 1, names[0], START)
    assert after == (before[0], 2, names[1], clock.now())


async def test_a_link_ends_when_it_is_replaced_or_revoked(api: Serving, http: aiohttp.ClientSession) -> None:
    await define(api)
    old, other = await own_link(api, "wang"), await roster_link(api)
    new = await own_link(api, "wang")
    assert [(await fetch(api, http, path))[0] for path in (old, new, other)] == [404, 200, 200]
    mine, of_roster = "calendarLinks/0000wang", f"calendarLinks/{READER.user[6:]}-{ROSTER[8:]}"
    await api.call(who("wang"), "RevokeCalendarLink", name=mine)
    await api.call(who("wang"), "RevokeCalendarLink", name=mine)
    with pytest.raises(Refused) as refused:
        await api.call(who("wang"), "RevokeCalendarLink", name=of_roster)
    assert refused.value.reason == "PERMISSION_DENIED"
    assert [(await fetch(api, http, path))[0] for path in (new, other)] == [404, 200]
    await api.call(READER, "RevokeCalendarLink", name=of_roster)
    assert (await fetch(api, http, other))[0] == 404
    assert (await fetch(api, http, "/v1/calendars/none.ics"))[0] == 404


async def test_a_link_ends_with_its_account_and_one_to_a_roster_with_time(
    api: Serving, http: aiohttp.ClientSession, engine: Engine, clock: SettableClock
) -> None:
    await define(api)
    own, of_roster = await own_link(api, "wang"), await roster_link(api)
    clock.set(START + timedelta(days=181))
    assert [(await fetch(api, http, path))[0] for path in (own, of_roster)] == [200, 404]
    with engine.begin() as conn:
        keep_person(conn, WANG, 2, Person(staff=True, active=False, reachable=True))
    assert (await fetch(api, http, own))[0] == 404


async def test_nobody_makes_a_link_to_a_roster_that_is_not_there(api: Serving) -> None:
    with pytest.raises(Refused) as refused:
        await roster_link(api)
    assert refused.value.reason == "NOT_FOUND"


async def test_the_zone_in_the_calendar_has_the_offsets_of_the_rosters_zone(
    api: Serving, http: aiohttp.ClientSession, clock: SettableClock
) -> None:
    """Around the night in which summer time ends, at 1:00 UTC: readers need no list of zones of their own."""
    night = datetime(2021, 10, 30, 12, tzinfo=BERLIN)
    clock.set(night)
    daily = {"first_date": "2021-10-29", "unit": 1, "length": 1, "handoff_time": "00:30"}
    await define(api, time_zone="Europe/Berlin", rotations=[rotation(WANG, LI, **daily)])
    found = await calendar(api, http, await roster_link(api))
    (zone,) = found.timezones
    offsets = zone.to_tz()
    for event in found.events:
        for name in ("DTSTART", "DTEND"):
            value = event[name].dt
            if event[name].params.get("TZID"):
                wall = value.replace(tzinfo=None)
                assert wall.replace(tzinfo=offsets).utcoffset() == wall.replace(tzinfo=BERLIN).utcoffset()
    expected = [(begin, end) for _, begin, end in await shifts(api, night, night + 3 * A_DAY)]
    read = [tuple(each.timestamp() for each in times(event)) for event in found.events]
    assert read[: len(expected)] == [(begin.timestamp(), end.timestamp()) for begin, end in expected]
