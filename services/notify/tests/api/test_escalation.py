"""Urgent notices go on to those who have not read them, rung by rung, and at last to their doors."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, event, text

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.notify_service_pb2 import GetEscalationResponse, Recipient
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Article, VisitOutcome
from onegrid_kit import steps
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.testing.ladders import climb_due
from onegrid_notify import metrics
from onegrid_notify.commands import escalation
from onegrid_notify.escalation import CLIMB, climbing_id
from onegrid_notify.main import SERVICE
from onegrid_notify.quiet import QuietHours
from onegrid_notify.store.escalation import begin_rung

from .editors import CLERK, COMMANDER, RESIDENT, Newsroom
from .outside import Outside
from .people import (
    CELL,
    CITIZEN,
    COMMUNITY,
    DISTRICT,
    LEAD,
    OTHER_STREET,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    WORKER,
)
from .stored import Stored

pytestmark = pytest.mark.asyncio

READ = Acknowledgement.ACKNOWLEDGEMENT_READ
CONFIRMED = Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED
SMS, EMAIL, VISIT = Channel.CHANNEL_SMS, Channel.CHANNEL_EMAIL, Channel.CHANNEL_UNSPECIFIED
IN_PERSON, BY_PHONE, NOT_FOUND = list(VisitOutcome.values())[1:]
AFTER = timedelta(minutes=10)
NEXT_CELL = COMMUNITY + "006"


class Ladder:
    """An urgent notice, its readers, and the worker that has it go on."""

    def __init__(self, api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock) -> None:
        self.api = api
        self.newsroom = newsroom
        self.stored = stored
        self.engine: Engine = stored.engine
        self.clock = clock
        self.runner = StepRunner("notify", self.engine, SERVICE.load_steps(), clock)

    async def publish(self, *channels: Channel, door_to_door: bool = True, **fields: Any) -> Article:
        plan = {"after": AFTER, "channels": channels, "door_to_door": door_to_door}
        article = await self.newsroom.published(push=True, urgent=True, must_confirm=True, escalation=plan, **fields)
        self.take_steps()
        return article

    async def acknowledge(self, reader: Caller, article: Article, what: int) -> None:
        item = {"name": article.name.replace("articles/", "inboxItems/")}
        await self.api.call(reader, "AcknowledgeInboxItems", items=[item], acknowledgement=what)

    def run(self, name: str) -> None:
        job = job_of(SERVICE, name)
        assert run_job("notify", self.engine, job, self.clock.now())

    def climb(self) -> None:
        climb_due(SERVICE, self.engine, self.clock)

    def take_steps(self) -> None:
        while self.runner.step():
            pass

    def wait(self, time: timedelta = AFTER) -> None:
        """Let so much time pass, and everything be done that is due then."""
        self.clock.set(self.clock.now() + time)
        self.climb()
        self.take_steps()

    def sent(self, article: Article) -> Counter[tuple[str, str, str]]:
        """To whom it was sent, by which channel, at which rung."""
        with self.engine.connect() as conn:
            rows = conn.execute(text("SELECT id FROM sending WHERE batch = :name"), {"name": article.name})
            parts = [row.id.removeprefix(article.name.removeprefix("articles/") + "/") for row in rows]
        return Counter(tuple(part.rsplit("/", 2)) for part in parts)  # type: ignore[misc]

    def listed(self, article: Article) -> set[str]:
        """Who was ever put onto the list of visits."""
        query = text("SELECT user_name FROM recipient WHERE 'articles/' || article = :name AND visit_version > 0")
        with self.engine.connect() as conn:
            return set(conn.execute(query, {"name": article.name}).scalars())

    async def state(self, article: Article) -> GetEscalationResponse:
        found: GetEscalationResponse = await self.api.call(COMMANDER, "GetEscalation", name=article.name)
        return found

    async def to_visit(self, article: Article, place: str = DISTRICT, by: Caller = COMMANDER) -> list[Recipient]:
        answer = await self.api.call(by, "ListRecipients", article=article.name, place=place, to_visit_only=True)
        return list(answer.recipients)

    async def confirm(self, by: Caller, article: Article, user: str, outcome: int) -> Recipient:
        answer = await self.api.call(
            by, "ConfirmRecipient", article=article.name, user=user, outcome=outcome, request_id=str(uuid.uuid4())
        )
        return answer.recipient  # type: ignore[no-any-return]


@pytest.fixture
def ladder(api: Serving, newsroom: Newsroom, stored: Stored, clock: SettableClock) -> Ladder:
    return Ladder(api, newsroom, stored, clock)


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


READERS = [public(f"reader{number}", DISTRICT) for number in range(4)]


@pytest.fixture
def readers(stored: Stored) -> list[Caller]:
    """At home in a cell, the next cell, a community and a street."""
    for reader, home in zip(READERS, (CELL, NEXT_CELL, COMMUNITY, STREET), strict=True):
        stored.member(reader, home)
    return READERS


async def test_each_rung_goes_to_those_who_have_not_read_it(ladder: Ladder, readers: list[Caller]) -> None:
    article = await ladder.publish(SMS, EMAIL)
    first, second, third, fourth = (reader.user for reader in readers)
    ladder.wait(AFTER - timedelta(seconds=1))
    assert not ladder.sent(article)
    await ladder.acknowledge(readers[0], article, READ)
    ladder.wait(timedelta(seconds=1))
    assert ladder.sent(article) == Counter((user, "SMS", "1") for user in (second, third, fourth))
    await ladder.acknowledge(readers[1], article, CONFIRMED)
    ladder.wait()
    by_mail = Counter((user, "EMAIL", "2") for user in (third, fourth))
    assert ladder.sent(article) == Counter((user, "SMS", "1") for user in (second, third, fourth)) + by_mail
    assert not await ladder.to_visit(article)
    ladder.wait()
    # Who has read it and not confirmed it is visited, too.
    assert {each.user for each in await ladder.to_visit(article)} == {first, third, fourth}
    ladder.wait(timedelta(days=1))
    assert sum(ladder.sent(article).values()) == 5


async def test_what_is_sent_goes_before_all_that_is_not_urgent_and_can_be_stopped_with_the_article(
    ladder: Ladder, readers: list[Caller]
) -> None:
    article = await ladder.publish(SMS, expire_time=ladder.clock.now() + timedelta(hours=1))
    ladder.wait()
    with ladder.engine.connect() as conn:
        rows = conn.execute(text("SELECT lane, kind, subject, batch, recipient, expire_time FROM sending")).all()
    assert {row.recipient for row in rows} == {reader.user for reader in readers}
    expiry = article.expire_time.ToDatetime(tzinfo=UTC)
    assert {(*tuple(row)[:4], row.expire_time) for row in rows} == {(1, "article", article.name, article.name, expiry)}


async def test_where_the_ladder_stands_is_shown_to_the_notice_s_office(ladder: Ladder, readers: list[Caller]) -> None:
    article = await ladder.publish(SMS, EMAIL)
    began = article.publish_time.ToDatetime(tzinfo=UTC)
    found = await ladder.state(article)
    assert [(rung.number, rung.channel, rung.unread) for rung in found.rungs] == [
        (1, SMS, 0),
        (2, EMAIL, 0),
        (3, VISIT, 0),
    ]
    assert found.rungs[0].due_time.ToDatetime(tzinfo=UTC) == began + AFTER
    assert not found.rungs[0].HasField("begin_time")
    assert not found.rungs[2].HasField("due_time")
    await ladder.acknowledge(readers[0], article, READ)
    ladder.wait()
    found = await ladder.state(article)
    assert [(rung.unread, rung.HasField("end_time")) for rung in found.rungs] == [(3, True), (0, False), (0, False)]
    ladder.wait()
    ladder.wait()
    found = await ladder.state(article)
    assert [rung.unread for rung in found.rungs] == [3, 3, 4]
    assert (found.to_visit, found.visited, found.not_found) == (4, 0, 0)
    for who in (CITIZEN, CLERK, OTHER_STREET_DESK):
        with pytest.raises(Refused) as refused:
            await ladder.api.call(who, "GetEscalation", name=article.name)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_rung_that_comes_late_leaves_as_much_time_until_the_next_one(
    ladder: Ladder, readers: list[Caller]
) -> None:
    article = await ladder.publish(SMS, EMAIL)
    ladder.wait(AFTER * 5)
    assert {rung for _, _, rung in ladder.sent(article)} == {"1"}
    ladder.wait(AFTER - timedelta(seconds=1))
    assert {rung for _, _, rung in ladder.sent(article)} == {"1"}
    ladder.wait(timedelta(seconds=1))
    assert {rung for _, _, rung in ladder.sent(article)} == {"1", "2"}


async def test_a_rung_waits_until_the_audience_is_written_down(
    ladder: Ladder, readers: list[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "take_steps", lambda: None)
    article = await ladder.publish(SMS)
    ladder.wait()
    assert not (await ladder.state(article)).rungs[0].HasField("begin_time")
    monkeypatch.undo()
    ladder.take_steps()
    ladder.wait(timedelta(seconds=1))
    assert len(ladder.sent(article)) == 4


async def withdraw(ladder: Ladder, article: Article) -> None:
    await ladder.api.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")


async def expire(ladder: Ladder, article: Article) -> None:
    ladder.clock.set(article.expire_time.ToDatetime(tzinfo=UTC))


@pytest.mark.parametrize("over", [withdraw, expire])
@pytest.mark.parametrize("rungs_before", [1, 3])
async def test_a_notice_that_readers_have_no_more_goes_on_to_nobody(
    ladder: Ladder, readers: list[Caller], over: Callable[..., Any], rungs_before: int
) -> None:
    article = await ladder.publish(SMS, EMAIL, expire_time=ladder.clock.now() + AFTER * 10)
    for _ in range(rungs_before):
        ladder.wait()
    sent = ladder.sent(article)
    await over(ladder, article)
    for _ in range(4):
        ladder.wait()
    assert ladder.sent(article) == sent
    assert not await ladder.to_visit(article)
    found = await ladder.state(article)
    assert len(found.rungs) == rungs_before
    assert all(rung.HasField("end_time") for rung in found.rungs)
    assert found.to_visit == 0
    with pytest.raises(Refused) as refused:
        await ladder.confirm(COMMANDER, article, readers[0].user, IN_PERSON)
    assert refused.value.reason == "WRONG_STATE"


async def test_a_withdrawal_in_the_middle_of_a_rung_ends_it(
    ladder: Ladder, readers: list[Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalation, "LOOKED_AT_AT_ONCE", 1)
    article = await ladder.publish(SMS, EMAIL)
    ladder.clock.set(ladder.clock.now() + AFTER)
    ladder.climb()
    assert ladder.runner.step()
    await withdraw(ladder, article)
    ladder.take_steps()
    assert len(ladder.sent(article)) == 1
    (rung,) = (await ladder.state(article)).rungs
    assert (rung.unread, rung.HasField("end_time")) == (1, True)


@pytest.mark.parametrize("unread_again", [False, True])
async def test_a_correction_begins_anew_only_where_it_makes_the_notice_unread(
    ladder: Ladder, readers: list[Caller], unread_again: bool
) -> None:
    article = await ladder.publish(SMS, door_to_door=True)
    await ladder.acknowledge(readers[0], article, CONFIRMED)
    ladder.wait()
    ladder.wait()
    assert len(await ladder.to_visit(article)) == 3
    content = {"title": "更正", "body_html": "<p>更正</p>"}
    await ladder.api.call(
        COMMANDER,
        "CorrectArticle",
        name=article.name,
        content=content,
        correction_note="更正",
        unread_again=unread_again,
    )
    assert len(await ladder.to_visit(article)) == (0 if unread_again else 3)
    ladder.wait()
    ladder.wait()
    again = Counter((reader.user, "SMS", "3") for reader in readers) if unread_again else Counter()
    assert ladder.sent(article) - Counter((reader.user, "SMS", "1") for reader in readers[1:]) == again
    assert len(await ladder.to_visit(article)) == (4 if unread_again else 3)
    assert [rung.number for rung in (await ladder.state(article)).rungs] == ([1, 2, 3, 4] if unread_again else [1, 2])


@pytest.mark.parametrize("how", ["corrected", "sent by the same channel"])
async def test_what_has_waited_for_the_end_of_quiet_hours_comes_once(
    ladder: Ladder, newsroom: Newsroom, outside: Outside, how: str
) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT, SMS)
    outside.prefer(RESIDENT, quiet_hours=QuietHours(time(14), time(22)))
    channels = [SMS] if how == "sent by the same channel" else []
    article = await ladder.publish(SMS, door_to_door=False, channels=channels)
    assert await outside.send() == []
    ladder.wait()
    assert await outside.send() == []
    if how == "corrected":
        content = {"title": "更正", "body_html": "<p>更正</p>"}
        correction = {"content": content, "correction_note": "更正", "unread_again": True}
        await newsroom.call(COMMANDER, "CorrectArticle", name=article.name, **correction)
        ladder.wait()
    waiting = outside.planned()
    assert [each.state for each in waiting] == ["WAITING", "WAITING"]
    ladder.clock.set(ladder.clock.now() + timedelta(hours=8))
    (sent,) = await outside.send()
    assert sent.outgoing.id == waiting[1].id
    assert outside.find(waiting[0].id).last_code == "SUPERSEDED"


async def test_grid_workers_get_one_message_when_the_list_of_their_cell_begins(
    ladder: Ladder, readers: list[Caller], stored: Stored, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(escalation, "LOOKED_AT_AT_ONCE", 1)
    grid, community = {"oa_level": int(OaLevel.OA_LEVEL_GRID)}, {"oa_level": int(OaLevel.OA_LEVEL_COMMUNITY)}
    coordinator, idle = public("coordinator", DISTRICT), public("idle", DISTRICT)
    for cell in (CELL, NEXT_CELL):
        stored.member(WORKER, cell, role="roles/grid-worker", **grid)
    stored.member(coordinator, COMMUNITY, role="roles/community-coordinator", **community)
    stored.member(idle, COMMUNITY + "009", role="roles/grid-worker", **grid)
    # Residents hold a role over the district, too: they are not its staff.
    for reader in readers:
        stored.member(reader, DISTRICT, role="roles/petitioner")
    stored.member(public("neighbor2", DISTRICT), CELL)
    article = await ladder.publish(door_to_door=True)
    ladder.wait()
    found = {}
    for who in (WORKER, coordinator, idle, *readers):
        items = (await ladder.api.call(who, "ListInboxItems")).items
        found[who.user] = [item.title for item in items if item.title.startswith("请上门通知")]
    title = f"请上门通知：{article.content.title}"
    assert found == {who.user: [] for who in (idle, *readers)} | {who.user: [title] for who in (WORKER, coordinator)}
    assert {each.user for each in await ladder.to_visit(article, CELL, WORKER)} == {
        readers[0].user,
        public("neighbor2", DISTRICT).user,
    }


async def test_the_platform_of_a_street_or_district_is_asked_to_visit_those_of_whom_no_more_is_known(
    ladder: Ladder, stored: Stored
) -> None:
    desks = {STREET_DESK: STREET, OTHER_STREET_DESK: OTHER_STREET, COMMANDER: DISTRICT, WORKER: CELL}
    for desk, place in desks.items():
        stored.member(desk, place, role="roles/of-its-platform", oa_level=int(OaLevel.OA_LEVEL_STREET))
    resident, newcomer, clerk = (public(name, DISTRICT) for name in ("resident", "newcomer", "theclerk"))
    for reader in (resident, newcomer):
        stored.member(reader, DISTRICT, role="roles/petitioner")
    stored.member(resident, STREET)
    stored.member(newcomer, DISTRICT)
    stored.member(clerk, LEAD, role="roles/department-clerk", oa_level=int(OaLevel.OA_LEVEL_DEPARTMENT))
    article = await ladder.publish(door_to_door=True)
    ladder.wait()
    asked = set()
    for who in (*desks, resident, newcomer, clerk):
        items = (await ladder.api.call(who, "ListInboxItems")).items
        if any(item.title.startswith("请上门通知") for item in items):
            asked.add(who.user)
    assert asked == {STREET_DESK.user, COMMANDER.user}
    assert {each.user for each in await ladder.to_visit(article, STREET, STREET_DESK)} == {resident.user}


async def test_a_visit_confirms_the_notice_once_and_counts_in_its_reach(
    ladder: Ladder, readers: list[Caller], engine: Engine
) -> None:
    article = await ladder.publish(door_to_door=True)
    ladder.wait()
    user = readers[0].user
    listed = (await ladder.to_visit(article, CELL, WORKER))[0]
    assert listed.visit_since_time.ToDatetime(tzinfo=UTC) == ladder.clock.now()
    missed = await ladder.confirm(WORKER, article, user, NOT_FOUND)
    assert (missed.visit_outcome, missed.HasField("confirm_time")) == (NOT_FOUND, False)
    assert len(await ladder.to_visit(article, CELL, WORKER)) == 1
    assert (await ladder.state(article)).not_found == 1
    met = await ladder.confirm(WORKER, article, user, IN_PERSON)
    assert met.confirm_time.ToDatetime(tzinfo=UTC) == met.visit_time.ToDatetime(tzinfo=UTC) == ladder.clock.now()
    ladder.clock.set(ladder.clock.now() + timedelta(minutes=1))
    # Another one who comes later, or the reader's own app, changes nothing.
    assert await ladder.confirm(COMMANDER, article, user, NOT_FOUND) == met
    await ladder.acknowledge(readers[0], article, CONFIRMED)
    assert not await ladder.to_visit(article, CELL, WORKER)
    found = await ladder.state(article)
    assert (found.to_visit, found.visited, found.not_found) == (3, 1, 0)
    reach = await ladder.api.call(COMMANDER, "GetReach", name=article.name)
    total = reach.total
    assert (total.received.numerator, total.read.numerator, total.confirmed.numerator) == (1, 1, 1)
    assert [part.confirmed.numerator for part in reach.parts] == [1]
    with engine.connect() as conn:
        audited = conn.execute(
            text("SELECT caller FROM audit_entry WHERE method LIKE '%ConfirmRecipient' AND resource = :name"),
            {"name": article.name},
        ).scalars()
        assert sorted(audited) == sorted([WORKER.user, WORKER.user, COMMANDER.user])


async def test_who_reads_or_confirms_meanwhile_is_not_visited(ladder: Ladder, readers: list[Caller]) -> None:
    article = await ladder.publish(door_to_door=True)
    await ladder.acknowledge(readers[0], article, READ)
    ladder.wait()
    assert len(await ladder.to_visit(article)) == 4
    ladder.clock.set(ladder.clock.now() + timedelta(minutes=1))
    await ladder.acknowledge(readers[1], article, READ)
    await ladder.acknowledge(readers[2], article, CONFIRMED)
    assert {each.user for each in await ladder.to_visit(article)} == {readers[0].user, readers[3].user}
    assert (await ladder.state(article)).to_visit == 2


async def test_only_who_answers_for_the_place_confirms_for_its_people(ladder: Ladder, readers: list[Caller]) -> None:
    article = await ladder.publish(door_to_door=True)
    nobody = "users/00000000000000000000"
    for who, user in ((WORKER, readers[1].user), (WORKER, nobody), (CITIZEN, readers[0].user), (CLERK, nobody)):
        with pytest.raises(Refused) as refused:
            await ladder.confirm(who, article, user, IN_PERSON)
        assert refused.value.code == grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(Refused) as refused:
        await ladder.confirm(COMMANDER, article, nobody, IN_PERSON)
    assert refused.value.code == grpc.StatusCode.NOT_FOUND
    # Before anybody is listed, too: who is met is met.
    assert (await ladder.confirm(WORKER, article, readers[0].user, BY_PHONE)).HasField("confirm_time")
    ladder.wait()
    assert len(await ladder.to_visit(article)) == 3


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"urgent": False}, "draft"),
        ({"must_confirm": False}, "draft"),
        ({"escalation": {"after": timedelta(seconds=59), "door_to_door": True}}, "draft.escalation.after"),
        ({"escalation": {"after": timedelta(days=8), "door_to_door": True}}, "draft.escalation.after"),
        ({"escalation": {"after": AFTER}}, "draft.escalation"),
        ({"escalation": {"after": AFTER, "channels": [Channel.CHANNEL_WECOM]}}, "draft.escalation.channels[0]"),
    ],
)
async def test_an_escalation_is_for_urgent_notices_to_persons(
    ladder: Ladder, fields: dict[str, Any], field: str
) -> None:
    given = {"push": True, "urgent": True, "must_confirm": True, "escalation": {"after": AFTER, "door_to_door": True}}
    with pytest.raises(Refused) as refused:
        await ladder.newsroom.draft(**{**given, **fields})
    assert refused.value.fields == [field]


async def test_a_rung_that_an_older_release_entered_or_began_goes_on_once(
    ladder: Ladder, readers: list[Caller]
) -> None:
    entered, begun = [await ladder.publish(SMS, EMAIL) for _ in range(2)]
    with ladder.engine.begin() as conn:
        # An older release has the rungs alone, and its worker begins what is due as long as it runs.
        conn.execute(text("DELETE FROM climb"))
    ladder.run("enter rungs")
    ladder.run("enter rungs")
    ladder.clock.set(ladder.clock.now() + AFTER)
    with ladder.engine.begin() as conn:
        id_ = begun.name.removeprefix("articles/")
        begin_rung(conn, id_, 1, ladder.clock.now())
        steps.start(conn, CLIMB, climbing_id(begun.name, 1), subject=begun.name, parameters={"number": 1})
    ladder.climb()
    ladder.take_steps()
    first = {article.name: ladder.sent(article) for article in (entered, begun)}
    assert [sorted(each.values()) for each in first.values()] == [[1, 1, 1, 1]] * 2
    ladder.wait()
    for article in (entered, begun):
        assert sorted(ladder.sent(article).values()) == [1] * 8
        assert [rung.unread for rung in (await ladder.state(article)).rungs[:2]] == [4, 4]


async def test_readers_do_not_learn_of_the_escalation(ladder: Ladder, readers: list[Caller]) -> None:
    article = await ladder.publish(SMS)
    assert article.escalation.after.ToTimedelta() == AFTER
    read = (await ladder.api.call(readers[0], "GetArticle", name=article.name)).article
    assert not read.HasField("escalation")


async def test_a_rung_that_does_not_get_on_is_measured(ladder: Ladder, readers: list[Caller]) -> None:
    def late() -> float:
        ladder.run("measure rungs")
        value: float = metrics.RUNG_LATE.labels("notify")._value.get()
        return value

    article = await ladder.publish(SMS)
    assert late() == 0
    ladder.clock.set(ladder.clock.now() + AFTER + timedelta(minutes=7))
    assert late() == 7 * 60
    ladder.climb()
    with ladder.engine.begin() as conn:
        steps.stop(conn, f"climb rung {article.name} 1")
    ladder.take_steps()
    assert late() == 7 * 60
    with ladder.engine.begin() as conn:
        steps.resume(conn, f"climb rung {article.name} 1")
    ladder.take_steps()
    assert late() == 0


class Killed(BaseException):
    """What ends a process before it commits."""


@contextmanager
def killing(engine: Engine, rng: random.Random) -> Iterator[None]:
    """Whatever is done meanwhile is undone, sooner or later, when it is all but committed."""

    def kill(_: object) -> None:
        if rng.random() < 0.5:
            raise Killed

    event.listen(engine, "commit", kill)
    try:
        yield
    except Killed:
        pass
    finally:
        event.remove(engine, "commit", kill)


class Days:
    """A time in which people read and confirm a notice when they like, while workers are killed at any moment."""

    def __init__(self, ladder: Ladder, article: Article, people: list[Caller], rng: random.Random) -> None:
        self._ladder = ladder
        self._article = article
        self._people = people
        self._rng = rng
        self.read: dict[str, datetime] = {}
        self.confirmed: dict[str, datetime] = {}

    async def pass_(self) -> None:
        """Let something happen."""
        rng, clock = self._rng, self._ladder.clock
        match rng.choice(("time", "read", "confirm", "work", "work", "work")):
            case "time":
                clock.set(clock.now() + timedelta(seconds=rng.choice((1, 60, 400))))
            case "read":
                await self._acknowledge(READ, self.read)
            case "confirm" if rng.random() < 0.3:
                await self._acknowledge(CONFIRMED, self.read, self.confirmed)
            case "work" if rng.random() < 0.3:
                with killing(self._ladder.engine, rng):
                    self._work()
            case "work":
                self._work()
        # What happens at one moment has no order that the model could know.
        clock.set(clock.now() + timedelta(milliseconds=1))

    async def _acknowledge(self, what: int, *times: dict[str, datetime]) -> None:
        person = self._rng.choice(self._people)
        await self._ladder.acknowledge(person, self._article, what)
        for each in times:
            each.setdefault(person.user, self._ladder.clock.now())

    def _work(self) -> None:
        if self._rng.random() < 0.5:
            self._ladder.runner.step()
        else:
            self._ladder.climb()


@pytest.mark.parametrize("seed", range(4))
async def test_every_rung_reaches_once_who_has_not_read_it_whatever_is_killed_and_repeated(
    ladder: Ladder, stored: Stored, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Against a model: who had read or confirmed it when a rung began must not be reached, who had not when it ended
    must be.
    """
    rng = random.Random(seed)
    monkeypatch.setattr(escalation, "LOOKED_AT_AT_ONCE", 3)
    people = [public(f"person{number}", DISTRICT) for number in range(11)]
    for person in people:
        stored.member(person, rng.choice((CELL, NEXT_CELL, COMMUNITY, STREET)))
    plan = [rng.choice((SMS, EMAIL)) for _ in range(rng.randint(1, 3))]
    article = await ladder.publish(*plan)
    days = Days(ladder, article, people, rng)
    rungs = (await ladder.state(article)).rungs
    while not all(rung.HasField("end_time") for rung in rungs):
        await days.pass_()
        rungs = (await ladder.state(article)).rungs

    assert [(rung.number, rung.channel) for rung in rungs] == list(enumerate([*plan, VISIT], start=1))
    sent = ladder.sent(article)
    assert set(sent.values()) <= {1}
    before = article.publish_time.ToDatetime(tzinfo=UTC)
    for rung in rungs:
        began, ended = rung.begin_time.ToDatetime(tzinfo=UTC), rung.end_time.ToDatetime(tzinfo=UTC)
        assert before + AFTER <= began <= ended
        before = began
        if rung.channel == VISIT:
            reached, did = ladder.listed(article), days.confirmed
        else:
            reached, did = {user for user, _, number in sent if number == str(rung.number)}, days.read
        assert rung.unread == len(reached)
        never = datetime.max.replace(tzinfo=UTC)
        assert {each.user for each in people if did.get(each.user, never) > ended} <= reached
        assert not {each.user for each in people if did.get(each.user, never) < began} & reached
