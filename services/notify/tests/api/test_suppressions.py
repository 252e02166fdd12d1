"""Addresses that nothing is sent to, over real gRPC and a real database."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest
from sqlalchemy import Engine

from onegrid.notify.v1.delivery_pb2 import Channel, Suppression, SuppressionReason
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import staff
from onegrid_notify import suppression
from onegrid_notify.address import Destination
from onegrid_notify.store.suppressions import insert_suppressions, suppressed

from .people import CITIZEN, COMMANDER, DISTRICT, STREET_DESK

ELSEWHERE = "210603"
OTHER_COMMANDER = staff("othercommander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, ELSEWHERE)
MAIL, PHONE = "zhang.san@example.cn", "+8613912345623"


async def suppress(api: Serving, by: Caller = COMMANDER, district: str = DISTRICT, **fields: Any) -> Suppression:
    given = {"note": "停机", **(fields or {"email": MAIL})}
    return (await api.call(by, "SuppressAddress", district=district, **given)).suppression


async def listed(api: Serving, by: Caller = COMMANDER, district: str = DISTRICT, **fields: Any) -> list[Suppression]:
    return list((await api.call(by, "ListSuppressions", district=district, **fields)).suppressions)


async def test_an_operator_suppresses_finds_and_lifts_by_the_address(api: Serving, clock: SettableClock) -> None:
    mail = await suppress(api)
    phone = await suppress(api, phone=PHONE)
    assert (mail.channel, mail.reason) == (Channel.CHANNEL_EMAIL, SuppressionReason.SUPPRESSION_REASON_OPERATOR)
    assert (phone.channel, phone.note) == (Channel.CHANNEL_SMS, "停机")
    assert MAIL not in str(mail)
    assert sorted(each.name for each in await listed(api)) == sorted([mail.name, phone.name])
    assert await listed(api, email=MAIL.upper()) == [mail]
    assert await listed(api, phone="+860" + PHONE[3:]) == [phone]
    assert await listed(api, email="li.si@example.cn") == []
    lifted = (await api.call(COMMANDER, "LiftSuppression", district=DISTRICT, email=MAIL)).suppression
    assert lifted == mail
    assert await listed(api) == [phone]
    with pytest.raises(Refused) as error:
        await api.call(COMMANDER, "LiftSuppression", district=DISTRICT, email=MAIL)
    assert (error.value.code, error.value.metadata) == (grpc.StatusCode.NOT_FOUND, {"resource": mail.name})


async def test_what_is_suppressed_already_stays_as_it_is(api: Serving, clock: SettableClock) -> None:
    first = await suppress(api)
    clock.set(clock.now() + timedelta(days=1))
    assert await suppress(api, email=MAIL.upper(), note="别的") == first
    request_id = str(uuid.uuid4())
    for _ in range(2):
        await api.call(COMMANDER, "LiftSuppression", district=DISTRICT, email=MAIL, request_id=request_id)
    assert await listed(api) == []


async def test_the_newest_come_first(api: Serving, clock: SettableClock) -> None:
    names = []
    for number in range(5):
        clock.set(clock.now() + timedelta(seconds=number // 2))
        names.append((await suppress(api, email=f"zhang{number}@example.cn")).name)
    found = await listed(api)
    times = [each.create_time.ToDatetime() for each in found]
    assert times == sorted(times, reverse=True)
    assert sorted(each.name for each in found) == sorted(names)
    pages, token = [], ""
    while True:
        answer = await api.call(COMMANDER, "ListSuppressions", district=DISTRICT, page_size=1, page_token=token)
        pages += answer.suppressions
        token = answer.next_page_token
        if not token:
            break
    assert pages == found


async def test_a_districts_suppressions_are_its_own(api: Serving) -> None:
    own = await suppress(api)
    other = await suppress(api, OTHER_COMMANDER, ELSEWHERE)
    assert await listed(api) == [own]
    await api.call(OTHER_COMMANDER, "LiftSuppression", district=ELSEWHERE, email=MAIL)
    assert other.name != own.name
    assert await listed(api) == [own]


@pytest.mark.parametrize("by", [CITIZEN, STREET_DESK, OTHER_COMMANDER], ids=lambda caller: caller.user)
async def test_only_the_command_centre_of_the_district_may(api: Serving, by: Caller) -> None:
    for method, fields in (
        ("SuppressAddress", {"note": "x", "email": MAIL}),
        ("LiftSuppression", {"email": MAIL}),
        ("ListSuppressions", {}),
    ):
        with pytest.raises(Refused) as error:
            await api.call(by, method, district=DISTRICT, **fields)
        assert error.value.code == grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "destination"),
        ({"email": "nobody"}, "email"),
        ({"phone": "139"}, "phone"),
        ({"phone": "+999123456"}, "phone"),
    ],
)
async def test_only_addresses_are_suppressed(api: Serving, fields: Any, field: str) -> None:
    with pytest.raises(Refused) as error:
        await api.call(COMMANDER, "SuppressAddress", district=DISTRICT, note="x", **fields)
    assert (error.value.code, error.value.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [field])


async def test_the_first_reason_of_several_stays(api: Serving, engine: Engine, clock: SettableClock) -> None:
    index = Destination.of_email(MAIL).index(api.runtime.cipher)
    bounced, complained = (
        suppression.Suppression(
            district=DISTRICT,
            value_index=index,
            channel=Channel.CHANNEL_EMAIL,
            reason=reason,
            note="550",
            create_time=clock.now(),
        )
        for reason in (
            SuppressionReason.SUPPRESSION_REASON_BOUNCED,
            SuppressionReason.SUPPRESSION_REASON_COMPLAINED,
        )
    )
    with engine.begin() as conn:
        insert_suppressions(conn, [bounced])
        insert_suppressions(conn, [complained])
        asked = [(DISTRICT, index), (ELSEWHERE, index), (DISTRICT, b"another")]
        assert suppressed(conn, asked) == {(DISTRICT, index)}
        assert suppressed(conn, []) == set()
    (found,) = await listed(api)
    assert (found.reason, found.note) == (SuppressionReason.SUPPRESSION_REASON_BOUNCED, "550")
