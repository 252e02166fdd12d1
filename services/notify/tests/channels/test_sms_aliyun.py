"""Aliyun's protocol, spoken by a local server."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web

from onegrid_kit.sending import AskedByAddress, Outcome, Result
from onegrid_notify.contents import Sms

from .attempts import PHONE, Server, attempt, closed_port, opened, sent

CODE = Sms(template="login-code", parameters={"code": "123456"}, text="验证码123456")


def entry(url: str) -> dict[str, Any]:
    return {
        "kind": "sms-aliyun",
        "access_key_id": "an-id",
        "access_key_secret": "a-key",
        "sign_name": "元宝区",
        "templates": {"login-code": {"code": "SMS_1", "parameters": {"number": "code"}, "for_codes": True}},
        "endpoint": url,
    }


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


async def tried(server: Server, sms: Sms = CODE, to: str = PHONE, key: UUID | None = None, **given: Any) -> Result:
    async with opened(**entry(server.url), **given) as provider:
        return await sent(provider, to, sms, key)


async def test_a_message_is_sent_by_its_approved_template_and_signature(server: Server) -> None:
    server.answers(200, {"Code": "OK", "Message": "OK", "BizId": "900619746936498440^0", "RequestId": "r"})
    key = uuid4()
    result = await tried(server, key=key)
    assert (result.outcome, result.provider_id) == (Outcome.ACCEPTED, "900619746936498440^0")
    (request,) = server.requests
    assert (request.headers["x-acs-action"], request.headers["x-acs-version"]) == ("SendSms", "2017-05-25")
    assert request.headers["authorization"].startswith("ACS3-HMAC-SHA256 Credential=an-id,")
    assert json.loads(request.query.pop("TemplateParam")) == {"number": "123456"}
    assert request.query == {
        "PhoneNumbers": "13800000023",
        "SignName": "元宝区",
        "TemplateCode": "SMS_1",
        "OutId": str(key),
    }


async def test_parameters_that_no_entry_names_are_called_alike(server: Server) -> None:
    server.answers(200, {"Code": "OK"})
    async with opened(**{**entry(server.url), "templates": {"login-code": {"code": "SMS_1"}}}) as provider:
        await sent(provider, PHONE, Sms(template="login-code", parameters={"code": "1", "minutes": "5"}, text=""))
    assert json.loads(server.requests[0].query["TemplateParam"]) == {"code": "1", "minutes": "5"}


async def test_numbers_of_other_countries_keep_their_code(server: Server) -> None:
    server.answers(200, {"Code": "OK"})
    await tried(server, to="+85212345678")
    assert server.requests[0].query["PhoneNumbers"] == "85212345678"


@pytest.mark.parametrize(
    ("code", "message", "outcome", "refused", "pause_s", "away"),
    [
        ("isv.MOBILE_NUMBER_ILLEGAL", "", Outcome.FAILED, True, None, False),
        ("isv.SMS_TEMPLATE_ILLEGAL", "", Outcome.FAILED, False, None, False),
        ("isv.BUSINESS_LIMIT_CONTROL", "触发分钟级流控Permits:1", Outcome.RETRYABLE, False, 60.0, False),
        ("isv.BUSINESS_LIMIT_CONTROL", "触发小时级流控Permits:5", Outcome.RETRYABLE, False, 3600.0, False),
        ("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:10", Outcome.RETRYABLE, False, 21600.0, False),
        ("isv.AMOUNT_NOT_ENOUGH", "", Outcome.RETRYABLE, False, None, True),
        ("isp.RAM_PERMISSION_DENY", "", Outcome.RETRYABLE, False, None, True),
        ("isp.SYSTEM_ERROR", "", Outcome.RETRYABLE, False, None, False),
    ],
)
async def test_a_code_decides_though_the_status_is_200(
    server: Server, code: str, message: str, outcome: Outcome, refused: bool, pause_s: float | None, away: bool
) -> None:
    server.answers(200, {"Code": code, "Message": message, "RequestId": "r"})
    result = await tried(server)
    assert (result.outcome, result.code, result.address_refused) == (outcome, code, refused)
    assert (result.retry_after_s, result.provider_away) == (pause_s, away)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "away"),
    [
        (404, "InvalidAccessKeyId.NotFound", Outcome.RETRYABLE, True),
        (400, "SignatureDoesNotMatch", Outcome.RETRYABLE, True),
        (400, "Throttling.User", Outcome.RETRYABLE, False),
        (503, "ServiceUnavailable", Outcome.RETRYABLE, False),
        (504, "HTTP_504", Outcome.UNKNOWN, False),
    ],
)
async def test_a_call_that_is_refused_is_made_once(
    server: Server, status: int, code: str, outcome: Outcome, away: bool
) -> None:
    server.answers(status, {"Code": code, "Message": "no", "RequestId": "r"})
    result = await tried(server)
    assert (result.outcome, result.code, result.provider_away) == (outcome, code, away)
    assert len(server.requests) == 1


async def test_without_an_answer_nobody_knows_and_it_is_not_repeated(server: Server) -> None:
    server.never_answers()
    slow = await tried(server, timeout_s=1)
    server.hangs_up()
    lost = await tried(server)
    server.answers(200, ["no object"])
    odd = await tried(server)
    assert [(each.outcome, each.code) for each in (slow, lost, odd)] == [
        (Outcome.UNKNOWN, "TIMEOUT"),
        (Outcome.UNKNOWN, "CONNECTION_LOST"),
        (Outcome.UNKNOWN, "ANSWER_MALFORMED"),
    ]
    assert len(server.requests) == 3
    with closed_port() as port:
        nobody = await tried(Server(f"http://127.0.0.1:{port}"))
    assert (nobody.outcome, nobody.code, nobody.provider_away) == (Outcome.RETRYABLE, "CONNECT", True)


async def test_what_it_has_no_template_or_parameter_for_is_not_sent(server: Server) -> None:
    other = await tried(server, Sms(template="other", parameters={}, text=""))
    without = await tried(server, Sms(template="login-code", parameters={}, text=""))
    assert (other.outcome, other.code) == (Outcome.RETRYABLE, "TEMPLATE_NOT_APPROVED")
    assert (without.outcome, without.code) == (Outcome.FAILED, "PARAMETER_MISSING")
    assert not server.requests


@pytest.mark.parametrize(
    ("status", "code", "outcome", "refused"),
    [
        (1, "", Outcome.ACCEPTED, False),
        (3, "DELIVERED", Outcome.DELIVERED, False),
        (2, "MOBILE_NOT_ON_SERVICE", Outcome.FAILED, True),
        (2, "UNDELIV", Outcome.FAILED, False),
    ],
)
async def test_it_is_asked_by_the_number_what_became_of_a_key(
    server: Server, status: int, code: str, outcome: Outcome, refused: bool
) -> None:
    ours = attempt()
    others = [{"OutId": str(uuid4()), "SendStatus": 3}] * 50
    pages: Iterator[list[dict[str, Any]]] = iter(
        [others, [{"OutId": str(ours.key), "SendStatus": status, "ErrCode": code, "PhoneNum": "13800000023"}]]
    )

    async def respond(_: web.Request) -> web.StreamResponse:
        details = {"SmsSendDetailDTO": next(pages)}
        return web.json_response({"Code": "OK", "TotalCount": 51, "SmsSendDetailDTOs": details})

    server.respond = respond
    async with opened(**entry(server.url)) as provider:
        assert isinstance(provider, AskedByAddress)
        result = await provider.ask_by_address(ours, PHONE)
    assert result is not None
    assert (result.outcome, result.address_refused) == (outcome, refused)
    assert [each.query["CurrentPage"] for each in server.requests] == ["1", "2"]
    assert {each.query["PhoneNumber"] for each in server.requests} == {"13800000023"}
    # 06:36 UTC is 14:36 in China.
    assert {each.query["SendDate"] for each in server.requests} == {"20261111"}


async def test_what_is_not_listed_stays_unknown(server: Server) -> None:
    async with opened(**entry(server.url)) as provider:
        assert isinstance(provider, AskedByAddress)
        for status, fields in ((200, {"Code": "OK", "TotalCount": 0}), (200, {"Code": "isp.SYSTEM_ERROR"}), (500, {})):
            server.answers(status, fields)
            assert await provider.ask_by_address(attempt(), PHONE) is None


async def test_no_log_has_the_number_or_what_is_sent(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.answers(200, {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": PHONE})
    with caplog.at_level(logging.DEBUG):
        result = await tried(server)
    assert "13800000023" not in caplog.text + repr(result)
    assert "123456" not in caplog.text
