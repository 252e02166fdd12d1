"""Identity's one-time codes: sent once, before all else, never after they end, and readable nowhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import OneTimeCodeIssued
from onegrid.notify.v1.delivery_pb2 import SuppressionReason
from onegrid_kit import housekeeping
from onegrid_kit.clock import SettableClock
from onegrid_kit.events import Delivery, Envelope
from onegrid_kit.inbox import Inbox
from onegrid_kit.jobs import run_job
from onegrid_kit.sending import Context, Drop, Lane, Outgoing, Prepared, Result, Send, State
from onegrid_kit.sending.store import claims
from onegrid_kit.testing.api import TEST_CIPHER, Refused, Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify import rendering
from onegrid_notify.main import SERVICE
from onegrid_notify.one_time_codes import KIND, prepare

from .outside import Outside
from .people import COMMANDER, DISTRICT

NAME = "oneTimeCodes/kx72m9qf"
PHONE, CODE = "+8613800000023", "482913"
BOUNCED = SuppressionReason.SUPPRESSION_REASON_BOUNCED
LASTS = timedelta(minutes=5)


def issued(now: datetime, **fields: Any) -> OneTimeCodeIssued:
    return OneTimeCodeIssued(phone=PHONE, code=CODE, expire_time=timestamp(now + LASTS), **fields)


def deliver(events: Events, event: OneTimeCodeIssued) -> None:
    events.deliver(event, subject=NAME)


def claimed(engine: Engine, now: datetime) -> Sequence[Outgoing]:
    """What the sender finds that is due."""
    with engine.begin() as conn:
        return claims.claim(conn, [claims.Claim("SMS", Lane.CRITICAL, 10)], now)[0]


def prepared(engine: Engine, now: datetime) -> Prepared:
    """What becomes of the only one."""
    (row,) = claimed(engine, now)
    with engine.begin() as conn:
        (one,) = prepare(conn, [row], Context(None, TEST_CIPHER, now))
    return one


def stored(engine: Engine) -> str:
    """All rows of the database, as text."""
    with engine.connect() as conn:
        tables = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        return "\n".join(
            row for table in tables for row in conn.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()
        )


async def test_a_code_is_sent_first_of_all_and_once_for_its_event(
    events: Events, engine: Engine, clock: SettableClock
) -> None:
    deliver(events, issued(clock.now()))
    (row,) = claimed(engine, clock.now())
    assert (row.id, row.kind, row.lane, row.state, row.expire_time) == (
        NAME,
        KIND,
        Lane.CRITICAL,
        State.WAITING,
        clock.now() + LASTS,
    )
    message = prepared(engine, clock.now())
    assert isinstance(message, Send)
    assert (message.address, message.content.text) == (
        PHONE,
        "登录验证码482913，5分钟内有效。请勿告诉他人。如非本人操作，请忽略。",
    )
    assert (message.content.template, dict(message.content.parameters)) == (
        "login-code",
        {"code": CODE, "minutes": "5"},
    )


async def test_an_event_that_the_worker_has_forgotten_sends_its_code_no_second_time(
    engine: Engine, clock: SettableClock
) -> None:
    delivery = Delivery(
        id=str(uuid.uuid4()), type=OneTimeCodeIssued.DESCRIPTOR.full_name, subject=NAME, time=clock.now()
    )
    for _ in range(2):
        inbox = Inbox("notify", engine, SERVICE.load_handlers(), TEST_CIPHER)
        inbox.deliver([Envelope(delivery, issued(clock.now()).SerializeToString())])
        with engine.begin() as conn:
            conn.execute(text("TRUNCATE inbox"))
    assert len(claimed(engine, clock.now())) == 1


async def test_an_event_that_comes_after_its_code_has_ended_sends_nothing(
    events: Events, engine: Engine, clock: SettableClock
) -> None:
    deliver(events, issued(clock.now()))
    assert claimed(engine, clock.now() + LASTS) == []
    with engine.connect() as conn:
        assert conn.execute(text("SELECT state FROM sending")).scalar_one() == State.EXPIRED


async def test_nobody_can_read_the_code_or_its_number_and_both_are_gone_in_the_end(
    events: Events, engine: Engine, clock: SettableClock
) -> None:
    deliver(events, issued(clock.now()))
    for secret in (PHONE, PHONE[3:], CODE, PHONE.encode().hex(), CODE.encode().hex()):
        assert secret not in stored(engine)
    job = job_of(SERVICE, "forget what was sent sealed")
    assert run_job("notify", engine, job, clock.now() + LASTS)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT sealed FROM sending")).scalar_one() is None


async def test_a_code_that_an_operator_replays_after_its_end_is_dropped(
    events: Events, engine: Engine, clock: SettableClock
) -> None:
    deliver(events, issued(clock.now()))
    with engine.begin() as conn:
        housekeeping.forget_sealed(conn, clock.now() + LASTS)
    assert prepared(engine, clock.now()) == Drop("CODE_FORGOTTEN")


async def test_a_code_goes_to_no_number_that_is_suppressed(
    api: Serving, events: Events, engine: Engine, clock: SettableClock
) -> None:
    await api.call(COMMANDER, "SuppressAddress", district=DISTRICT, phone=PHONE, note="停机")
    deliver(events, issued(clock.now(), district=DISTRICT))
    assert prepared(engine, clock.now()) == Drop("ADDRESS_SUPPRESSED")


async def test_a_number_that_a_provider_refuses_for_good_gets_no_code_any_more(
    database_url: str, api: Serving, events: Events, engine: Engine, clock: SettableClock
) -> None:
    outside = Outside(database_url, engine, clock, answer=lambda _: Result.failed("MK:0001", address_refused=True))
    for district in ("", DISTRICT):
        events.deliver(issued(clock.now(), district=district), subject=f"{NAME}{district}")
        assert len(await outside.send()) == 1
    (suppression,) = (await api.call(COMMANDER, "ListSuppressions", district=DISTRICT, phone=PHONE)).suppressions
    assert (suppression.reason, suppression.note) == (BOUNCED, "MK:0001")
    events.deliver(issued(clock.now(), district=DISTRICT), subject=f"{NAME}again")
    assert await outside.send() == []
    assert outside.find(f"{NAME}again").last_code == "ADDRESS_SUPPRESSED"
    with engine.connect() as conn:
        assert conn.execute(text("SELECT DISTINCT district FROM suppression")).scalars().all() == [DISTRICT]


@pytest.mark.parametrize(("language", "text"), [("en", "Your login code is 482913"), ("fr", "登录验证码482913")])
async def test_a_code_is_written_in_the_language_that_the_app_asks_for(
    events: Events, engine: Engine, clock: SettableClock, language: str, text: str
) -> None:
    deliver(events, issued(clock.now(), language=language))
    message = prepared(engine, clock.now())
    assert isinstance(message, Send)
    assert message.content.text.startswith(text)


async def test_a_district_words_its_codes_itself_but_never_leaves_the_code_out(
    api: Serving, events: Events, engine: Engine, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rendering, "_REFRESH_S", 0)
    name = f"templates/{DISTRICT}-identity.OneTimeCodeIssued-person-zh"
    own = {"title": "验证码", "text": "验证码", "short_text": "元宝区：{{ code }}", "sms_template": "yuanbao-code"}
    with pytest.raises(Refused, match="code must be mentioned") as refused:
        await api.call(COMMANDER, "PublishTemplate", name=name, wording={**own, "short_text": "验证码"})
    assert refused.value.fields == ["wording.short_text"]
    await api.call(COMMANDER, "PublishTemplate", name=name, wording=own)
    deliver(events, issued(clock.now(), district=DISTRICT))
    message = prepared(engine, clock.now())
    assert isinstance(message, Send)
    assert (message.content.text, message.template) == ("元宝区：482913", "yuanbao-code")
    assert dict(message.content.parameters) == {"code": CODE}
