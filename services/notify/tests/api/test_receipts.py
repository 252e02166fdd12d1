"""Receipts that providers send, over HTTP: who may send them, and what becomes of the sendings that they are about."""

from __future__ import annotations

import base64
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Connection, Engine, text
from standardwebhooks import Webhook

from onegrid_kit import sending
from onegrid_kit.clock import SettableClock
from onegrid_kit.sending import Conclusion, Context, Sender, Sending, State
from onegrid_kit.service import Service
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.waiting import HANG_S
from onegrid_notify.main import SERVICE

SECRET: Final = "whsec_" + base64.b64encode(b"receipts of the gateway!").decode()
URL_SECRET: Final = "a-secret-of-letters-and-digits-0123456789"
CLOUD: Final = {"sign_name": "元宝区", "templates": {}, "receipt_secret": URL_SECRET}
PROVIDERS: Final = [
    {"kind": "sms-http", "name": "gateway", "url": "https://sms.example", "secret": SECRET, "receipt_secret": SECRET},
    {"kind": "sms-http", "name": "silent", "url": "https://sms.example", "secret": SECRET},
    {"kind": "sms-aliyun", "name": "aliyun", "access_key_id": "i", "access_key_secret": "s", **CLOUD},
    {"kind": "sms-tencent", "name": "tencent", "secret_id": "i", "secret_key": "s", "sdk_app_id": "1", **CLOUD},
]


@pytest.fixture
def api_settings() -> Mapping[str, object]:
    return {"providers": json.dumps(PROVIDERS)}


HEARD: list[tuple[str, str, bool]] = []


def hear(_: Connection, learned: Sequence[Conclusion], __: Context) -> None:
    """What the service's part of the sender is told."""
    for each in learned:
        assert each.attempt
        if each.sending.id == "poison":
            raise RuntimeError("no")
        HEARD.append((each.sending.id, each.attempt.code, each.address_refused))


SENDER: Final = Sender(providers=lambda _: [], prepare=lambda *_: [], concluded=hear)


@pytest.fixture
def service() -> Service:
    """notify, with a sender that only listens."""
    HEARD.clear()
    return replace(SERVICE, sender=f"{__name__}:SENDER")


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A provider's client."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as session:
        yield session


class Sent:
    """Sendings that a provider took."""

    def __init__(self, engine: Engine, clock: SettableClock) -> None:
        self._engine = engine
        self._clock = clock

    def by(self, provider: str, provider_id: str) -> None:
        """One that the provider calls this."""
        with self._engine.begin() as conn:
            sending.enqueue(conn, [Sending(id=provider_id, channel="SMS", district="210602")], self._clock.now())
            self.accept(conn, provider, provider_id)

    @staticmethod
    def accept(conn: Any, provider: str, provider_id: str) -> None:
        """The provider's answer is stored."""
        conn.execute(
            text(
                """
                INSERT INTO attempt (sending, number, key, provider, provider_id, deadline, end_time, outcome)
                VALUES (:id, 1, gen_random_uuid(), :provider, :id, now(), now(), 'ACCEPTED')
                """
            ),
            {"provider": provider, "id": provider_id},
        )
        conn.execute(text("UPDATE sending SET state = 'ACCEPTED', attempts = 1 WHERE id = :id"), {"id": provider_id})

    def unheard(self, provider: str, id_: str) -> UUID:
        """One that the provider was given, and whose answer was lost; the attempt's key."""
        with self._engine.begin() as conn:
            sending.enqueue(conn, [Sending(id=id_, channel="SMS", district="210602")], self._clock.now())
            key = conn.execute(
                text(
                    """
                    INSERT INTO attempt (sending, number, key, provider, deadline, end_time, outcome)
                    VALUES (:id, 1, gen_random_uuid(), :provider, now(), now(), 'UNKNOWN') RETURNING key
                    """
                ),
                {"provider": provider, "id": id_},
            ).scalar_one()
            conn.execute(text("UPDATE sending SET state = 'UNKNOWN', attempts = 1 WHERE id = :id"), {"id": id_})
        return UUID(str(key))

    def state(self, provider_id: str) -> tuple[State, str]:
        """What became of it."""
        with self._engine.begin() as conn:
            found = sending.find(conn, provider_id)
            assert found is not None
            return found.state, found.last_code

    def early(self) -> list[tuple[str, str]]:
        """The receipts that are kept until their sendings are known."""
        with self._engine.begin() as conn:
            return [(row.provider_id, row.outcome) for row in conn.execute(text("SELECT * FROM receipt ORDER BY 2"))]


@pytest.fixture
def sent(engine: Engine, clock: SettableClock) -> Sent:
    return Sent(engine, clock)


def signed(body: bytes, secret: str = SECRET, at: datetime | None = None, id_: str = "msg_1") -> dict[str, str]:
    """The headers of a signed request."""
    time = at or datetime.now(UTC)
    signature = Webhook(secret).sign(id_, time, body.decode())
    return {"webhook-id": id_, "webhook-timestamp": str(int(time.timestamp())), "webhook-signature": signature}


