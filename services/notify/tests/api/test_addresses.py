"""Where people get what is sent to them, over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.notify.v1.delivery_pb2 import Address, Channel
from onegrid_kit import sending
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.sending import Context, Drop, Lane, Outgoing, Prepared, Send
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify import verification
from onegrid_notify.address import MAX_ADDRESSES
from onegrid_notify.contents import Email, Sms
from onegrid_notify.main import SERVICE

from .people import CITIZEN, COMMANDER, DISTRICT, NEIGHBOUR, STRANGER

MAIL, PHONE = "zhang.san@example.cn", "+8613912345623"
SECOND = timedelta(seconds=1)


class Senders:
    """What the sender would send of codes, and to whom."""

    def __init__(self, api: Serving, engine: Engine, clock: SettableClock) -> None:
        self._api = api
        self._engine = engine
        self._clock = clock

    def waiting(self) -> list[Outgoing]:
        """What waits to be sent, the first asked for first."""
        with self._engine.begin() as conn:
            ids = conn.execute(text("SELECT id FROM sending ORDER BY create_time, id")).scalars().all()
            return [found for id_ in ids if (found := sending.find(conn, id_)) is not None]

    def prepared(self, *rows: Outgoing) -> list[Prepared]:
        """What is sent of these, or of all."""
        context = Context(self._api.runtime.settings, self._api.runtime.cipher, self._clock.now())
        with self._engine.begin() as conn:
            return list(verification.prepare(conn, rows or self.waiting(), context))

    def code(self) -> str:
        """The code that was sent last."""
        *_, last = self.prepared()
        assert isinstance(last, Send)
        content: Email | Sms = last.content
        return "".join(letter for letter in content.text.split(",")[0].split("，")[0] if letter.isdigit())


@pytest.fixture
def sender(api: Serving, engine: Engine, clock: SettableClock) -> Iterator[Senders]:
    clock.set(clock.now())
    yield Senders(api, engine, clock)
    clock.reset()


async def added(api: Serving, by: Caller = CITIZEN, **destination: Any) -> Address:
    answer = await api.call(by, "CreateAddress", **(destination or {"email": MAIL}))
    return answer.address


async def listed(api: Serving, by: Caller = CITIZEN) -> list[Address]:
    return list((await api.call(by, "ListAddresses")).addresses)


async def verified(api: Serving, sender: Senders, by: Caller = CITIZEN, **destination: Any) -> Address:
    address = await added(api, by, **destination)
    return (await api.call(by, "VerifyAddress", name=address.name, code=sender.code())).address


def browser(number: int) -> dict[str, Any]:
    return {"endpoint": f"https://push.example.com/{number}", "p256dh": b"\x04" + bytes(64), "auth": bytes(16)}


async def refused(api: Serving, by: Caller, method: str, **fields: Any) -> Refused:
    with pytest.raises(Refused) as error:
        await api.call(by, method, **fields)
    return error.value


def defined(version: int, state: UserState, at: datetime) -> UserDefined:
    return UserDefined(
        user=CITIZEN.user,
        kind=CITIZEN.kind,
        district=DISTRICT,
        state=state,
        version=version,
        update_time=timestamp(at),
    )


@pytest.mark.parametrize(
    ("destination", "channel", "masked"),
    [
        ({"email": "Zhang.San@Example.CN"}, Channel.CHANNEL_EMAIL, "Z***@example.cn"),
        ({"phone": PHONE}, Channel.CHANNEL_SMS, "+861********23"),
        ({"phone": "+860" + PHONE[3:]}, Channel.CHANNEL_SMS, "+861********23"),
    ],
)
async def test_an_address_is_verified_by_the_code_that_is_sent_there(
    api: Serving, sender: Senders, clock: SettableClock, destination: Any, channel: Channel, masked: str
) -> None:
    address = await added(api, **destination)
    assert (address.channel, address.masked_value) == (channel, masked)
    assert not address.HasField("verify_time")
    assert address.code_expire_time.ToDatetime() - clock.now().replace(tzinfo=None) == timedelta(minutes=10)
    assert await listed(api) == [address]
    found = (await api.call(CITIZEN, "VerifyAddress", name=address.name, code=sender.code())).address
    assert found.HasField("verify_time")
    assert not found.HasField("code_expire_time")
    assert await listed(api) == [found]
    again = await api.call(CITIZEN, "VerifyAddress", name=address.name, code="000000")
    assert again.address == found


async def test_a_code_is_sent_ahead_of_all_else_and_not_after_its_end(
    api: Serving, sender: Senders, clock: SettableClock
) -> None:
    address = await added(api, phone=PHONE)
    (row,) = sender.waiting()
    assert (row.lane, row.channel, row.district) == (Lane.CRITICAL, "SMS", DISTRICT)
    assert (row.recipient, row.subject) == (CITIZEN.user, address.name)
    assert row.expire_time == clock.now() + timedelta(minutes=10)
    (message,) = sender.prepared(row)
    assert isinstance(message, Send)
    assert message.address == PHONE
    assert message.content.template == message.template == "address-code"
    assert message.content.parameters == {"code": sender.code(), "minutes": "10"}
    assert sender.code() in message.content.text


async def test_a_code_is_written_in_the_language_of_its_reader(api: Serving, sender: Senders) -> None:
    await api.call(CITIZEN, "SetPreferences", preferences={"language": "en"})
    await added(api)
    await added(api, NEIGHBOUR, email="li.si@example.cn")
    english, chinese = (each.content for each in sender.prepared() if isinstance(each, Send))
    assert (english.language, english.subject) == ("en", "Your code")
    assert (chinese.language, chinese.subject) == ("zh", "验证码")


async def test_a_browser_needs_no_code(api: Serving, sender: Senders) -> None:
    address = await added(api, browser=browser(1))
    assert (address.channel, address.masked_value) == (Channel.CHANNEL_WEB_PUSH, "push.example.com")
    assert address.HasField("verify_time")
    assert sender.waiting() == []
    error = await refused(api, CITIZEN, "SendVerificationCode", name=address.name)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_VERIFIED")
    assert error.metadata == {"address": address.name}


@pytest.mark.parametrize(
    ("destination", "field"),
    [
        ({}, "destination"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b\nBcc: c@d"}, "email"),
        ({"phone": "13912345623"}, "phone"),
        ({"phone": "+8613"}, "phone"),
        ({"phone": "+999123456789"}, "phone"),
        ({"browser": {**browser(1), "endpoint": "http://push.example.com/1"}}, "browser.endpoint"),
        ({"browser": {**browser(1), "p256dh": bytes(65)}}, "browser.p256dh"),
        ({"browser": {**browser(1), "auth": b"short"}}, "browser.auth"),
    ],
)
async def test_what_nothing_can_be_sent_to_is_no_address(api: Serving, destination: Any, field: str) -> None:
    error = await refused(api, CITIZEN, "CreateAddress", **destination)
    assert (error.code, error.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_an_address_is_added_once_however_it_is_written(api: Serving, sender: Senders) -> None:
    first = await added(api)
    assert await added(api, email=MAIL.upper()) == first
    assert len(sender.waiting()) == 1
    request_id = str(uuid.uuid4())
    answers = [await api.call(CITIZEN, "CreateAddress", browser=browser(1), request_id=request_id) for _ in range(2)]
    assert answers[0] == answers[1]
    both = await asyncio.gather(*(api.call(CITIZEN, "CreateAddress", browser=browser(2)) for _ in range(5)))
    assert len({answer.address.name for answer in both}) == 1
    assert len(await listed(api)) == 3


async def test_five_guesses_end_a_code_and_another_one_replaces_it(
    api: Serving, sender: Senders, clock: SettableClock
) -> None:
    address = await added(api)
    first = sender.code()
    wrong = f"{(int(first) + 1) % 1_000_000:06}"
    for _ in range(5):
        error = await refused(api, CITIZEN, "VerifyAddress", name=address.name, code=wrong)
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CODE_REJECTED")
        assert error.metadata == {"address": address.name}
    assert (await refused(api, CITIZEN, "VerifyAddress", name=address.name, code=first)).reason == "CODE_REJECTED"
    clock.set(clock.now() + 60 * SECOND)
    await api.call(CITIZEN, "SendVerificationCode", name=address.name)
    old, _ = sender.waiting()
    assert sender.prepared(old) == [Drop("SUPERSEDED")]
    found = await api.call(CITIZEN, "VerifyAddress", name=address.name, code=sender.code())
    assert found.address.HasField("verify_time")


async def test_guesses_of_the_same_moment_are_all_counted(api: Serving, sender: Senders) -> None:
    address = await added(api)
    right = sender.code()
    guesses = [f"{(int(right) + number) % 1_000_000:06}" for number in range(1, 21)]
    await asyncio.gather(
        *(api.call(CITIZEN, "VerifyAddress", name=address.name, code=guess) for guess in guesses),
        return_exceptions=True,
    )
    assert (await refused(api, CITIZEN, "VerifyAddress", name=address.name, code=right)).reason == "CODE_REJECTED"


async def test_a_code_ends_after_ten_minutes(api: Serving, sender: Senders, clock: SettableClock) -> None:
    address = await added(api)
    code = sender.code()
    clock.set(clock.now() + timedelta(minutes=10))
    assert (await refused(api, CITIZEN, "VerifyAddress", name=address.name, code=code)).reason == "CODE_REJECTED"


async def test_a_code_is_good_for_its_own_address_alone(api: Serving, sender: Senders, clock: SettableClock) -> None:
    code_of_mail = (await added(api), sender.code())[1]
    clock.set(clock.now() + SECOND)
    phone = await added(api, phone=PHONE)
    if sender.code() != code_of_mail:
        error = await refused(api, CITIZEN, "VerifyAddress", name=phone.name, code=code_of_mail)
        assert error.reason == "CODE_REJECTED"


async def test_an_address_gets_one_code_a_minute_whoever_asks_for_it(
    api: Serving, sender: Senders, clock: SettableClock
) -> None:
    address = await added(api)
    for by, method, fields in (
        (CITIZEN, "SendVerificationCode", {"name": address.name}),
        (NEIGHBOUR, "CreateAddress", {"email": MAIL}),
    ):
        error = await refused(api, by, method, **fields)
        assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED")
    await api.call(CITIZEN, "DeleteAddress", name=address.name)
    assert (await refused(api, CITIZEN, "CreateAddress", email=MAIL)).reason == "RATE_LIMITED"
    assert len(sender.waiting()) == 1
    clock.set(clock.now() + 60 * SECOND)
    await added(api)


async def test_an_address_gets_ten_codes_a_day(api: Serving, sender: Senders, clock: SettableClock) -> None:
    address = await added(api)
    for _ in range(9):
        clock.set(clock.now() + 60 * SECOND)
        await api.call(CITIZEN, "SendVerificationCode", name=address.name)
    clock.set(clock.now() + 60 * SECOND)
    error = await refused(api, CITIZEN, "SendVerificationCode", name=address.name)
    assert error.reason == "RATE_LIMITED"
    clock.set(clock.now() + timedelta(days=1))
    await api.call(CITIZEN, "SendVerificationCode", name=address.name)


async def test_a_person_asks_for_twenty_codes_a_day(api: Serving, sender: Senders, clock: SettableClock) -> None:
    for number in range(20):
        address = await added(api, email=f"zhang{number}@example.cn")
        await api.call(CITIZEN, "DeleteAddress", name=address.name)
    assert (await refused(api, CITIZEN, "CreateAddress", phone=PHONE)).reason == "RATE_LIMITED"
    assert await listed(api) == []
    clock.set(clock.now() + timedelta(days=1))
    await added(api, phone=PHONE)


async def test_a_person_has_only_so_many_addresses(api: Serving) -> None:
    for number in range(MAX_ADDRESSES):
        await added(api, browser=browser(number))
    error = await refused(api, CITIZEN, "CreateAddress", browser=browser(MAX_ADDRESSES))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_LIMIT_REACHED")
    assert error.metadata == {"limit": "20"}
    await added(api, browser=browser(0))


async def test_nobody_reaches_anothers_address(api: Serving, sender: Senders) -> None:
    address = await added(api)
    code = sender.code()
    for by in (NEIGHBOUR, STRANGER, COMMANDER):
        for method, fields in (
            ("SendVerificationCode", {}),
            ("VerifyAddress", {"code": code}),
            ("DeleteAddress", {}),
        ):
            error = await refused(api, by, method, name=address.name, **fields)
            assert error.code == grpc.StatusCode.PERMISSION_DENIED
            nowhere = await refused(api, by, method, name=address.name[:-8] + "00000000", **fields)
            assert (nowhere.code, nowhere.metadata) == (error.code, error.metadata)
        assert await listed(api, by) == []
    absent = await refused(api, CITIZEN, "DeleteAddress", name=address.name[:-8] + "00000000")
    assert absent.code == grpc.StatusCode.NOT_FOUND
    assert await listed(api) == [address]


async def test_to_a_deleted_address_no_code_is_sent(api: Serving, sender: Senders) -> None:
    address = await added(api)
    request_id = str(uuid.uuid4())
    for _ in range(2):
        await api.call(CITIZEN, "DeleteAddress", name=address.name, request_id=request_id)
    assert await listed(api) == []
    assert sender.prepared() == [Drop("NO_ADDRESS")]


async def test_to_a_suppressed_address_no_code_is_sent(api: Serving, sender: Senders, clock: SettableClock) -> None:
    address = await added(api)
    await api.call(COMMANDER, "SuppressAddress", district=DISTRICT, email=MAIL, note="退信")
    assert sender.prepared() == [Drop("ADDRESS_SUPPRESSED")]
    clock.set(clock.now() + 60 * SECOND)
    for by, method, fields in (
        (CITIZEN, "SendVerificationCode", {"name": address.name}),
        (NEIGHBOUR, "CreateAddress", {"email": MAIL}),
    ):
        error = await refused(api, by, method, **fields)
        assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_SUPPRESSED")
        assert error.metadata == {"channel": "EMAIL", "reason": "OPERATOR"}
    await added(api, STRANGER, email=MAIL)


async def test_nothing_readable_is_stored(api: Serving, sender: Senders, engine: Engine) -> None:
    await verified(api, sender, email=MAIL)
    await added(api, phone=PHONE)
    await added(api, browser=browser(7))
    await api.call(COMMANDER, "SuppressAddress", district=DISTRICT, email="wang.wu@example.cn", note="退信")
    code = sender.code()
    with engine.connect() as conn:
        tables = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = [row for table in tables for row in conn.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()]
        raw = [bytes(each) for each in conn.execute(text("SELECT sealed_value FROM address")).scalars()]
        sealed = [bytes(each) for each in conn.execute(text("SELECT sealed FROM sending")).scalars()]
    stored = "\n".join(rows)
    assert sealed
    for secret in (MAIL, "zhang", PHONE, PHONE[3:], "push.example.com", "wang.wu", f'"{code}"', MAIL.encode().hex()):
        assert secret not in stored
    for each in (*raw, *sealed):
        for secret in (MAIL, PHONE, code):
            assert secret.encode() not in each


async def test_an_address_that_nobody_verifies_is_deleted_after_seven_days(
    api: Serving, sender: Senders, engine: Engine, clock: SettableClock
) -> None:
    kept = await verified(api, sender, email=MAIL)
    old = await added(api, phone=PHONE)
    clock.set(clock.now() + timedelta(days=7))
    young = await added(api, email="zhang.san.2@example.cn")
    assert [each.name for each in await listed(api)] == [kept.name, old.name, young.name]
    clock.set(clock.now() + SECOND)
    job = job_of(SERVICE, "delete unverified addresses")
    assert run_job("notify", engine, job, clock.now())
    assert [each.name for each in await listed(api)] == [kept.name, young.name]
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM code_request")).scalar_one() == 2


async def test_of_a_disabled_account_every_address_is_deleted(
    api: Serving, sender: Senders, events: Events, clock: SettableClock
) -> None:
    await verified(api, sender, email=MAIL)
    await added(api, browser=browser(1))
    other = await added(api, NEIGHBOUR, browser=browser(1))
    disabled_at = clock.now() + SECOND
    events.deliver(defined(2, UserState.USER_STATE_DISABLED, disabled_at))
    assert await listed(api) == []
    assert await listed(api, NEIGHBOUR) == [other]
    late = await refused(api, CITIZEN, "CreateAddress", browser=browser(2))
    assert (late.code, late.reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")


async def test_an_account_that_is_enabled_again_begins_without_addresses(
    api: Serving, sender: Senders, events: Events, clock: SettableClock
) -> None:
    await added(api, browser=browser(1))
    disabled_at, enabled_at = clock.now() + SECOND, clock.now() + 2 * SECOND
    events.deliver(defined(3, UserState.USER_STATE_ACTIVE, enabled_at))
    clock.set(enabled_at)
    new = await added(api, browser=browser(2))
    # Events come in any order.
    events.deliver(defined(2, UserState.USER_STATE_DISABLED, disabled_at))
    assert await listed(api) == [new]
