"""Which meetings branches should have held, over real gRPC and a real database."""

from __future__ import annotations

from datetime import datetime

import pytest_asyncio
from prometheus_client import REGISTRY
from sqlalchemy import insert, select

from onegrid.partyedu.v1.meetings_pb2 import MeetingKind, OverdueMeeting
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit.clock import CHINA
from onegrid_kit.timestamps import moment
from onegrid_partyedu.jobs import JOBS
from onegrid_partyedu.tables import organization

from .line import BRANCH, SECRETARY, Line
from .meeting import ASSEMBLY, account, closed, opened, planned, schedule
from .people import COMMUNITY, DISTRICT, OTHER_STREET, SUPERVISOR

THEMED_DAY = MeetingKind.MEETING_KIND_THEMED_DAY
COMMITTEE_MEETING = MeetingKind.MEETING_KIND_COMMITTEE
GROUP = MeetingKind.MEETING_KIND_GROUP


@pytest_asyncio.fixture
async def branch(line: Line) -> str:
    """A branch that was entered in January 2026."""
    line.clock.set(datetime(2026, 1, 15, tzinfo=CHINA))
    name = f"organizations/{COMMUNITY}-new"
    await line.define(name)
    return name


async def overdue(line: Line, of: str, scope: str = DISTRICT, **fields: object) -> dict[MeetingKind, OverdueMeeting]:
    answer = await line.api.call(SUPERVISOR, "ListMeetingsOverdue", scope=scope, **fields)
    return {each.kind: each for each in answer.overdue if each.organization == of}


async def held(line: Line, of: str, kind: MeetingKind, begin: datetime) -> None:
    meeting = await schedule(line, of, kind, planned(begin))
    await closed(line, await opened(line, meeting))


async def test_a_new_branch_has_until_the_end_of_the_next_period(line: Line, branch: str) -> None:
    line.clock.set(datetime(2026, 2, 28, 23, 59, tzinfo=CHINA))
    assert not await overdue(line, branch)
    line.clock.set(datetime(2026, 3, 1, tzinfo=CHINA))
    found = await overdue(line, branch)
    assert list(found) == [THEMED_DAY]
    assert not found[THEMED_DAY].HasField("last_time")
    assert moment(found[THEMED_DAY].due_time) == datetime(2026, 3, 1, tzinfo=CHINA)
    line.clock.set(datetime(2026, 7, 1, tzinfo=CHINA))
    assert set(await overdue(line, branch)) == {ASSEMBLY, THEMED_DAY}
    assert set(await overdue(line, branch, kind=ASSEMBLY)) == {ASSEMBLY}
    assert not await overdue(line, branch, OTHER_STREET)


async def test_what_is_held_is_owed_again_after_the_next_period(line: Line, branch: str) -> None:
    await held(line, branch, THEMED_DAY, datetime(2026, 3, 31, 22, tzinfo=CHINA))
    line.clock.set(datetime(2026, 4, 30, 23, tzinfo=CHINA))
    assert not await overdue(line, branch, kind=THEMED_DAY)
    await schedule(line, branch, THEMED_DAY, planned(datetime(2026, 5, 1, 9, tzinfo=CHINA)))
    line.clock.set(datetime(2026, 5, 1, tzinfo=CHINA))
    (owed,) = (await overdue(line, branch, kind=THEMED_DAY)).values()
    assert moment(owed.last_time) == datetime(2026, 3, 31, 22, tzinfo=CHINA)
    assert moment(owed.due_time) == datetime(2026, 5, 1, tzinfo=CHINA)
    await held(line, branch, THEMED_DAY, datetime(2026, 5, 20, 9, tzinfo=CHINA))
    assert not await overdue(line, branch, kind=THEMED_DAY)


async def test_committees_and_groups_meet_where_there_are_some(line: Line) -> None:
    people = [await account(line, f"officer{number}") for number in range(3)]
    posts = (SECRETARY, OfficerPost.OFFICER_POST_ORGANIZATION, OfficerPost.OFFICER_POST_PUBLICITY)
    await line.elect(BRANCH, *zip(posts[:2], [member.name for member, _ in people[:2]], strict=True))
    begin = line.later(days=200)
    assert not {COMMITTEE_MEETING, GROUP} & set(await overdue(line, BRANCH))
    await line.elect(BRANCH, *zip(posts, [member.name for member, _ in people], strict=True))
    assert COMMITTEE_MEETING in await overdue(line, BRANCH)
    await held(line, BRANCH, GROUP, begin)
    assert GROUP not in await overdue(line, BRANCH)
    line.later(days=100)
    assert GROUP in await overdue(line, BRANCH)


async def test_supervisors_see_how_many_branches_are_late(line: Line, branch: str) -> None:
    others = 3
    for number in range(others):
        await line.define(f"organizations/{COMMUNITY}-other{number}")

    (measure,) = [job.run for job in JOBS if job.name == "measure meetings"]

    def measured(name: str) -> float | None:
        with line.engine.begin() as conn:
            measure(conn, line.clock.now())
        return REGISTRY.get_sample_value(name, {"service": "partyedu", "kind": "THEMED_DAY"})

    # The branch that these tests begin with was entered when they began.
    await held(line, BRANCH, THEMED_DAY, datetime(2026, 3, 2, 9, tzinfo=CHINA))
    line.clock.set(datetime(2026, 3, 5, tzinfo=CHINA))
    assert measured("onegrid_party_meetings_overdue") == others + 1
    assert measured("onegrid_party_meetings_late_ratio") == 0
    await held(line, branch, THEMED_DAY, datetime(2026, 3, 10, 9, tzinfo=CHINA))
    line.clock.set(datetime(2026, 4, 10, tzinfo=CHINA))
    assert measured("onegrid_party_meetings_overdue") == others
    assert measured("onegrid_party_meetings_late_ratio") == others / (others + 2)
    # Another district on the platform does well: it takes nothing from that.
    with line.engine.begin() as conn:
        new = {"district": "210603", "create_time": line.clock.now(), "term": 0, "parent": ""}
        for row in conn.execute(select(organization)).mappings().all():
            conn.execute(insert(organization).values({**row, **new, "id": row["id"].replace("210602", "210603")}))
    assert measured("onegrid_party_meetings_overdue") == others
    assert measured("onegrid_party_meetings_late_ratio") == others / (others + 2)