async def report(api: Serving, http: aiohttp.ClientSession, *receipts: Mapping[str, Any], to: str = "gateway") -> int:
    """Send the gateway's signed receipts; the status."""
    body = json.dumps({"receipts": receipts}).encode()
    async with http.post(f"{api.http_url}/v1/receipts/{to}", data=body, headers=signed(body)) as answer:
        return answer.status


async def test_a_signed_receipt_gives_the_state(api: Serving, http: aiohttp.ClientSession, sent: Sent) -> None:
    for id_ in ("m1", "m2", "m3"):
        sent.by("gateway", id_)
    assert await report(api, http, {"id": "m1", "state": "DELIVERED"}, {"id": "m2", "state": "READ"}) == 204
    assert await report(api, http, {"id": "m3", "state": "FAILED", "code": "MK:0012"}) == 204
    assert [sent.state(id_) for id_ in ("m1", "m2", "m3")] == [
        (State.DELIVERED, ""),
        (State.READ, ""),
        (State.FAILED, "MK:0012"),
    ]


async def test_the_sender_hears_of_addresses_that_are_refused(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    for id_ in ("m1", "m2", "m3", "m4", "m5"):
        sent.by("gateway", id_)
    receipts = [
        {"id": "m1", "state": "BOUNCED"},
        {"id": "m2", "state": "COMPLAINED"},
        {"id": "m3", "state": "FAILED", "code": "MK:0001"},
        {"id": "m4", "state": "FAILED", "code": "MK:0012"},
        {"id": "m5", "state": "BOUNCED", "code": "5.1.1"},
    ]
    assert await report(api, http, *receipts) == 204
    assert HEARD == [
        ("m1", "BOUNCED", True),
        ("m2", "COMPLAINED", True),
        ("m3", "MK:0001", True),
        ("m4", "MK:0012", False),
        ("m5", "5.1.1", True),
    ]
    assert [sent.state(id_)[0] for id_ in ("m1", "m2", "m3")] == [State.FAILED, State.READ, State.FAILED]


async def test_a_receipt_that_fails_to_be_heard_keeps_no_other_of_its_call_from_counting(
    api: Serving, http: aiohttp.ClientSession, sent: Sent, engine: Engine
) -> None:
    for id_ in ("m1", "poison", "m2"):
        sent.by("gateway", id_)
    assert await report(api, http, *({"id": id_, "state": "BOUNCED"} for id_ in ("m1", "poison", "m2"))) == 204
    assert [sent.state(id_)[0] for id_ in ("m1", "poison", "m2")] == [State.FAILED] * 3
    assert {each[0] for each in HEARD} >= {"m1", "m2"}
    with engine.connect() as conn:
        (left,) = sending.unconcluded(conn)
    assert (left.sending.id, left.error) == ("poison", "RuntimeError")


async def test_a_receipt_that_names_our_key_settles_what_is_unknown(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    keys = {id_: sent.unheard("gateway", id_) for id_ in ("echoed", "called by it", "e-mail", "another's")}
    receipts = [
        {"id": "of-theirs", "key": str(keys["echoed"]), "state": "DELIVERED"},
        {"id": str(keys["called by it"]), "state": "FAILED", "code": "MK:0012"},
        {"id": f"{keys['e-mail'].hex}@example.cn", "state": "BOUNCED"},
        {"key": str(sent.unheard("aliyun", "not the gateway's")), "state": "READ"},
        {"id": str(uuid4()), "state": "READ"},
    ]
    assert await report(api, http, *receipts) == 204
    assert {id_: sent.state(id_) for id_ in (*keys, "not the gateway's")} == {
        "echoed": (State.DELIVERED, ""),
        "called by it": (State.FAILED, "MK:0012"),
        "e-mail": (State.FAILED, "BOUNCED"),
        "another's": (State.UNKNOWN, ""),
        "not the gateway's": (State.UNKNOWN, ""),
    }
    assert await report(api, http, {"id": "of-theirs", "state": "READ"}) == 204
    assert sent.state("echoed")[0] is State.READ


async def test_receipts_in_any_order_and_repeated_end_in_one_state(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    for number, order in enumerate(itertools.permutations(("ACCEPTED", "FAILED", "DELIVERED", "READ"))):
        sent.by("gateway", f"m{number}")
        for state in (*order, order[0]):
            assert await report(api, http, {"id": f"m{number}", "state": state}) == 204
        assert sent.state(f"m{number}")[0] is State.READ


async def test_a_receipt_that_comes_before_the_answer_is_kept(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    for _ in range(2):
        assert await report(api, http, {"id": "early", "state": "DELIVERED"}) == 204
    assert sent.early() == [("early", "DELIVERED")]


async def test_only_who_knows_the_secret_can_send_receipts(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    sent.by("gateway", "m1")
    body = json.dumps({"receipts": [{"id": "m1", "state": "READ"}]}).encode()
    now = datetime.now(UTC)
    other = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    good = signed(body)
    for to, headers in (
        ("gateway", {}),
        ("gateway", signed(body, other)),
        ("gateway", signed(body + b" ")),
        ("gateway", signed(body, at=now - timedelta(minutes=6))),
        ("gateway", signed(body, at=now + timedelta(minutes=6))),
        ("gateway", {**good, "webhook-id": "msg_2"}),
        ("gateway", {**good, "webhook-signature": "v1,é="}),
        ("gateway", {**good, "webhook-signature": "nonsense"}),
        ("gateway", {**good, "webhook-timestamp": "tomorrow"}),
        ("gateway/" + URL_SECRET, {}),
        ("silent", good),
        ("nobody", good),
        ("aliyun", good),
        ("aliyun/" + SECRET, good),
    ):
        async with http.post(f"{api.http_url}/v1/receipts/{to}", data=body, headers=headers) as answer:
            assert (answer.status, (await answer.json(content_type=None))["reason"]) == (403, "SIGNATURE_INVALID")
    async with http.post(f"{api.http_url}/v1/receipts/gateway", data=b"\xff", headers=good) as answer:
        assert answer.status == 403
    assert sent.state("m1")[0] is State.ACCEPTED


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], ""),
        ({}, "receipts"),
        ({"receipts": {}}, "receipts"),
        ({"receipts": [{"id": "m1", "state": "READ"}, 1]}, "receipts[1]"),
        ({"receipts": [{"state": "READ"}]}, "receipts[0].id"),
        ({"receipts": [{"id": "手机", "state": "READ"}]}, "receipts[0].id"),
        ({"receipts": [{"id": "m1", "key": "m1", "state": "READ"}]}, "receipts[0].key"),
        ({"receipts": [{"id": "m1", "state": "GONE"}]}, "receipts[0].state"),
        ({"receipts": [{"id": "m1", "state": "FAILED", "code": "13812345678 空号"}]}, "receipts[0].code"),
        ({"receipts": [{"id": "m1", "state": "READ"}] * 5_001}, "receipts"),
    ],
)
async def test_what_is_no_receipt_is_refused_with_its_path(
    api: Serving, http: aiohttp.ClientSession, body: object, path: str
) -> None:
    raw = json.dumps(body).encode()
    async with http.post(f"{api.http_url}/v1/receipts/gateway", data=raw, headers=signed(raw)) as answer:
        assert answer.status == 400
        assert [each["field"] for each in (await answer.json(content_type=None))["violations"]] == [path]


async def test_aliyun_reports_to_a_secret_address(api: Serving, http: aiohttp.ClientSession, sent: Sent) -> None:
    times = {"send_time": "2026-11-27 08:00:00", "report_time": "2026-11-27 08:00:03", "sms_size": "1"}
    entries = [
        {"phone_number": "13800000001", "success": True, "err_code": "DELIVERED", "biz_id": "1^0", **times},
        {"phone_number": "13800000002", "success": False, "err_code": "MK:0012", "biz_id": "2^0", **times},
        {"phone_number": "13800000003", "success": False, "err_code": "错误", "biz_id": "3^0", **times},
        {"phone_number": "13800000004", "success": "maybe"},
        "nonsense",
    ]
    for id_ in ("1^0", "2^0", "3^0"):
        sent.by("aliyun", id_)
    key = sent.unheard("aliyun", "unheard")
    unheard = {"phone_number": "13800000005", "success": True, "err_code": "DELIVERED", "biz_id": "5^0", **times}
    entries.append({**unheard, "out_id": str(key)})
    async with http.post(f"{api.http_url}/v1/receipts/aliyun/{URL_SECRET}", json=entries) as answer:
        assert await answer.json() == {"code": 0, "msg": "接收成功"}
    assert [sent.state(id_) for id_ in ("1^0", "2^0", "3^0")] == [
        (State.DELIVERED, ""),
        (State.FAILED, "MK:0012"),
        (State.FAILED, "NO_CODE"),
    ]
    assert sent.state("unheard")[0] is State.DELIVERED


async def test_tencent_reports_to_a_secret_address(api: Serving, http: aiohttp.ClientSession, sent: Sent) -> None:
    common = {"user_receive_time": "2026-11-27 08:00:00", "nationcode": "86", "mobile": "13800000001"}
    entries = [
        {**common, "report_status": "SUCCESS", "errmsg": "DELIVRD", "description": "用户短信送达成功", "sid": "1"},
        {**common, "report_status": "FAIL", "errmsg": "UNDELIV", "description": "用户短信接收失败", "sid": "2"},
        {**common, "report_status": "PENDING", "sid": "1"},
    ]
    for id_ in ("1", "2"):
        sent.by("tencent", id_)
    async with http.post(f"{api.http_url}/v1/receipts/tencent/{URL_SECRET}", json=entries) as answer:
        assert await answer.json() == {"result": 0, "errmsg": "OK"}
    assert [sent.state(id_) for id_ in ("1", "2")] == [(State.DELIVERED, ""), (State.FAILED, "UNDELIV")]


async def test_a_receipt_is_of_the_provider_that_sends_it_alone(
    api: Serving, http: aiohttp.ClientSession, sent: Sent
) -> None:
    sent.by("aliyun", "m1")
    assert await report(api, http, {"id": "m1", "state": "READ"}) == 204
    assert sent.state("m1")[0] is State.ACCEPTED
