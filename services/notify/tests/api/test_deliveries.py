"""What leaves the platform: planned with what causes it, decided on when it is due, and handed to providers once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from onegrid.notify.v1.delivery_pb2 import DigestPeriod, SuppressionReason
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Article
from onegrid.petition.v1 import events_pb2 as petition
from onegrid.petition.v1.resources_pb2 import Part, State, Task, TaskState
from onegrid_kit import sending, steps
from onegrid_kit.callers import Caller
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.sending import Drop, Outcome, Result, Send
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.explaining import Explained
from onegrid_notify.commands import deliveries
from onegrid_notify.contents import Email, Endpoint, Push, PushSubscription, RobotMessage, Sms, WebhookEvent
from onegrid_notify.deliveries import Plan, planning_id
from onegrid_notify.escalation import Rung
from onegrid_notify.preferences import Digest, Mute
from onegrid_notify.quiet import QuietHours
from onegrid_notify.sendings import of_article

from .editors import (
    CLERK,
    COMMANDER,
    DISTRICT,
    ELSEWHERE,
    JOBS,
    NEWS,
    OFFICE,
    OTHER_STREET,
    RESIDENT,
    STREET,
    TO_STREET,
    Newsroom,
)
from .outside import DINGTALK, EMAIL, SMS, WEB_PUSH, WEBHOOK, WECOM, Outside, Sent

PETITION = "petitions/210602-20201111-7KX3M9QF"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOURLY = {EMAIL: Digest(DigestPeriod.DIGEST_PERIOD_HOURLY)}


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


def filed(by: Caller = RESIDENT, name: str = PETITION) -> petition.PetitionFiled:
    return petition.PetitionFiled(step=petition.Step(petition=name, petitioner=by.user, state=State.STATE_FILED))


def dispatched(office: str = OFFICE) -> petition.PetitionDispatched:
    task = Task(assignee=office, part=Part.PART_LEAD, state=TaskState.TASK_STATE_ASSIGNED, instruction="请上门了解")
    step = petition.Step(petition=PETITION, petitioner=RESIDENT.user, state=State.STATE_DISPATCHED, assignees=[office])
    return petition.PetitionDispatched(step=step, tasks=[task])


def id_of(article: Article, recipient: str, channel: str) -> str:
    return f"{article.name.removeprefix('articles/')}/{recipient}/{channel}"


async def sent_article(newsroom: Newsroom, outside: Outside, **fields: Any) -> Article:
    """An article that is published and whose deliveries are planned."""
    article = await newsroom.published(**{"push": True, "channels": [EMAIL], "audience": TO_STREET, **fields})
    outside.step()
    return article


def by_channel(sent: list[Sent]) -> dict[str, Any]:
    return {each.outgoing.channel: each.content for each in sent}


# Messages


async def test_a_message_is_sent_to_each_verified_address_once_however_often_its_event_comes(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    for channel in (EMAIL, SMS, WEB_PUSH):
        outside.address(RESIDENT, channel)
    outside.address(RESIDENT, EMAIL, "old@example.cn", verified=False)
    outside.address(ELSEWHERE, EMAIL)
    events.deliver(filed(), subject=PETITION)
    sent = await outside.send()
    contents = by_channel(sent)
    assert len(sent) == len(contents) == 3
    mail: Email = contents["EMAIL"]
    assert mail.subject == "您的诉求已收到"
    item = sent[0].outgoing.id.split("/")[0]
    assert mail.text.endswith(f"https://app.example.cn/inbox/{item}\n\n退订：{mail.unsubscribe_url}")
    assert mail.unsubscribe_url.startswith("https://push.example.cn/v1/unsubscribe/")
    short: Sms = contents["SMS"]
    assert short.template == "petition.PetitionFiled-petitioner-zh"
    assert "210602-20201111-7KX3M9QF" in short.text
    push: Push = contents["WEB_PUSH"]
    assert (push.title, push.body, push.topic) == (mail.subject, short.text, item)
    addresses = {each.outgoing.channel: each.address for each in sent}
    assert addresses["EMAIL"] == "resident@example.cn"
    assert PushSubscription.of(addresses["WEB_PUSH"]).endpoint == "https://push.example.com/resident"
    assert await outside.send() == []


async def test_an_office_is_told_of_a_task_by_its_robots_and_webhooks_even_if_nobody_holds_a_role_there(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    outside.endpoint(f"{OFFICE}-robot", "petitions")
    outside.endpoint(f"{OFFICE}-hook", "petitions", channel=WEBHOOK)
    outside.endpoint(f"{OFFICE}-news", NEWS)
    outside.endpoint(f"{OFFICE}-off", "petitions", disabled=True)
    outside.endpoint("210602D08-robot", "petitions")
    events.deliver(dispatched(), subject=PETITION)
    sent = await outside.send()
    contents = by_channel(sent)
    assert len(sent) == 2
    robot: RobotMessage = contents["DINGTALK"]
    assert robot.title == "新任务：主办"
    assert "请上门了解" in robot.text
    hook: WebhookEvent = contents["WEBHOOK"]
    assert (hook.type, hook.data["subject"]) == ("petition.PetitionDispatched", PETITION)
    endpoint = Endpoint.of(next(each.address for each in sent if each.outgoing.channel == "DINGTALK"))
    assert endpoint == Endpoint(url=f"https://robots.example.cn/{OFFICE}-robot", secret="SEC0")


async def test_who_is_addressed_for_an_office_gets_its_message_in_their_own_language(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    newsroom.live(CLERK, OFFICE)
    with outside.engine.begin() as conn:
        conn.execute(text("UPDATE membership SET role = 'roles/department-clerk', oa_level = 2"))
    outside.address(CLERK)
    outside.prefer(CLERK, language="en")
    events.deliver(dispatched(), subject=PETITION)
    (sent,) = await outside.send()
    assert sent.content.language == "en"
    assert sent.content.subject == "New task: lead"


async def test_a_message_that_was_deleted_is_not_sent(newsroom: Newsroom, outside: Outside, events: Events) -> None:
    outside.address(RESIDENT)
    events.deliver(filed(), subject=PETITION)
    with outside.engine.begin() as conn:
        conn.execute(text("DELETE FROM message"))
    assert await outside.send() == []
    (fate,) = outside.fates().values()
    assert fate == ("DROPPED", "MESSAGE_GONE")


# Articles


async def test_an_article_is_sent_to_the_verified_addresses_of_its_audience_and_to_subscribed_endpoints(
    newsroom: Newsroom, outside: Outside
) -> None:
    newsroom.live(RESIDENT, STREET)
    newsroom.live(ELSEWHERE, OTHER_STREET)
    for who in (RESIDENT, ELSEWHERE):
        outside.address(who)
        outside.address(who, SMS)
    outside.endpoint(f"{OFFICE}-robot", NEWS)
    outside.endpoint(f"{OFFICE}-wecom", NEWS, channel=WECOM)
    outside.endpoint(f"{OFFICE}-jobs", JOBS)
    article = await sent_article(newsroom, outside, channels=[EMAIL, DINGTALK])
    assert {each.id for each in outside.planned()} == {
        id_of(article, RESIDENT.user, "EMAIL"),
        id_of(article, f"endpoints/{OFFICE}-robot", "DINGTALK"),
    }
    assert {each.lane for each in outside.planned()} == {sending.Lane.BULK}
    contents = by_channel(await outside.send())
    mail: Email = contents["EMAIL"]
    assert mail.subject == contents["DINGTALK"].title == "惠企政策"
    assert mail.text.startswith("摘要\n\n正文")
    assert "<p>正文</p>" in mail.html


async def test_an_urgent_article_overtakes_what_waits(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    await sent_article(newsroom, outside, urgent=True)
    assert [each.lane for each in outside.planned()] == [sending.Lane.URGENT]


async def test_nothing_is_planned_twice_when_steps_are_taken_again(
    newsroom: Newsroom, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliveries, "FEW", 6)
    monkeypatch.setattr(deliveries, "PLANNED_AT_ONCE", 2)
    people = [public(f"person{number}", DISTRICT) for number in range(7)]
    for who in people:
        newsroom.live(who, STREET)
        outside.address(who)
        outside.address(who, SMS)
    await sent_article(newsroom, outside)
    assert len(outside.planned()) == 7
    with outside.engine.begin() as conn:
        conn.execute(text("UPDATE stepped_work SET state = 'RUNNING', cursor = '{}' WHERE kind = 'plan deliveries'"))
    outside.step()
    assert len(outside.planned()) == 7
    assert len(await outside.send()) == 7


async def test_a_scheduled_article_is_sent_when_it_appears(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    await sent_article(newsroom, outside, publish_time=newsroom.now + HOUR)
    assert outside.planned() == []
    newsroom.wait(HOUR)
    newsroom.open_articles()
    outside.step()
    assert len(await outside.send()) == 1


async def test_what_is_sent_is_the_latest_text(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    article = await sent_article(newsroom, outside)
    content = {"title": "更正后的标题", "body_html": "<p>新的正文</p>"}
    await newsroom.call(COMMANDER, "CorrectArticle", name=article.name, content=content, correction_note="更正")
    (sent,) = await outside.send()
    assert sent.content.subject == "更正后的标题"
    assert "新的正文" in sent.content.text


@pytest.mark.parametrize("ended", ["withdrawn", "expired"])
async def test_an_article_that_readers_have_no_more_is_not_sent(
    newsroom: Newsroom, outside: Outside, ended: str
) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, quiet_hours=QuietHours(time(0), time(23, 59)))
    article = await sent_article(newsroom, outside, expire_time=newsroom.now + DAY)
    assert await outside.send() == []
    if ended == "withdrawn":
        await newsroom.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")
    newsroom.wait(2 * DAY)
    assert await outside.send() == []
    fate = outside.fates()[id_of(article, RESIDENT.user, "EMAIL")]
    # Its time is over before its state is asked for.
    assert fate in {("EXPIRED", "QUIET_HOURS"), ("DROPPED", "ARTICLE_WITHDRAWN")}


async def test_a_withdrawal_holds_for_what_is_planned(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    article = await sent_article(newsroom, outside)
    await newsroom.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")
    assert await outside.send() == []
    assert outside.fates() == {id_of(article, RESIDENT.user, "EMAIL"): ("DROPPED", "ARTICLE_WITHDRAWN")}


# What people decide, when it is sent


async def test_preferences_count_as_they_are_when_it_is_sent(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    article = await sent_article(newsroom, outside)
    outside.prefer(RESIDENT, mutes=frozenset({Mute(topic=NEWS)}))
    assert await outside.send() == []
    assert outside.fates() == {id_of(article, RESIDENT.user, "EMAIL"): ("DROPPED", "TOPIC_MUTED")}
    # Another decision, and an operator who repeats it.
    outside.prefer(RESIDENT)
    with outside.engine.begin() as conn:
        sending.replay(conn, id_of(article, RESIDENT.user, "EMAIL"), newsroom.now)
    assert len(await outside.send()) == 1


async def test_what_comes_in_quiet_hours_is_sent_when_they_end(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, quiet_hours=QuietHours(time(14), time(18)))
    article = await sent_article(newsroom, outside)
    assert await outside.send() == []
    waiting = outside.find(id_of(article, RESIDENT.user, "EMAIL"))
    assert (waiting.state, waiting.last_code) == (sending.State.WAITING, "QUIET_HOURS")
    assert waiting.due_time == datetime(2020, 11, 11, 18, tzinfo=CHINA)
    newsroom.wait(4 * HOUR)
    assert len(await outside.send()) == 1


async def test_nothing_more_is_sent_to_an_address_that_was_refused(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT, value="gone@example.cn")
    outside.answer = lambda _: Result.failed("550", address_refused=True)
    first = await sent_article(newsroom, outside)
    await outside.send()
    outside.answer = lambda _: Result.accepted()
    second = await sent_article(newsroom, outside)
    assert await outside.send() == []
    fates = outside.fates()
    assert fates[id_of(first, RESIDENT.user, "EMAIL")] == ("FAILED", "550")
    assert fates[id_of(second, RESIDENT.user, "EMAIL")] == ("DROPPED", "ADDRESS_SUPPRESSED")
    # A new address is another one.
    outside.address(RESIDENT, value="new@example.cn", verify_time=newsroom.now)
    await sent_article(newsroom, outside)
    (sent,) = await outside.send()
    assert sent.address == "new@example.cn"


async def test_who_complains_is_suppressed_for_that(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    article = await sent_article(newsroom, outside)
    await outside.send()
    # It was read before.
    for code in ("", "COMPLAINED"):
        outside.receive(id_of(article, RESIDENT.user, "EMAIL"), Outcome.READ, code, address_refused=bool(code))
    with outside.engine.connect() as conn:
        reason = conn.execute(text("SELECT reason FROM suppression")).scalar_one()
    assert reason == SuppressionReason.SUPPRESSION_REASON_COMPLAINED


async def test_only_the_address_that_bounced_is_suppressed_however_often_it_is_said(
    newsroom: Newsroom, outside: Outside
) -> None:
    newsroom.live(RESIDENT, STREET)
    good = outside.address(RESIDENT, value="good@example.cn")
    gone = outside.address(RESIDENT, value="gone@example.cn", verify_time=newsroom.now)
    articles = [await sent_article(newsroom, outside) for _ in range(2)]
    assert {each.address for each in await outside.send()} == {"gone@example.cn"}
    # Another message to it bounces, too, and the provider says everything twice.
    for article in (*articles, *articles):
        outside.receive(id_of(article, RESIDENT.user, "EMAIL"), Outcome.FAILED, "BOUNCED", address_refused=True)
    with outside.engine.connect() as conn:
        suppressed = {bytes(index) for index in conn.execute(text("SELECT value_index FROM suppression")).scalars()}
    assert suppressed == {gone.value_index} != {good.value_index}
    await sent_article(newsroom, outside)
    assert [each.address for each in await outside.send()] == ["good@example.cn"]


async def test_a_rung_leaves_out_who_has_read_it_meanwhile(newsroom: Newsroom, outside: Outside) -> None:
    people = [RESIDENT, ELSEWHERE]
    for who in people:
        newsroom.live(who, STREET)
        outside.address(who)
    article = await newsroom.published(push=True, urgent=True, audience=TO_STREET)
    id_ = article.name.removeprefix("articles/")
    plan = Plan(
        article=article.name,
        item=id_,
        column=NEWS,
        channels=(EMAIL,),
        urgent=True,
        expire_time=newsroom.now + DAY,
    )
    rung = Rung(number=1, version=1, step=1, channel=EMAIL, due_time=newsroom.now)
    with outside.engine.begin() as conn:
        sending.enqueue(conn, [of_article(plan, who.user, EMAIL, rung) for who in people], newsroom.now)
    read = [{"name": article.name.replace("articles/", "inboxItems/"), "version": 1}]
    await newsroom.call(
        RESIDENT, "AcknowledgeInboxItems", items=read, acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ
    )
    (sent,) = await outside.send()
    assert sent.outgoing.recipient == ELSEWHERE.user
    assert outside.fates()[f"{id_}/{RESIDENT.user}/EMAIL/1"] == ("DROPPED", "ALREADY_READ")


async def test_an_endpoint_that_was_disabled_or_wants_other_topics_gets_nothing_any_more(
    newsroom: Newsroom, outside: Outside
) -> None:
    for word in ("off", "other"):
        outside.endpoint(f"{OFFICE}-{word}", NEWS)
    article = await sent_article(newsroom, outside, channels=[DINGTALK])
    outside.endpoint(f"{OFFICE}-off", NEWS, disabled=True)
    outside.endpoint(f"{OFFICE}-other", JOBS)
    assert await outside.send() == []
    assert outside.fates() == {
        id_of(article, f"endpoints/{OFFICE}-off", "DINGTALK"): ("DROPPED", "ENDPOINT_DISABLED"),
        id_of(article, f"endpoints/{OFFICE}-other", "DINGTALK"): ("DROPPED", "TOPIC_NOT_WANTED"),
    }


# Digests


async def test_what_comes_until_the_digest_closes_is_sent_together(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    article = await sent_article(newsroom, outside)
    withdrawn = await sent_article(newsroom, outside, content={"title": "作废"})
    muted = await sent_article(newsroom, outside, column=JOBS, content={"title": "不想看"})
    events.deliver(filed(), subject=PETITION)
    assert await outside.send() == []
    assert {code for _, code in outside.fates().values()} == {"DIGEST", ""}
    # What holds when it closes counts.
    await newsroom.call(COMMANDER, "WithdrawArticle", name=withdrawn.name, reason="有误")
    outside.prefer(RESIDENT, digests=HOURLY, mutes=frozenset({Mute(topic=JOBS)}))
    assert muted.name
    newsroom.wait(HOUR)
    (sent,) = await outside.send()
    assert sent.outgoing.id == f"d-210602-20201111T070000Z/{RESIDENT.user}/EMAIL"
    assert sent.content.subject == "2条新消息"
    assert "\n惠企政策\n摘要" in sent.content.text.replace("1. ", "").replace("2. ", "")
    assert "您的诉求已收到" in sent.content.text
    assert "正文" not in sent.content.text
    assert "作废" not in sent.content.text
    assert "不想看" not in sent.content.text
    assert await outside.send() == []
    assert article.name


async def test_each_district_has_digests_of_its_own(newsroom: Newsroom, outside: Outside, events: Events) -> None:
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    elsewhere = PETITION.replace("210602", "210603")
    for name in (PETITION, elsewhere):
        events.deliver(filed(name=name), subject=name)
    await outside.send()
    newsroom.wait(HOUR)
    sent = {each.outgoing.district: each.content.text for each in await outside.send()}
    assert {district: f"{district}-20201111-7KX3M9QF" in text for district, text in sent.items()} == {
        "210602": True,
        "210603": True,
    }
    assert not any(other in sent[district] for district, other in (("210602", "210603-"), ("210603", "210602-")))


async def test_a_digest_leaves_out_what_was_stopped(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    stopped = await sent_article(newsroom, outside, content={"title": "停发"})
    await sent_article(newsroom, outside)
    await outside.send()
    await newsroom.call(COMMANDER, "StopDelivery", article=stopped.name)
    newsroom.wait(HOUR)
    (sent,) = await outside.send()
    assert "惠企政策" in sent.content.text
    assert "停发" not in sent.content.text


async def test_a_digest_of_nothing_is_not_sent(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    article = await sent_article(newsroom, outside)
    await outside.send()
    await newsroom.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")
    newsroom.wait(HOUR)
    assert await outside.send() == []
    assert ("DROPPED", "DIGEST_EMPTY") in outside.fates().values()


async def test_urgent_things_do_not_wait_for_a_digest(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    await sent_article(newsroom, outside, urgent=True)
    assert len(await outside.send()) == 1


async def test_a_hundred_events_at_once_make_one_digest_of_a_hundred(
    newsroom: Newsroom, outside: Outside, events: Events, database_url: str
) -> None:
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    for number in range(100):
        name = f"petitions/210602-20201111-{number:08d}"
        events.deliver(filed(name=name), subject=name)
    planned = outside.planned()
    assert len(planned) == 100
    engine = sync_engine(database_url, pool=10)
    with ThreadPoolExecutor(10) as threads:
        decided = list(threads.map(lambda each: outside.prepare(each, engine=engine), planned))
    engine.dispose()
    assert decided == [[Drop("DIGEST")]] * 100
    (digest,) = (each for each in outside.planned() if each.kind == "digest")
    newsroom.wait(HOUR)
    with ThreadPoolExecutor(4) as threads:
        closed = list(threads.map(lambda _: outside.prepare(digest), range(4)))
    # The link at the end is sealed anew each time.
    texts = {prepared.content.text.partition("退订")[0] for (prepared,) in closed if isinstance(prepared, Send)}
    (closed_text,) = texts
    assert len(closed) == 4
    assert all(f"210602-20201111-{number:08d}" in closed_text for number in range(100))
    assert closed[0][0].content.subject == "100条新消息"


async def test_a_long_digest_lists_the_first_hundred_and_says_where_the_others_are(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    for number in range(103):
        name = f"petitions/210602-20201111-{number:08d}"
        newsroom.wait(timedelta(milliseconds=1))
        events.deliver(filed(name=name), subject=name)
    await outside.send()
    newsroom.wait(HOUR)
    (sent,) = await outside.send()
    assert sent.content.subject == "103条新消息"
    listed, _, end = sent.content.text.partition("\n\n另有3条，")
    assert end.startswith("请在收件箱中查看。\n\nhttps://app.example.cn/inbox/\n\n退订：")
    assert [f"210602-20201111-{number:08d}" in listed for number in range(103)] == [True] * 100 + [False] * 3


async def test_what_comes_too_late_for_a_digest_is_in_the_next_one(
    newsroom: Newsroom, outside: Outside, events: Events
) -> None:
    outside.address(RESIDENT)
    outside.prefer(RESIDENT, digests=HOURLY)
    events.deliver(filed(), subject=PETITION)
    first = outside.planned()
    assert outside.prepare(*first) == [Drop("DIGEST")]
    (digest,) = (each for each in outside.planned() if each.kind == "digest")
    outside.prepare(digest)
    # A process whose clock is behind still adds to the one that was closed.
    other = "petitions/210602-20201111-00000001"
    events.deliver(filed(name=other), subject=other)
    late = [each for each in outside.planned() if each.subject == other]
    assert outside.prepare(*late) == [Drop("DIGEST")]
    digests = [each for each in outside.planned() if each.kind == "digest"]
    assert [each.id.split("/")[0] for each in digests] == ["d-210602-20201111T070000Z", "d-210602-20201111T080000Z"]
    ((again,), (after,)) = outside.prepare(digests[0]), outside.prepare(digests[1])
    assert isinstance(again, Send)
    assert isinstance(after, Send)
    assert "00000001" not in again.content.text
    assert "00000001" in after.content.text


# What it costs


async def test_a_small_audience_is_planned_from_its_places_and_not_from_all_addresses(
    newsroom: Newsroom, outside: Outside
) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT)
    with outside.engine.begin() as conn:
        for statement in (
            """
            INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
            SELECT :district, 'users/' || n, :street, 2, 0, '', '2000-01-01', '9999-01-01'
            FROM generate_series(1, 5000) AS n
            """,
            """
            INSERT INTO address (user_name, id, district, channel, sealed_value, value_index, verify_time, create_time)
            SELECT 'users/' || n, 'mail', :district, 1, '', '', now(), now() FROM generate_series(1, 5000) AS n
            """,
        ):
            conn.execute(text(statement), {"district": DISTRICT, "street": OTHER_STREET})
        conn.execute(text("ANALYZE membership, address"))
    article = await newsroom.published(push=True, channels=[EMAIL], audience=TO_STREET)
    with outside.engine.connect() as conn:
        work = steps.find(conn, planning_id(article.name))
    assert work is not None
    explained = Explained(outside.engine)
    done = explained.work(lambda conn: deliveries.plan_article(conn, work, newsroom.now))
    explained.close()
    assert done.rows < 100
    assert "address" not in done.read_whole
    outside.step()
    assert [each.recipient for each in outside.planned()] == [RESIDENT.user]


@pytest.fixture
def statements(engine: Engine) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


async def test_a_batch_is_prepared_in_as_many_statements_as_one(
    newsroom: Newsroom, outside: Outside, events: Events, statements: list[str]
) -> None:
    people = [public(f"person{number}", DISTRICT) for number in range(20)]
    for who in people:
        newsroom.live(who, STREET)
        outside.address(who)
    outside.prefer(people[0], digests=HOURLY)
    outside.endpoint(f"{OFFICE}-robot", NEWS)
    await sent_article(newsroom, outside, channels=[EMAIL, DINGTALK])
    events.deliver(filed(people[1]), subject=PETITION)
    planned = outside.planned()
    by_kind = [next(each for each in planned if each.kind == kind) for kind in ("article", "message")]
    robot = next(each for each in planned if each.channel == "DINGTALK")
    outside.prepare(*by_kind, robot)
    statements.clear()
    outside.prepare(*by_kind, robot)
    few = len(statements)
    statements.clear()
    outside.prepare(*planned)
    assert len(planned) == 22
    # The digest of one of them takes three more.
    assert len(statements) <= few + 3


async def test_a_message_is_planned_with_one_statement_more(
    newsroom: Newsroom, outside: Outside, events: Events, statements: list[str]
) -> None:
    events.deliver(filed(), subject=PETITION)
    statements.clear()
    events.deliver(filed(name="petitions/210602-20201111-00000001"), subject="petitions/210602-20201111-00000001")
    without = len(statements)
    outside.address(RESIDENT)
    outside.address(RESIDENT, SMS)
    statements.clear()
    events.deliver(filed(name="petitions/210602-20201111-00000002"), subject="petitions/210602-20201111-00000002")
    assert len(statements) == without + 1
    assert len(outside.planned()) == 2
