"""Tencent's protocol, spoken by a local server."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID, uuid4

import pytest

from onegrid_kit.sending import AskedByAddress, Outcome, Result
from onegrid_notify.contents import Sms

from .attempts import NOW, PHONE, Server, attempt, closed_port, opened, sent

CODE = Sms(template="login-code", parameters={"code": "123456", "minutes": "5"}, text="验证码123456")


def entry(url: str) -> dict[str, Any]:
    return {
        "kind": "sms-tencent",
        "secret_id": "an-id",
        "secret_key": "a-key",
        "sdk_app_id": "1400006666",
        "sign_name": "元宝区",
        "templates": {"login-code": {"id": "1110", "parameters": ["code", "minutes"]}},
        "endpoint": url,
    }


def status(code: str) -> dict[str, Any]:
    return {
        "Response": {"SendStatusSet": [{"SerialNo": "5000:1", "PhoneNumber": PHONE, "Code": code}], "RequestId": "r"}
    }


def error(code: str) -> dict[str, Any]:
    return {"Response": {"Error": {"Code": code, "Message": PHONE}, "RequestId": "r"}}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


async def tried(server: Server, sms: Sms = CODE, key: UUID | None = None, **given: Any) -> Result:
    async with opened(**entry(server.url), **given) as provider:
        return await sent(provider, PHONE, sms, key)


async def test_a_message_is_sent_by_its_approved_template_and_signature(server: Server) -> None:
    server.answers(200, status("Ok"))
    key = uuid4()
    result = await tried(server, key=key)
    assert (result.outcome, result.provider_id) == (Outcome.ACCEPTED, "5000:1")
    (request,) = server.requests
    assert (request.headers["x-tc-action"], request.headers["x-tc-version"]) == ("SendSms", "2021-01-11")
    assert request.headers["authorization"].startswith("TC3-HMAC-SHA256 Credential=an-id/")
    assert request.fields == {
        "PhoneNumberSet": [PHONE],
        "SmsSdkAppId": "1400006666",
        "SignName": "元宝区",
        "TemplateId": "1110",
        "TemplateParamSet": ["123456", "5"],
        "SessionContext": str(key),
    }


async def test_parameters_that_no_entry_names_come_in_their_order(server: Server) -> None:
    server.answers(200, status("Ok"))
    parameters = {"minutes": "5", "code": "1"}
    async with opened(**{**entry(server.url), "templates": {"login-code": {"id": "1110"}}}) as provider:
        await sent(provider, PHONE, Sms(template="login-code", parameters=parameters, text=""))
    assert server.requests[0].fields["TemplateParamSet"] == ["5", "1"]


@pytest.mark.parametrize("answer", [status, error])
@pytest.mark.parametrize(
    ("code", "outcome", "refused", "pause_s", "away"),
    [
        ("InvalidParameterValue.IncorrectPhoneNumber", Outcome.FAILED, True, None, False),
        ("FailedOperation.PhoneNumberInBlacklist", Outcome.FAILED, True, None, False),
        ("FailedOperation.TemplateIncorrectOrUnapproved", Outcome.FAILED, False, None, False),
        ("LimitExceeded.PhoneNumberThirtySecondLimit", Outcome.RETRYABLE, False, 30.0, False),
        ("LimitExceeded.PhoneNumberDailyLimit", Outcome.RETRYABLE, False, 21600.0, False),
        ("FailedOperation.InsufficientBalanceInSmsPackage", Outcome.RETRYABLE, False, None, True),
        ("AuthFailure.SignatureFailure", Outcome.RETRYABLE, False, None, True),
        ("UnauthorizedOperation.SdkAppIdIsDisabled", Outcome.RETRYABLE, False, None, True),
        ("InternalError.OtherError", Outcome.RETRYABLE, False, None, False),
        ("InternalError.Timeout", Outcome.UNKNOWN, False, None, False),
    ],
)
async def test_a_code_decides_though_the_status_is_200(
    server: Server, answer: Any, code: str, outcome: Outcome, refused: bool, pause_s: float | None, away: bool
) -> None:
    server.answers(200, answer(code))
    result = await tried(server)
    assert (result.outcome, result.code, result.address_refused) == (outcome, code, refused)
    assert (result.retry_after_s, result.provider_away) == (pause_s, away)
    assert len(server.requests) == 1


async def test_without_an_answer_nobody_knows_and_it_is_not_repeated(server: Server) -> None:
    server.never_answers()
    slow = await tried(server, timeout_s=1)
    server.hangs_up()
    lost = await tried(server)
    odd = []
    for code, fields in ((200, ["no object"]), (200, {"Response": {"RequestId": "r"}}), (502, None), (500, {})):
        server.answers(code, fields)
        odd.append(await tried(server))
    assert [(each.outcome, each.code) for each in (slow, lost)] == [
        (Outcome.UNKNOWN, "TIMEOUT"),
        (Outcome.UNKNOWN, "CONNECTION_LOST"),
    ]
    assert {(each.outcome, each.code) for each in odd} == {(Outcome.UNKNOWN, "ANSWER_MALFORMED")}
    assert len(server.requests) == 6
    with closed_port() as port:
        nobody = await tried(Server(f"http://127.0.0.1:{port}"))
    assert (nobody.outcome, nobody.code, nobody.provider_away) == (Outcome.RETRYABLE, "CONNECT", True)


async def test_what_it_has_no_template_or_parameter_for_is_not_sent(server: Server) -> None:
    other = await tried(server, Sms(template="other", parameters={}, text=""))
    without = await tried(server, Sms(template="login-code", parameters={"code": "1"}, text=""))
    assert (other.outcome, other.code) == (Outcome.RETRYABLE, "TEMPLATE_NOT_APPROVED")
    assert (without.outcome, without.code) == (Outcome.FAILED, "PARAMETER_MISSING")
    assert not server.requests


@pytest.mark.parametrize(
    ("report", "description", "outcome", "code", "refused"),
    [
        ("SUCCESS", "DELIVRD", Outcome.DELIVERED, "", False),
        ("FAIL", "MK:0001", Outcome.FAILED, "MK:0001", True),
        ("FAIL", "UNDELIV", Outcome.FAILED, "UNDELIV", False),
        ("FAIL", f"no such number: {PHONE}", Outcome.FAILED, "FAILED", False),
    ],
)
async def test_it_is_asked_by_the_number_what_became_of_a_key(
    server: Server, report: str, description: str, outcome: Outcome, code: str, refused: bool
) -> None:
    ours = attempt()
    reports = [
        {"SessionContext": str(uuid4()), "ReportStatus": "SUCCESS", "Description": "DELIVRD", "SerialNo": "5000:1"},
        {"SessionContext": str(ours.key), "ReportStatus": report, "Description": description, "SerialNo": "5000:2"},
    ]
    server.answers(200, {"Response": {"PullSmsSendStatusSet": reports, "RequestId": "r"}})
    async with opened(**entry(server.url)) as provider:
        assert isinstance(provider, AskedByAddress)
        result = await provider.ask_by_address(ours, PHONE)
    assert result == Result(outcome, code, "5000:2", address_refused=refused)
    (request,) = server.requests
    assert request.headers["x-tc-action"] == "PullSmsSendStatusByPhoneNumber"
    assert (request.fields["PhoneNumber"], request.fields["SmsSdkAppId"]) == (PHONE, "1400006666")
    assert request.fields["BeginTime"] <= NOW.timestamp()


async def test_what_is_not_listed_stays_unknown(server: Server) -> None:
    async with opened(**entry(server.url)) as provider:
        assert isinstance(provider, AskedByAddress)
        for fields in ({"Response": {"PullSmsSendStatusSet": [], "RequestId": "r"}}, error("InternalError"), ["odd"]):
            server.answers(200, fields)
            assert await provider.ask_by_address(attempt(), PHONE) is None


async def test_no_log_has_the_number_or_what_is_sent(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    server.answers(200, error("InvalidParameterValue.IncorrectPhoneNumber"))
    with caplog.at_level(logging.DEBUG):
        result = await tried(server)
    assert PHONE not in caplog.text + repr(result)
    assert "123456" not in caplog.text
