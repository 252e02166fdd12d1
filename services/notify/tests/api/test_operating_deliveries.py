"""What editors and operators do about deliveries, and why somebody did or did not get something."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import grpc
import pytest
from services.notify.tests.channels.mail_servers import mail_serving
from sqlalchemy import Engine, text

from onegrid.notify.v1.deliveries_pb2 import AttemptOutcome, Delivery, DeliveryKind, DeliveryState
from onegrid.notify.v1.delivery_pb2 import Channel, DeliveryReason, DigestPeriod
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Article, ArticleState
from onegrid_kit import sending
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.sending import Result, State
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import Events
from onegrid_notify.channels import adapter
from onegrid_notify.deliveries import Plan
from onegrid_notify.escalation import Rung
from onegrid_notify.main import SERVICE
from onegrid_notify.preferences import Digest, Mute
from onegrid_notify.providers import Smtp
from onegrid_notify.quiet import QuietHours
from onegrid_notify.sendings import of_article
from onegrid_notify.store.escalation import insert_rung

from .editors import (
    CLERK,
    COMMANDER,
    DISTRICT,
    ELSEWHERE,
    NEWS,
    OFFICE,
    OTHER_CLERK,
    OTHER_STREET,
    OTHER_STREET_DESK,
    RESIDENT,
    STREET,
    STREET_DESK,
    TO_STREET,
    Newsroom,
    Refused,
)
from .outside import EMAIL, SMS, Outside
from .test_deliveries import HOUR, PETITION, filed, sent_article

DAY = timedelta(days=1)
FAILED, UNKNOWN = DeliveryState.DELIVERY_STATE_FAILED, DeliveryState.DELIVERY_STATE_UNKNOWN
DELIVERED = DeliveryState.DELIVERY_STATE_DELIVERED
NEIGHBOURS = [public(f"neighbour{number}", DISTRICT) for number in range(4)]


@pytest.fixture
def outside(database_url: str, engine: Engine, clock: SettableClock) -> Outside:
    return Outside(database_url, engine, clock)


@pytest.fixture
async def street(newsroom: Newsroom, outside: Outside) -> None:
    """The resident and four neighbours live in the street, and read e-mail."""
    for who in (RESIDENT, *NEIGHBOURS):
        newsroom.live(who, STREET)
        outside.address(who)


async def refused(newsroom: Newsroom, by: Caller, method: str, **fields: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await newsroom.call(by, method, **fields)
    return error.value


async def listed(newsroom: Newsroom, by: Caller = COMMANDER, parent: str = DISTRICT, **fields: Any) -> list[Delivery]:
    """All pages of a list, of two each."""
    found: list[Delivery] = []
    token = ""
    while True:
        page = await newsroom.call(by, "ListDeliveries", parent=parent, page_size=2, page_token=token, **fields)
        found += page.deliveries
        token = page.next_page_token
        if not token:
            return found


async def counts(newsroom: Newsroom, article: Article) -> dict[str, int]:
    answer = await newsroom.call(COMMANDER, "CountDeliveries", article=article.name)
    return {DeliveryState.Name(each.state)[15:]: each.deliveries for each in answer.counts}


# All the way


async def test_an_article_arrives_by_a_mail_server(newsroom: Newsroom, outside: Outside, street: None) -> None:
    async with mail_serving() as mail:
        outside.providers = [
            adapter(
                Smtp(name="mail", host="127.0.0.1", port=mail.port, security="plain", from_address="notice@example.cn")
            )
        ]
        article = await sent_article(newsroom, outside, urgent=True)
        await outside.send()
        assert sorted(each.rcpt_tos[0] for each in mail.taken) == sorted(
            f"{who.user.removeprefix('users/')}@example.cn" for who in (RESIDENT, *NEIGHBOURS)
        )
        head = bytes(mail.taken[0].content or b"")
        assert b"List-Unsubscribe: <https://push.example.cn/v1/unsubscribe/" in head
        assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head
    assert await counts(newsroom, article) == {"ACCEPTED": 5}
    found = await newsroom.call(
        RESIDENT, "ExplainDelivery", item=article.name.replace("articles/", "inboxItems/"), user=RESIDENT.user
    )
    (mailed,) = found.explanation.channels[0].deliveries
    assert [(each.provider, each.outcome) for each in mailed.attempts] == [
        ("mail", AttemptOutcome.ATTEMPT_OUTCOME_ACCEPTED)
    ]


# Stop and resume


async def test_what_was_not_sent_yet_can_be_stopped_and_resumed(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    outside.prefer(RESIDENT, quiet_hours=QuietHours(time(14), time(18)))
    article = await sent_article(newsroom, outside)
    await outside.send()
    assert await counts(newsroom, article) == {"WAITING": 1, "ACCEPTED": 4}
    assert (await newsroom.call(COMMANDER, "StopDelivery", article=article.name)).stopped == 1
    assert (await newsroom.call(COMMANDER, "StopDelivery", article=article.name)).stopped == 0
    outside.step()
    assert await counts(newsroom, article) == {"ACCEPTED": 4, "STOPPED": 1}
    newsroom.wait(4 * HOUR)
    assert await outside.send() == []
    assert await counts(newsroom, article) == {"ACCEPTED": 4, "STOPPED": 1}
    assert (await newsroom.call(COMMANDER, "CountDeliveries", article=article.name)).stopped
    assert (await newsroom.call(COMMANDER, "ResumeDelivery", article=article.name)).resumed == 1
    assert (await newsroom.call(COMMANDER, "ResumeDelivery", article=article.name)).resumed == 0
    outside.step()
    assert len(await outside.send()) == 1
    assert await counts(newsroom, article) == {"ACCEPTED": 5}


async def test_a_whole_street_is_stopped_at_once_and_in_steps(
    newsroom: Newsroom, outside: Outside, street: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onegrid_notify.commands.deliveries.MOVED_AT_ONCE", 2)
    article = await sent_article(newsroom, outside)
    assert (await newsroom.call(COMMANDER, "StopDelivery", article=article.name)).stopped == 5
    runner = StepRunner("notify", outside.engine, SERVICE.load_steps(), outside.clock)
    progress = [await counts(newsroom, article)]
    while runner.step():
        progress.append(await counts(newsroom, article))
    assert [each.get("STOPPED", 0) for each in progress] == [0, 2, 4, 5]
    # Stopped and wanted again before it was noted everywhere: what is wanted last holds.
    await newsroom.call(COMMANDER, "ResumeDelivery", article=article.name)
    await newsroom.call(COMMANDER, "StopDelivery", article=article.name)
    await newsroom.call(COMMANDER, "ResumeDelivery", article=article.name)
    outside.step()
    assert await counts(newsroom, article) == {"WAITING": 5}
    assert len(await outside.send()) == 5


async def test_what_is_planned_after_a_stop_is_not_sent_either(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await newsroom.published(push=True, channels=[EMAIL], audience=TO_STREET)
    assert (await newsroom.call(COMMANDER, "CountDeliveries", article=article.name)).planning
    await newsroom.call(COMMANDER, "StopDelivery", article=article.name)
    outside.step()
    assert not (await newsroom.call(COMMANDER, "CountDeliveries", article=article.name)).planning
    assert await outside.send() == []
    assert await counts(newsroom, article) == {"STOPPED": 5}


async def test_only_who_could_publish_it_stops_an_article(newsroom: Newsroom, outside: Outside) -> None:
    article = await sent_article(newsroom, outside)
    for by in (CLERK, OTHER_STREET_DESK, STREET_DESK, RESIDENT):
        error = await refused(newsroom, by, "StopDelivery", article=article.name)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED
    draft = await newsroom.draft(push=True, channels=[EMAIL])
    error = await refused(newsroom, COMMANDER, "StopDelivery", article=draft.name)
    assert (error.reason, error.metadata["state"]) == ("WRONG_STATE", "DRAFT")


# Tests


async def test_a_test_goes_to_who_asks_for_it_at_once_and_is_marked(newsroom: Newsroom, outside: Outside) -> None:
    outside.address(CLERK)
    outside.prefer(
        CLERK,
        quiet_hours=QuietHours(time(0), time(23, 59)),
        mutes=frozenset({Mute()}),
        digests={EMAIL: Digest(DigestPeriod.DIGEST_PERIOD_HOURLY)},
    )
    draft = await newsroom.draft(CLERK, OFFICE, push=True)
    answer = await newsroom.call(CLERK, "SendTest", subject=draft.name, channel=EMAIL)
    assert answer.delivery.kind == DeliveryKind.DELIVERY_KIND_TEST
    assert (answer.delivery.user, answer.delivery.masked_address) == (CLERK.user, "0***@example.cn")
    (sent,) = await outside.send()
    assert sent.address == f"{CLERK.user.removeprefix('users/')}@example.cn"
    assert sent.content.subject == "【测试】惠企政策"
    assert "inbox" not in sent.content.text


async def test_a_template_can_be_tried_with_invented_facts(newsroom: Newsroom, outside: Outside) -> None:
    outside.address(COMMANDER, SMS)
    name = f"templates/{DISTRICT}-petition.PetitionFiled-petitioner-en"
    await newsroom.call(COMMANDER, "SendTest", subject=name, channel=SMS)
    (sent,) = await outside.send()
    assert sent.content.template == "petition.PetitionFiled-petitioner-en"
    assert sent.content.text.startswith("[Test] ")


async def test_a_test_needs_an_address_and_the_office(newsroom: Newsroom, outside: Outside) -> None:
    draft = await newsroom.draft(CLERK, OFFICE)
    error = await refused(newsroom, CLERK, "SendTest", subject=draft.name, channel=EMAIL)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_MISSING")
    assert error.metadata == {"channel": "EMAIL"}
    outside.address(CLERK, verified=False)
    assert (await refused(newsroom, CLERK, "SendTest", subject=draft.name, channel=EMAIL)).reason == "ADDRESS_MISSING"
    outside.address(OTHER_CLERK)
    error = await refused(newsroom, OTHER_CLERK, "SendTest", subject=draft.name, channel=EMAIL)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED
    nothing = f"templates/{DISTRICT}-petition.Nothing-petitioner-zh"
    assert (await refused(newsroom, COMMANDER, "SendTest", subject=nothing, channel=EMAIL)).reason == "NOT_FOUND"


# Lists


async def test_an_articles_deliveries_are_listed_by_state_and_channel(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    outside.address(RESIDENT, SMS)
    outside.answer = lambda each: (
        Result.failed("554") if each.recipient in (RESIDENT.user, NEIGHBOURS[0].user) else Result.accepted()
    )
    article = await sent_article(newsroom, outside, channels=[EMAIL, SMS])
    await outside.send()
    everything = await listed(newsroom, article=article.name)
    assert [each.name for each in everything] == sorted(each.name for each in everything)
    assert len(everything) == 6
    failed = await listed(newsroom, article=article.name, states=[FAILED])
    assert {(each.user, each.channel) for each in failed} == {
        (RESIDENT.user, EMAIL),
        (RESIDENT.user, SMS),
        (NEIGHBOURS[0].user, EMAIL),
    }
    assert {each.code for each in failed} == {"554"}
    (text_message,) = await listed(newsroom, article=article.name, channels=[SMS])
    assert text_message.masked_address == "+861********23"
    assert (text_message.item, text_message.subject) == (
        article.name.replace("articles/", "inboxItems/"),
        article.name,
    )
    # Of the district: all that is unresolved, whatever it is about.
    assert {each.name for each in await listed(newsroom)} == {each.name for each in failed}
    assert await listed(newsroom, states=[UNKNOWN]) == []


async def test_lists_and_explanations_show_the_address_that_was_used(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(RESIDENT, STREET)
    outside.address(RESIDENT, value="old@example.cn")
    article = await sent_article(newsroom, outside)
    outside.answer = lambda _: Result.failed("554")
    await outside.send()
    item = article.name.replace("articles/", "inboxItems/")

    async def shown() -> set[str]:
        (delivery,) = await listed(newsroom, article=article.name)
        answer = await newsroom.call(RESIDENT, "ExplainDelivery", item=item, user=RESIDENT.user)
        (explained,) = answer.explanation.channels[0].deliveries
        return {delivery.masked_address, explained.delivery.masked_address}

    outside.address(RESIDENT, value="new@example.org", verify_time=newsroom.now)
    assert await shown() == {"o***@example.cn"}
    (failed,) = await listed(newsroom, article=article.name)
    replayed = (await newsroom.call(COMMANDER, "ReplayDelivery", name=failed.name)).delivery
    assert replayed.masked_address == "o***@example.cn"
    await outside.send()
    assert await shown() == {"n***@example.org"}
    with outside.engine.begin() as conn:
        conn.execute(text("DELETE FROM address WHERE verify_time = :time"), {"time": newsroom.now})
    # What the person has now was not used.
    assert await shown() == {""}


async def test_lists_are_for_who_holds_the_office(newsroom: Newsroom, outside: Outside, street: None) -> None:
    article = await sent_article(newsroom, outside)
    for by in (CLERK, STREET_DESK, RESIDENT):
        error = await refused(newsroom, by, "ListDeliveries", parent=DISTRICT, article=article.name)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED
    error = await refused(newsroom, COMMANDER, "ListDeliveries", parent=OFFICE, article=article.name)
    assert error.reason == "NOT_FOUND"
    error = await refused(newsroom, COMMANDER, "ListDeliveries", parent=DISTRICT, states=[DELIVERED])
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT


# What nobody has resolved


async def test_what_failed_is_sent_again_when_an_operator_wants_it(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    outside.answer = lambda _: Result.failed("554")
    await sent_article(newsroom, outside)
    await outside.send()
    outside.answer = lambda _: Result.accepted()
    failed = await listed(newsroom)
    again = await newsroom.call(COMMANDER, "ReplayDelivery", name=failed[0].name)
    assert again.delivery.state == DeliveryState.DELIVERY_STATE_WAITING
    assert len(await outside.send()) == 1
    assert len(await listed(newsroom)) == 4
    error = await refused(newsroom, COMMANDER, "ReplayDelivery", name=failed[0].name)
    assert (error.reason, error.metadata) == (
        "DELIVERY_STATE",
        {"state": "ACCEPTED", "needed": "FAILED,DROPPED,UNKNOWN"},
    )


async def test_an_operator_notes_what_became_of_what_is_unknown(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    outside.answer = lambda _: Result.unknown("TIMEOUT")
    await sent_article(newsroom, outside)
    await outside.send()
    unknown = await listed(newsroom, states=[UNKNOWN])
    assert {each.code for each in unknown} == {"TIMEOUT"}
    arrived = await newsroom.call(COMMANDER, "SettleDelivery", name=unknown[0].name, delivered=True)
    lost = await newsroom.call(COMMANDER, "SettleDelivery", name=unknown[1].name)
    assert (arrived.delivery.state, lost.delivery.state) == (DELIVERED, FAILED)
    error = await refused(newsroom, COMMANDER, "SettleDelivery", name=unknown[0].name)
    assert (error.reason, error.metadata) == ("DELIVERY_STATE", {"state": "DELIVERED", "needed": "UNKNOWN"})
    missing = unknown[0].name[:-5] + "NOONE"
    assert (await refused(newsroom, COMMANDER, "SettleDelivery", name=missing)).reason == "NOT_FOUND"
    assert (await refused(newsroom, STREET_DESK, "SettleDelivery", name=missing)).code == (
        grpc.StatusCode.PERMISSION_DENIED
    )


# Why did she not get it?


class Explained:
    """What ExplainDelivery says of one person."""

    def __init__(self, explanation: Any) -> None:
        self.audience = explanation.audience
        self.inbox = explanation.inbox
        self.by = {each.channel: each for each in explanation.channels}


async def explained(newsroom: Newsroom, item: str, user: Caller = RESIDENT, by: Caller = COMMANDER) -> Explained:
    item = item.replace("articles/", "inboxItems/")
    answer = await newsroom.call(by, "ExplainDelivery", item=item, user=user.user)
    return Explained(answer.explanation)


async def test_who_is_in_no_selector_of_the_audience_sees_that(newsroom: Newsroom, outside: Outside) -> None:
    newsroom.live(ELSEWHERE, OTHER_STREET)
    article = await sent_article(newsroom, outside)
    outside.address(ELSEWHERE)
    outside.prefer(ELSEWHERE, mutes=frozenset({Mute(topic=NEWS)}))
    for by in (ELSEWHERE, COMMANDER):
        found = await explained(newsroom, article.name, ELSEWHERE, by=by)
        assert not found.audience.included
        assert not found.inbox.present
        assert found.audience.time == article.publish_time
        assert all(not each.deliveries for each in found.by.values())
        # What she decides about what she gets is not to be learned by what she does not get.
        assert {each.reason for each in found.by.values()} == {DeliveryReason.DELIVERY_REASON_UNSPECIFIED}


async def test_rungs_of_an_escalation_that_began_anew_are_explained_too(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await newsroom.published(push=True, urgent=True, audience=TO_STREET)
    id_ = article.name.removeprefix("articles/")
    plan = Plan(
        article=article.name, item=id_, column=NEWS, channels=(EMAIL,), urgent=True, expire_time=newsroom.now + DAY
    )
    rung = Rung(number=11, version=1, step=1, channel=EMAIL, due_time=newsroom.now)
    with outside.engine.begin() as conn:
        insert_rung(conn, id_, rung)
        sending.enqueue(conn, [of_article(plan, RESIDENT.user, EMAIL, rung)], newsroom.now)
    await outside.send()
    (sent,) = (await explained(newsroom, article.name)).by[EMAIL].deliveries
    assert sent.delivery.name.endswith("~11")


async def test_who_is_in_the_audience_sees_by_what_and_what_came_of_it(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await sent_article(newsroom, outside)
    await outside.send()
    read = [{"name": article.name.replace("articles/", "inboxItems/"), "version": 1}]
    await newsroom.call(
        RESIDENT, "AcknowledgeInboxItems", items=read, acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ
    )
    found = await explained(newsroom, article.name)
    assert (found.audience.included, found.audience.place, found.audience.member_of) == (True, STREET, STREET)
    assert found.inbox.present
    assert found.inbox.article_state == ArticleState.ARTICLE_STATE_PUBLISHED
    assert found.inbox.HasField("read_time")
    mail = found.by[EMAIL]
    assert (mail.chosen, mail.reason) == (True, DeliveryReason.DELIVERY_REASON_UNSPECIFIED)
    (sent,) = mail.deliveries
    assert sent.delivery.state == DeliveryState.DELIVERY_STATE_ACCEPTED
    assert sent.delivery.masked_address == "r***@example.cn"
    (attempt,) = sent.attempts
    assert (attempt.number, attempt.provider, attempt.code) == (1, "email", "")
    assert attempt.HasField("begin_time")
    assert not found.by[SMS].chosen
    assert found.by[SMS].reason == DeliveryReason.DELIVERY_REASON_NO_ADDRESS


@pytest.mark.parametrize(
    ("preferences", "reason"),
    [
        ({"mutes": frozenset({Mute()})}, "ALL_MUTED"),
        ({"mutes": frozenset({Mute(topic=NEWS)})}, "TOPIC_MUTED"),
        ({"mutes": frozenset({Mute(channel=Channel.CHANNEL_EMAIL)})}, "CHANNEL_MUTED"),
        ({"mutes": frozenset({Mute(NEWS, Channel.CHANNEL_EMAIL)})}, "TOPIC_CHANNEL_MUTED"),
        ({"quiet_hours": QuietHours(time(14), time(18))}, "QUIET_HOURS"),
        ({"digests": {EMAIL: Digest(DigestPeriod.DIGEST_PERIOD_HOURLY)}}, "DIGEST"),
    ],
)
async def test_a_preference_that_stood_in_the_way_is_named_with_its_level(
    newsroom: Newsroom, outside: Outside, street: None, preferences: dict[str, Any], reason: str
) -> None:
    outside.prefer(RESIDENT, **preferences)
    article = await sent_article(newsroom, outside)
    await outside.send()
    mail = (await explained(newsroom, article.name, by=RESIDENT)).by[EMAIL]
    assert DeliveryReason.Name(mail.reason) == f"DELIVERY_REASON_{reason}"
    (delivery,) = mail.deliveries
    assert delivery.delivery.code == reason
    assert list(delivery.attempts) == []
    assert mail.HasField("until_time") == (reason in ("QUIET_HOURS", "DIGEST"))
    assert mail.HasField("digest") == (reason == "DIGEST")
    # What stood in the way then is still said when it does no more.
    outside.prefer(RESIDENT)
    mail = (await explained(newsroom, article.name)).by[EMAIL]
    assert mail.reason == DeliveryReason.DELIVERY_REASON_UNSPECIFIED
    assert mail.deliveries[0].delivery.code == reason


async def test_an_address_that_was_refused_is_named_with_the_providers_code(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    outside.answer = lambda _: Result.failed("550", address_refused=True)
    article = await sent_article(newsroom, outside)
    await outside.send()
    mail = (await explained(newsroom, article.name)).by[EMAIL]
    assert mail.reason == DeliveryReason.DELIVERY_REASON_ADDRESS_SUPPRESSED
    (sent,) = mail.deliveries
    assert [(each.outcome, each.code) for each in sent.attempts] == [(AttemptOutcome.ATTEMPT_OUTCOME_FAILED, "550")]


async def test_an_address_that_can_not_be_read_hides_no_delivery(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await sent_article(newsroom, outside)
    with outside.engine.begin() as conn:
        conn.execute(text("UPDATE address SET sealed_value = 'x'"))
    await outside.send()
    found = await newsroom.call(COMMANDER, "ListDeliveries", parent=article.owner, article=article.name)
    assert {(each.code, each.masked_address) for each in found.deliveries} == {("ADDRESS_UNREADABLE", "")}


async def test_the_digest_in_which_it_came_is_named(
    newsroom: Newsroom, outside: Outside, events: Events, street: None
) -> None:
    outside.prefer(RESIDENT, digests={EMAIL: Digest(DigestPeriod.DIGEST_PERIOD_HOURLY)})
    events.deliver(filed(), subject=PETITION)
    await outside.send()
    newsroom.wait(HOUR)
    await outside.send()
    inbox = await newsroom.call(RESIDENT, "ListInboxItems")
    (item,) = [each.name for each in inbox.items]
    found = await explained(newsroom, item)
    assert found.audience.included
    assert found.inbox.present
    mail = found.by[EMAIL]
    assert mail.deliveries[0].delivery.code == "DIGEST"
    assert mail.digest.delivery.kind == DeliveryKind.DELIVERY_KIND_DIGEST
    assert mail.digest.delivery.state == DeliveryState.DELIVERY_STATE_ACCEPTED
    assert len(mail.digest.attempts) == 1


async def test_an_explanation_is_for_the_person_and_for_operators_of_the_district(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await sent_article(newsroom, outside)
    item = article.name.replace("articles/", "inboxItems/")
    for by in (ELSEWHERE, CLERK, STREET_DESK):
        error = await refused(newsroom, by, "ExplainDelivery", item=item, user=RESIDENT.user)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED
    draft = await newsroom.draft(push=True)
    for name in (draft.name, "articles/210602-20201111-00000000"):
        missing = name.replace("articles/", "inboxItems/")
        error = await refused(newsroom, RESIDENT, "ExplainDelivery", item=missing, user=RESIDENT.user)
        assert error.reason == "NOT_FOUND"
    foreign = "inboxItems/m-" + "0" * 32
    for by in (RESIDENT, COMMANDER):
        assert (await refused(newsroom, by, "ExplainDelivery", item=foreign, user=RESIDENT.user)).reason == "NOT_FOUND"
    error = await refused(newsroom, ELSEWHERE, "ExplainDelivery", item=foreign, user=RESIDENT.user)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_an_explanation_is_audited_as_a_read_of_personal_data(
    newsroom: Newsroom, outside: Outside, street: None
) -> None:
    article = await sent_article(newsroom, outside)
    await explained(newsroom, article.name)
    with outside.engine.connect() as conn:
        row = conn.execute(text("SELECT caller, resource FROM audit_entry WHERE method LIKE '%ExplainDelivery'")).one()
    assert tuple(row) == (COMMANDER.user, RESIDENT.user)


# What it costs


async def test_lists_and_counts_read_by_index(newsroom: Newsroom, outside: Outside) -> None:
    plan = text(
        """
        INSERT INTO sending (id, district, kind, channel, recipient, subject, batch, lane, parameters, state, due_time,
                             create_time, traceparent)
        SELECT batch || '/' || n, :district, 'article', CASE WHEN n % 3 = 0 THEN 'SMS' ELSE 'EMAIL' END, 'users/' || n,
               batch, batch, 3, '{}', CASE WHEN n % 1000 = 0 THEN 'FAILED' ELSE 'ACCEPTED' END, now(), now(), ''
        FROM generate_series(1, 20000) AS n, unnest(ARRAY['articles/a', 'articles/b', 'articles/c']) AS batch
        """
    )
    with outside.engine.begin() as conn:
        conn.execute(plan, {"district": DISTRICT})
    with outside.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE sending"))
    with outside.engine.connect() as conn:
        conn.execute(text("SET enable_seqscan = off"))
        for read in (
            lambda: sending.batch_page(conn, "articles/b", list(State), ["EMAIL", "SMS"], "articles/b/15000", 51),
            lambda: sending.batch_page(conn, "articles/b", [State.FAILED], ["EMAIL"], "", 51),
            lambda: sending.unresolved_page(conn, DISTRICT, [State.FAILED, State.UNKNOWN], ["EMAIL", "SMS"], None, 51),
        ):
            before = _fetched(conn)
            read()
            assert _fetched(conn) - before <= 20 * 51


def _fetched(conn: Any) -> int:
    """How many rows of the table this transaction's statements have read."""
    query = text(
        "SELECT pg_stat_get_xact_tuples_fetched(c) + pg_stat_get_xact_tuples_returned(c)"
        " FROM (SELECT CAST('sending' AS regclass) AS c) AS sending"
    )
    return int(conn.execute(query).scalar_one())
