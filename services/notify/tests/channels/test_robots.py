"""Robots that answer with 200 whatever happened."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

import pytest

from onegrid_kit.sending import Outcome
from onegrid_notify.contents import Endpoint, RobotMessage

from .attempts import Server, opened, sent

MESSAGE = RobotMessage(title="停水通知", text='明日8时 <at user_id="all"></at>', url="https://example.cn/1")
CODES = {"wecom": "errcode", "dingtalk": "errcode", "feishu": "code"}


def entry(kind: str) -> dict[str, Any]:
    return {"kind": kind, "allow_private": True, "hosts": ["127.0.0.1"]}


def robot(server: Server, secret: str = "") -> str:
    return Endpoint(url=f"{server.url}/robot/send?access_token=abc", secret=secret).address


@pytest.mark.parametrize("kind", CODES)
async def test_a_message_is_accepted_by_the_code_0_alone(server: Server, kind: str) -> None:
    async with opened(**entry(kind)) as provider:
        server.answers(200, {CODES[kind]: 0, "msg": "ok"})
        accepted = await sent(provider, robot(server), MESSAGE)
        server.answers(200, {CODES[kind]: 40035, "errmsg": "no"})
        failed = await sent(provider, robot(server), MESSAGE)
        server.answers(400, {CODES[kind]: 40035, "errmsg": "no"})
        also_failed = await sent(provider, robot(server), MESSAGE)
    assert accepted.outcome is Outcome.ACCEPTED
    assert {(each.outcome, each.code, each.address_refused) for each in (failed, also_failed)} == {
        (Outcome.FAILED, "40035", False)
    }


@pytest.mark.parametrize(
    ("kind", "code", "pause_s"),
    [
        ("wecom", 45009, 60.0),
        ("wecom", -1, None),
        ("dingtalk", 130101, 600.0),
        ("dingtalk", 410100, 600.0),
        ("dingtalk", -1, None),
        ("feishu", 11232, 60.0),
        ("feishu", 99991400, 60.0),
    ],
)
async def test_who_sends_too_fast_waits_as_long_as_the_messenger_says(
    server: Server, kind: str, code: int, pause_s: float | None
) -> None:
    server.answers(200, {CODES[kind]: code})
    async with opened(**entry(kind)) as provider:
        result = await sent(provider, robot(server), MESSAGE)
    assert (result.outcome, result.code, result.retry_after_s) == (Outcome.RETRYABLE, str(code), pause_s)


@pytest.mark.parametrize(
    ("kind", "code"), [("wecom", 93000), ("dingtalk", 400101), ("dingtalk", 400102), ("feishu", 19001)]
)
async def test_a_robot_that_is_gone_is_never_used_again(server: Server, kind: str, code: int) -> None:
    server.answers(200, {CODES[kind]: code})
    async with opened(**entry(kind)) as provider:
        result = await sent(provider, robot(server), MESSAGE)
    assert (result.outcome, result.code, result.address_refused) == (Outcome.FAILED, str(code), True)


@pytest.mark.parametrize("kind", CODES)
async def test_what_cannot_be_understood_is_unknown(server: Server, kind: str) -> None:
    outcomes = []
    async with opened(**entry(kind)) as provider:
        for answer in (["no object"], {}, {CODES[kind]: "0"}, None):
            server.answers(200, answer)
            outcomes.append(await sent(provider, robot(server), MESSAGE))
        server.hangs_up()
        outcomes.append(await sent(provider, robot(server), MESSAGE))
        for status in (502, 504):
            server.answers(status)
            outcomes.append(await sent(provider, robot(server), MESSAGE))
    assert {each.outcome for each in outcomes} == {Outcome.UNKNOWN}
    assert {each.code for each in outcomes} == {"ANSWER_MALFORMED", "CONNECTION_LOST", "HTTP_502", "HTTP_504"}


@pytest.mark.parametrize("kind", CODES)
async def test_what_is_refused_before_it_is_understood_is_no_message(server: Server, kind: str) -> None:
    async with opened(**entry(kind)) as provider:
        server.answers(429, retry_after="7")
        busy = await sent(provider, robot(server), MESSAGE)
        server.answers(403)
        forbidden = await sent(provider, robot(server), MESSAGE)
    assert (busy.outcome, busy.code, busy.retry_after_s) == (Outcome.RETRYABLE, "HTTP_429", 7.0)
    assert (forbidden.outcome, forbidden.code) == (Outcome.FAILED, "HTTP_403")


async def test_wecom_gets_plain_text_that_fits(server: Server) -> None:
    server.answers(200, {"errcode": 0})
    async with opened(**entry("wecom")) as provider:
        await sent(provider, robot(server), MESSAGE)
        await sent(provider, robot(server), RobotMessage(title="长", text="水" * 5000, url="https://example.cn/1"))
    short, long = (each.fields for each in server.requests)
    text = '停水通知\n明日8时 <at user_id="all"></at>\nhttps://example.cn/1'
    assert short == {"msgtype": "text", "text": {"content": text}}
    content = long["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith("水…\nhttps://example.cn/1")


async def test_dingtalk_gets_a_signature_of_the_time_in_the_address(server: Server) -> None:
    server.answers(200, {"errcode": 0})
    async with opened(**entry("dingtalk")) as provider:
        await sent(provider, robot(server, "SECabc"), MESSAGE)
        await sent(provider, robot(server), MESSAGE)
    signed, plain = server.requests
    assert signed.query.keys() == {"access_token", "timestamp", "sign"}
    assert abs(int(signed.query["timestamp"]) / 1000 - time.time()) < 600
    text = f"{signed.query['timestamp']}\nSECabc".encode()
    assert signed.query["sign"] == base64.b64encode(hmac.new(b"SECabc", text, hashlib.sha256).digest()).decode()
    assert plain.query == {"access_token": "abc"}
    assert plain.fields["text"]["content"].startswith("停水通知\n")


async def test_feishu_gets_a_signature_in_the_body_and_no_tag_of_somebodys_text_is_one(server: Server) -> None:
    server.answers(200, {"code": 0})
    async with opened(**entry("feishu")) as provider:
        await sent(provider, robot(server, "abc"), MESSAGE)
    fields = server.requests[0].fields
    assert abs(int(fields["timestamp"]) - time.time()) < 600
    key = f"{fields['timestamp']}\nabc".encode()
    assert fields["sign"] == base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()
    assert fields["msg_type"] == "post"
    assert fields["content"]["post"]["zh_cn"] == {
        "title": "停水通知",
        "content": [
            [{"tag": "text", "text": MESSAGE.text}],
            [{"tag": "a", "text": MESSAGE.url, "href": MESSAGE.url}],
        ],
    }


@pytest.mark.parametrize("kind", CODES)
async def test_robots_are_at_their_messengers_hosts_alone(server: Server, kind: str) -> None:
    async with opened(kind=kind) as provider:
        elsewhere = await sent(provider, robot(server), MESSAGE)
    async with opened(kind=kind, hosts=["127.0.0.1"]) as provider:
        plain = await sent(provider, robot(server), MESSAGE)
        private = await sent(provider, Endpoint(url=server.url.replace("http", "https")).address, MESSAGE)
    codes = {each.code for each in (elsewhere, plain, private)}
    assert codes == {"HOST_NOT_ALLOWED", "NOT_HTTPS", "ADDRESS_PRIVATE"}
    assert not server.requests
