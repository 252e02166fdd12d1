"""How far a notice reached, who must still confirm it, and that everybody is counted once whatever is killed."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Reach
from onegrid_kit import steps
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.steps import State, StepRunner, Work
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.waiting import eventually
from onegrid_notify.main import SERVICE
from onegrid_notify.reach import counting_id
from onegrid_notify.store import places
from onegrid_notify.store.matching import MEMBERS

from .editors import CLERK, COMMANDER, OFFICE, OTHER_CLERK, OTHER_STREET_DESK, STREET_DESK, Newsroom
from .people import CELL, CITIZEN, COMMUNITY, DISTRICT, OTHER_STREET, STREET, STREET_LEVEL, WORKER
from .stepping import stepping
from .stored import Stored

pytestmark = pytest.mark.asyncio

READ = Acknowledgement.ACKNOWLEDGEMENT_READ
CONFIRMED = Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED
HOMES = (DISTRICT, STREET, COMMUNITY, CELL, "210602003008", OTHER_STREET, "210602004001", "210602004001002")


def take_steps(engine: Engine, clock: SettableClock) -> None:
    """Until there is nothing left to do."""
    runner = StepRunner("notify", engine, SERVICE.load_steps(), clock)
    while runner.step():
        pass


async def acknowledge(api: Serving, reader: Caller, article: str, what: int) -> None:
    item = {"name": article.replace("articles/", "inboxItems/")}
    await api.call(reader, "AcknowledgeInboxItems", items=[item], acknowledgement=what)


def figures(of: Reach) -> tuple[int, int, int, int]:
    assert of.received.denominator == of.read.denominator == of.confirmed.denominator == of.audience
    return of.audience, of.received.numerator, of.read.numerator, of.confirmed.numerator


async def test_the_audience_is_counted_by_place_while_readers_have_the_notice_already(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock
) -> None:
    readers = [public(f"reader{number}", DISTRICT) for number in range(len(HOMES))]
    for reader, home in zip(readers, HOMES, strict=True):
        stored.member(reader, home)
    article = await newsroom.published(push=True)
    await acknowledge(api, readers[3], article.name, CONFIRMED)
    found = await api.call(COMMANDER, "GetReach", name=article.name)
    assert found.counting
    assert figures(found.total) == (0, 1, 1, 1)
    take_steps(stored.engine, clock)
    await acknowledge(api, readers[0], article.name, READ)
    found = await api.call(COMMANDER, "GetReach", name=article.name)
    assert not found.counting
    assert found.total.place == DISTRICT
    assert figures(found.total) == (8, 2, 2, 1)
    assert [(part.place, figures(part)) for part in found.parts] == [
        ("", (1, 1, 1, 0)),
        (STREET, (4, 1, 1, 1)),
        (OTHER_STREET, (3, 0, 0, 0)),
    ]
    found = await api.call(STREET_DESK, "GetReach", name=article.name, place=STREET)
    assert [(part.place, part.audience) for part in found.parts] == [("", 1), (COMMUNITY, 2), ("210602003008", 1)]
    found = await api.call(STREET_DESK, "GetReach", name=article.name, place=COMMUNITY)
    assert (figures(found.total), list(found.parts)) == ((2, 1, 1, 1), [])


async def test_reach_is_for_who_may_see_the_place_or_the_notice_s_office(
    api: Serving, newsroom: Newsroom, stored: Stored
) -> None:
    article = await newsroom.published(owner=OFFICE, push=True)
    assert (await api.call(CLERK, "GetReach", name=article.name)).total.place == DISTRICT
    assert (await api.call(OTHER_STREET_DESK, "GetReach", name=article.name, place=OTHER_STREET)).counting
    for caller, place in ((OTHER_CLERK, ""), (OTHER_STREET_DESK, ""), (OTHER_STREET_DESK, STREET)):
        with pytest.raises(Refused) as refused:
            await api.call(caller, "GetReach", name=article.name, place=place)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "GetReach", name=f"articles/{DISTRICT}-20201111-ZZZZZZZZ")
    assert refused.value.code == grpc.StatusCode.NOT_FOUND


async def test_what_readers_never_had_has_no_reach_and_no_recipients(
    api: Serving, newsroom: Newsroom, clock: SettableClock
) -> None:
    draft = await newsroom.draft(push=True)
    later = clock.now() + timedelta(days=1)
    scheduled = await newsroom.published(push=True, must_confirm=True, publish_time=later)
    for article, state in ((draft, "DRAFT"), (scheduled, "SCHEDULED")):
        with pytest.raises(Refused) as refused:
            await api.call(COMMANDER, "GetReach", name=article.name)
        assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
        assert refused.value.metadata["state"] == state
        with pytest.raises(Refused) as refused:
            await api.call(COMMANDER, "ListRecipients", article=article.name, place=DISTRICT)
        assert refused.value.code == grpc.StatusCode.NOT_FOUND
    clock.set(later)
    # Readers have it by the clock; the job that has it counted comes after that.
    assert (await api.call(COMMANDER, "GetReach", name=scheduled.name)).counting
    newsroom.open_articles()
    assert (await api.call(COMMANDER, "GetReach", name=scheduled.name)).counting
    plain = await newsroom.published()
    found = await api.call(COMMANDER, "GetReach", name=plain.name)
    assert (found.counting, figures(found.total), list(found.parts)) == (False, (0, 0, 0, 0), [])


async def test_a_correction_that_makes_it_unread_begins_to_count_anew(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    article = await newsroom.published(push=True, must_confirm=True)
    take_steps(stored.engine, clock)

    async def reached() -> tuple[int, int, int, int]:
        return figures((await api.call(COMMANDER, "GetReach", name=article.name)).total)

    async def correct(**fields: Any) -> None:
        content = {"title": "更正", "body_html": "<p>更正</p>"}
        await api.call(
            COMMANDER, "CorrectArticle", name=article.name, content=content, correction_note="更正", **fields
        )

    await acknowledge(api, CITIZEN, article.name, CONFIRMED)
    await correct()
    assert await reached() == (1, 1, 1, 1)
    await correct(unread_again=True)
    assert await reached() == (1, 1, 0, 0)
    (recipient,) = (await api.call(COMMANDER, "ListRecipients", article=article.name, place=DISTRICT)).recipients
    assert not recipient.HasField("confirm_time")
    await acknowledge(api, CITIZEN, article.name, CONFIRMED)
    assert await reached() == (1, 1, 1, 1)


async def test_a_withdrawal_stops_the_counting(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock
) -> None:
    stored.member(CITIZEN, COMMUNITY)
    article = await newsroom.published(push=True, must_confirm=True)
    await api.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")
    take_steps(stored.engine, clock)
    found = await api.call(COMMANDER, "GetReach", name=article.name)
    assert (found.counting, found.total.audience) == (False, 0)
    with stored.engine.connect() as conn:
        work = steps.find(conn, counting_id(article.name))
    assert work is not None
    assert work.state is State.STOPPED


async def test_recipients_are_listed_for_their_place_and_each_reading_of_them_is_audited(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock
) -> None:
    readers = [public(f"reader{number}", DISTRICT) for number in range(9)]
    homes = [CELL, COMMUNITY, OTHER_STREET] * 3
    for reader, home in zip(readers, homes, strict=True):
        stored.member(reader, home)
    article = await newsroom.published(push=True, must_confirm=True)

    async def recipients(by: Caller, place: str, **fields: Any) -> list[Any]:
        found: list[Any] = []
        token = ""
        while True:
            page = await api.call(
                by, "ListRecipients", article=article.name, place=place, page_size=2, page_token=token, **fields
            )
            found.extend(page.recipients)
            token = page.next_page_token
            if not token:
                return found

    answer = await api.call(COMMANDER, "ListRecipients", article=article.name, place=DISTRICT)
    assert (answer.counting, list(answer.recipients)) == (True, [])
    take_steps(stored.engine, clock)
    await acknowledge(api, readers[0], article.name, CONFIRMED)
    await acknowledge(api, readers[1], article.name, READ)
    assert not (await api.call(COMMANDER, "ListRecipients", article=article.name, place=DISTRICT)).counting
    everyone = [(each.place, each.user) for each in await recipients(COMMANDER, DISTRICT, show_confirmed=True)]
    assert everyone == sorted(zip(homes, (reader.user for reader in readers), strict=True))
    assert [each.user for each in await recipients(WORKER, CELL)] == [readers[3].user, readers[6].user]
    of_community = {each.user: each for each in await recipients(STREET_DESK, COMMUNITY, show_confirmed=True)}
    assert len(of_community) == 6
    steps_of = {
        user: (each.HasField("receive_time"), each.HasField("read_time"), each.HasField("confirm_time"))
        for user, each in of_community.items()
    }
    assert steps_of[readers[0].user] == (True, True, True)
    assert steps_of[readers[1].user] == (True, True, False)
    assert steps_of[readers[3].user] == (False, False, False)
    with pytest.raises(Refused) as refused:
        await recipients(STREET_DESK, OTHER_STREET)
    assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    with stored.engine.connect() as conn:
        audited = conn.execute(
            text("SELECT DISTINCT caller, resource FROM audit_entry WHERE method LIKE '%ListRecipients'")
        ).all()
    assert {tuple(row) for row in audited} == {
        (caller.user, article.name) for caller in (COMMANDER, WORKER, STREET_DESK)
    }


@pytest.mark.parametrize("seed", range(5))
async def test_whoever_is_counted_has_it_in_the_inbox_and_is_a_recipient_once(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock, seed: int
) -> None:
    rng = random.Random(seed)
    kinds = [AccountKind.ACCOUNT_KIND_CITIZEN, AccountKind.ACCOUNT_KIND_ENTERPRISE]
    readers = [public(f"reader{number}", DISTRICT, rng.choice(kinds)) for number in range(25)]
    moved = clock.now() - timedelta(days=rng.choice([0, 1]))
    for reader in readers:
        first, second = rng.sample(HOMES, 2)
        stored.member(reader, first, end=moved)
        stored.member(reader, second, begin=moved)
        for scope in rng.sample(HOMES[:3], rng.randint(0, 2)):
            stored.member(reader, scope, role="roles/street-coordinator", oa_level=int(STREET_LEVEL))
    selectors = [
        {
            "places": rng.sample(HOMES[:7], rng.randint(1, 3)),
            **rng.choice([{}, {"kinds": [rng.choice(kinds)]}, {"oa_levels": [STREET_LEVEL]}]),
        }
        for _ in range(rng.randint(1, 4))
    ]
    with stored.engine.begin() as conn:
        for code in HOMES:
            places.keep_place(conn, code, 1, code)
    article = await newsroom.published(push=True, must_confirm=True, audience={"any_of": selectors})
    take_steps(stored.engine, clock)
    found = await api.call(
        COMMANDER, "ListRecipients", article=article.name, place=DISTRICT, show_confirmed=True, page_size=500
    )
    counted = Counter(each.user for each in found.recipients)
    has_it = {reader.user for reader in readers if (await api.call(reader, "ListInboxItems")).items}
    assert counted == Counter(has_it)
    reached = await api.call(COMMANDER, "GetReach", name=article.name)
    assert reached.total.audience == sum(part.audience for part in reached.parts) == len(has_it)


async def test_everybody_is_written_down_once_whatever_is_killed(
    api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock, database_url: str
) -> None:
    rng = random.Random()
    with stored.engine.begin() as conn:
        conn.execute(
            text(
                """
                INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
                SELECT '210602', 'users/' || md5(CAST(number AS text)), codes[1 + number % cardinality(codes)],
                       2, 0, '',
                       CASE WHEN number % 10 = 0 AND part = 2 THEN timestamptz '2010-01-01' ELSE '2000-01-01' END,
                       CASE WHEN number % 10 = 0 AND part = 1 THEN timestamptz '2010-01-01' ELSE '9999-01-01' END
                FROM generate_series(1, 20000) AS number, (SELECT CAST(:codes AS text[]) AS codes) AS given,
                     generate_series(1, CASE WHEN number % 10 = 0 THEN 2 ELSE 1 END) AS part
                """
            ),
            {"codes": list(HOMES)},
        )
    audience = {"any_of": [{"places": [STREET]}, {"places": [COMMUNITY, OTHER_STREET]}]}
    article = await newsroom.published(push=True, must_confirm=True, audience=audience)

    def counting() -> Work:
        with stored.engine.connect() as conn:
            work = steps.find(conn, counting_id(article.name))
        assert work is not None
        return work

    def finished() -> bool:
        # PostgreSQL may hold for a while what a killed process had locked.
        take_steps(stored.engine, clock)
        return counting().state == State.DONE

    kills = 0
    while kills < 10:
        before = counting().done
        with stepping(database_url):
            wanted = before + rng.randint(1, 600)
            eventually(lambda: counting().done >= wanted)  # noqa: B023
        kills += 1
    eventually(finished)
    with stored.engine.connect() as conn:
        expected = conn.execute(
            text(
                f"""
                SELECT m.user_name, min(m.code) AS place FROM selector s JOIN membership m ON {MEMBERS}
                WHERE s.article = :article GROUP BY m.user_name ORDER BY m.user_name
                """
            ),
            {"article": article.name.removeprefix("articles/")},
        ).all()
        written = conn.execute(text("SELECT user_name, place FROM recipient ORDER BY user_name")).all()
        counted = conn.execute(text("SELECT place, audience FROM reach ORDER BY place")).all()
    assert written == expected
    assert dict(counted) == Counter(place[:12] for _, place in expected)  # type: ignore[arg-type]
    assert counting().done == len(expected)
