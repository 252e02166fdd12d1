"""A gateway of text messages that speaks JSON."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from standardwebhooks import Webhook

from onegrid_kit.sending import Outcome
from onegrid_notify.contents import Sms

from .attempts import PHONE, WEBHOOK_SECRET, Server, attempt, closed_port, opened, sent

SMS = Sms(template="login-code", parameters={"code": "123456"}, text="验证码123456")


def entry(server: Server) -> dict[str, Any]:
    return {
        "kind": "sms-http",
        "url": f"{server.url}/messages",
        "ask_url": f"{server.url}/messages",
        "secret": WEBHOOK_SECRET,
    }


async def test_a_message_is_posted_signed_and_with_the_attempts_key(server: Server) -> None:
    server.answers(202, {"id": "gateway-7"})
    key = uuid4()
    async with opened(**entry(server)) as provider:
        result = await sent(provider, PHONE, SMS, key)
    assert (result.outcome, result.provider_id) == (Outcome.ACCEPTED, "gateway-7")
    (request,) = server.requests
    assert Webhook(WEBHOOK_SECRET).verify(request.body, request.headers) == {
        "key": str(key),
        "to": PHONE,
        "template": "login-code",
        "parameters": {"code": "123456"},
        "text": "验证码123456",
    }
    assert request.headers["idempotency-key"] == str(key)


async def test_a_gateway_without_ids_of_its_own_knows_messages_by_the_key(server: Server) -> None:
    server.answers(200)
    key = uuid4()
    async with opened(**entry(server)) as provider:
        assert (await sent(provider, PHONE, SMS, key)).provider_id == str(key)


@pytest.mark.parametrize(
    ("status", "fields", "outcome", "code", "refused"),
    [
        (422, {"code": "ADDRESS_REFUSED"}, Outcome.FAILED, "ADDRESS_REFUSED", True),
        (422, {"code": "TEMPLATE_UNKNOWN"}, Outcome.FAILED, "TEMPLATE_UNKNOWN", False),
        (400, {"code": PHONE}, Outcome.FAILED, "HTTP_400", False),
        (400, None, Outcome.FAILED, "HTTP_400", False),
        (302, None, Outcome.FAILED, "HTTP_302", False),
        (429, {"code": "TOO_MANY"}, Outcome.RETRYABLE, "HTTP_429", False),
        (503, None, Outcome.RETRYABLE, "HTTP_503", False),
        (403, None, Outcome.RETRYABLE, "HTTP_403", False),
        (502, None, Outcome.UNKNOWN, "HTTP_502", False),
    ],
)
async def test_what_the_gateway_refuses_has_its_code_and_never_a_number(
    server: Server, status: int, fields: object, outcome: Outcome, code: str, refused: bool
) -> None:
    server.answers(status, fields)
    async with opened(**entry(server)) as provider:
        result = await sent(provider, PHONE, SMS)
    assert (result.outcome, result.code, result.address_refused) == (outcome, code, refused)


async def test_an_attempt_without_an_answer_is_unknown_and_one_that_did_not_leave_is_not(server: Server) -> None:
    server.never_answers()
    async with opened(**entry(server), timeout_s=1) as provider:
        slow = await sent(provider, PHONE, SMS)
    server.hangs_up()
    async with opened(**entry(server)) as provider:
        lost = await sent(provider, PHONE, SMS)
    with closed_port() as port:
        async with opened(**{**entry(server), "url": f"http://127.0.0.1:{port}"}) as provider:
            nobody = await sent(provider, PHONE, SMS)
    assert [(each.outcome, each.code) for each in (slow, lost, nobody)] == [
        (Outcome.UNKNOWN, "TIMEOUT"),
        (Outcome.UNKNOWN, "CONNECTION_LOST"),
        (Outcome.RETRYABLE, "CONNECT"),
    ]


@pytest.mark.parametrize(
    ("status", "fields", "outcome", "code", "refused"),
    [
        (200, {"state": "ACCEPTED", "id": "gateway-7"}, Outcome.ACCEPTED, "", False),
        (200, {"state": "DELIVERED"}, Outcome.DELIVERED, "", False),
        (200, {"state": "FAILED", "code": "ADDRESS_REFUSED"}, Outcome.FAILED, "ADDRESS_REFUSED", True),
        (404, None, Outcome.RETRYABLE, "NOT_RECEIVED", False),
    ],
)
async def test_the_gateway_is_asked_what_became_of_a_key(
    server: Server, status: int, fields: dict[str, str] | None, outcome: Outcome, code: str, refused: bool
) -> None:
    server.answers(status, fields)
    ours = attempt()
    async with opened(**entry(server)) as provider:
        result = await provider.ask(ours)
    assert result is not None
    assert (result.outcome, result.code, result.address_refused) == (outcome, code, refused)
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", f"/messages/{ours.key}")
    Webhook(WEBHOOK_SECRET).verify(request.body, request.headers, json_parse=False)


async def test_what_the_gateway_does_not_say_stays_unknown(server: Server) -> None:
    async with opened(**entry(server)) as provider:
        for status, fields in ((200, {"state": "PERHAPS"}), (200, None), (503, {"state": "DELIVERED"}), (403, None)):
            server.answers(status, fields)
            assert await provider.ask(attempt()) is None
        server.hangs_up()
        assert await provider.ask(attempt()) is None
    count = len(server.requests)
    async with opened(**{**entry(server), "ask_url": ""}) as provider:
        assert await provider.ask(attempt()) is None
    assert len(server.requests) == count
