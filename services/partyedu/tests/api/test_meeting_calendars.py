"""Meetings in calendars, read by icalendar's own parser; behind secret links that end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest_asyncio
from icalendar import Calendar

from onegrid.partyedu.v1.members_pb2 import EndReason
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.waiting import HANG_S

from .line import OTHER_COMMITTEE, Line
from .meeting import BEGIN, account, planned, schedule
from .people import CITIZEN, KEEPER


@pytest_asyncio.fixture
async def line(line: Line) -> Line:
    line.clock.set(BEGIN - timedelta(days=7))
    return line


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HANG_S)) as session:
        yield session


async def fetch(line: Line, http: aiohttp.ClientSession, path: str, etag: str = "") -> tuple[int, str, bytes]:
    async with http.get(f"{line.api.http_url}{path}", headers={"If-None-Match": etag} if etag else {}) as answer:
        assert answer.status != 200 or answer.content_type == "text/calendar"
        return answer.status, answer.headers.get("ETag", ""), await answer.read()


async def test_a_meeting_keeps_its_uid_and_counts_its_changes(line: Line) -> None:
    _, who = await account(line, "who")
    _, stranger = await account(line, "stranger", OTHER_COMMITTEE)
    new = await schedule(line)

    async def read() -> Calendar:
        answer = await line.api.call(who, "GetMeetingCalendar", name=new.name)
        assert all(len(each) <= 75 for each in answer.ical.split(b"\r\n"))
        return Calendar.from_ical(answer.ical)

    calendar = await read()
    (event,) = calendar.events
    assert (str(calendar["METHOD"]), str(event["STATUS"]), int(event["SEQUENCE"])) == ("PUBLISH", "CONFIRMED", 0)
    assert event["DTSTART"].params["TZID"] == "Asia/Shanghai"
    assert [str(zone["TZID"]) for zone in calendar.timezones] == ["Asia/Shanghai"]
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (BEGIN, BEGIN + timedelta(minutes=90))
    assert (str(event["SUMMARY"]), str(event["LOCATION"])) == ("七月党员大会", "社区活动室")
    assert str(event["DESCRIPTION"]) == "1. 学习\n2. 讨论"
    assert event["ORGANIZER"].params["CN"] == "yijing"
    uid = str(event["UID"])
    await line.api.call(KEEPER, "ChangeMeeting", name=new.name, plan=planned(BEGIN + timedelta(days=1)))
    (event,) = (await read()).events
    assert (str(event["UID"]), int(event["SEQUENCE"])) == (uid, 1)
    assert event["DTSTART"].dt == BEGIN + timedelta(days=1)
    await line.api.call(KEEPER, "CancelMeeting", name=new.name, reason="停电")
    calendar = await read()
    (event,) = calendar.events
    assert (str(calendar["METHOD"]), str(event["STATUS"]), int(event["SEQUENCE"])) == ("CANCEL", "CANCELLED", 2)
    assert str(event["UID"]) == uid
    refused = await line.refused(stranger, "GetMeetingCalendar", name=new.name)
    assert refused.reason == "PERMISSION_DENIED"


async def test_a_member_subscribes_to_their_meetings(line: Line, http: aiohttp.ClientSession) -> None:
    _, who = await account(line, "who")
    link = (await line.api.call(who, "CreateMeetingCalendarLink", reminder_minutes=60)).link
    first, second = await schedule(line), await schedule(line, plan=planned(BEGIN + timedelta(days=30)))
    await schedule(line, OTHER_COMMITTEE)
    await line.api.call(KEEPER, "CancelMeeting", name=second.name, reason="停电")
    status, etag, body = await fetch(line, http, link.path)
    assert status == 200
    calendar = Calendar.from_ical(body)
    assert str(calendar["METHOD"]) == "PUBLISH"
    one, other = calendar.events
    assert (str(one["UID"]), str(one["STATUS"])) == (
        f"{first.name.removeprefix('meetings/')}@partyedu.onegrid",
        "CONFIRMED",
    )
    assert [each["TRIGGER"].dt for each in one.walk("VALARM")] == [timedelta(minutes=-60)]
    assert (str(other["STATUS"]), other.walk("VALARM")) == ("CANCELLED", [])
    assert one["DTSTART"].dt.astimezone(CHINA).hour == 19
    assert (await fetch(line, http, link.path, etag))[:2] == (304, etag)
    line.later(days=90)
    later = Calendar.from_ical((await fetch(line, http, link.path, etag))[2])
    assert not later.events


async def test_a_link_ends_when_it_is_replaced_or_revoked_or_the_membership_ends(
    line: Line, http: aiohttp.ClientSession
) -> None:
    member, who = await account(line, "who")
    other, stranger = await account(line, "stranger", OTHER_COMMITTEE)
    assert (await line.refused(CITIZEN, "CreateMeetingCalendarLink")).reason == "NOT_FOUND"
    paths = [(await line.api.call(who, "CreateMeetingCalendarLink")).link.path for _ in range(2)]
    assert [(await fetch(line, http, path))[0] for path in paths] == [404, 200]
    name = f"meetingCalendarLinks/{member.name.removeprefix('members/')}"
    refused = await line.refused(stranger, "RevokeMeetingCalendarLink", name=name)
    assert refused.reason == "PERMISSION_DENIED"
    await line.api.call(who, "RevokeMeetingCalendarLink", name=name)
    assert (await fetch(line, http, paths[1]))[0] == 404
    path = (await line.api.call(stranger, "CreateMeetingCalendarLink")).link.path
    assert (await fetch(line, http, path))[0] == 200
    line.know(stranger.user, version=2, active=False)
    assert (await fetch(line, http, path))[0] == 404
    line.know(stranger.user, version=3)
    assert (await fetch(line, http, path))[0] == 200
    await line.api.call(KEEPER, "EndMembership", name=other.name, reason=EndReason.END_REASON_MOVED_AWAY)
    assert (await fetch(line, http, path))[0] == 404
