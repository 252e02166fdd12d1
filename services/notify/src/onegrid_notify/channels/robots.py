"""Robots in the groups of WeCom, DingTalk and Feishu. They answer 200 whatever happened; the body's code counts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlencode, urlsplit

from onegrid_kit.sending import Attempt, Outgoing, Result, Send
from onegrid_notify.channels.adapters import HttpAdapter
from onegrid_notify.channels.posting import Answer, NoAnswer, NotSent, refused_for_now
from onegrid_notify.channels.texts import shortened
from onegrid_notify.contents import Endpoint, RobotMessage
from onegrid_notify.providers import DingTalk, Feishu, Robot, WeCom

__all__ = ["DingTalkRobots", "FeishuRobots", "WeComRobots"]

_MINUTE_S: Final = 60.0


class _Robots(HttpAdapter):
    """What they have in common."""

    _code: ClassVar[str]
    """The field of the answer that is 0 if all is well."""
    _pauses_s: ClassVar[Mapping[int, float | None]]
    """The codes by which it may be taken later, and when; None: as the sender thinks fit."""
    _gone: ClassVar[Collection[int]]
    """The codes by which there is no such robot any more."""

    def __init__(self, config: Robot) -> None:
        super().__init__(config)
        self._hosts = frozenset(config.hosts)
        self._plain = config.allow_private

    async def send(self, _: Outgoing, message: Send, __: Attempt) -> Result:
        """Have it write the message into its group."""
        endpoint = Endpoint.of(message.address)
        url = urlsplit(endpoint.url)
        if url.hostname not in self._hosts:
            return Result.failed("HOST_NOT_ALLOWED", address_refused=True)
        if url.scheme != "https" and not self._plain:
            return Result.failed("NOT_HTTPS", address_refused=True)
        address, fields = self._request(endpoint, message.content)
        headers = {"content-type": "application/json; charset=utf-8"}
        try:
            answer = await self._poster.post(address, json.dumps(fields, ensure_ascii=False).encode(), headers)
        except NotSent as error:
            return error.result_of_provider
        except NoAnswer as error:
            return error.result
        return self._result(answer)

    def _request(self, endpoint: Endpoint, content: RobotMessage) -> tuple[str, Mapping[str, Any]]:
        raise NotImplementedError

    def _result(self, answer: Answer) -> Result:
        code = answer.fields.get(self._code)
        if code == 0 and answer.accepted:
            return Result.accepted()
        if not isinstance(code, int) or code == 0:
            if answer.accepted:
                return Result.unknown("ANSWER_MALFORMED")
            return refused_for_now(answer) or Result.failed(answer.code)
        if code in self._pauses_s:
            pause_s = answer.retry_after_s if self._pauses_s[code] is None else self._pauses_s[code]
            return Result.failed(str(code), temporary=True, retry_after_s=pause_s)
        return Result.failed(str(code), address_refused=code in self._gone)


class WeComRobots(_Robots):
    """Codes: developer.work.weixin.qq.com/document/path/90313."""

    channel = WeCom.channel
    _code = "errcode"
    _pauses_s: ClassVar[Mapping[int, float | None]] = {-1: None, 45009: _MINUTE_S, 45033: None}
    _gone: ClassVar[Collection[int]] = {93000, 93004, 93008}

    def _request(self, endpoint: Endpoint, content: RobotMessage) -> tuple[str, Mapping[str, Any]]:
        return endpoint.url, {"msgtype": "text", "text": {"content": _plain_text(content, 2048)}}


class DingTalkRobots(_Robots):
    """Codes: open.dingtalk.com/document/robots/custom-robot-access."""

    channel = DingTalk.channel
    _code = "errcode"
    # Who exceeds the limit is refused for ten minutes.
    _pauses_s: ClassVar[Mapping[int, float | None]] = {-1: None, 130101: 600.0, 410100: 600.0}
    _gone: ClassVar[Collection[int]] = {400013, 400101, 400102, 400106}

    def _request(self, endpoint: Endpoint, content: RobotMessage) -> tuple[str, Mapping[str, Any]]:
        url = endpoint.url
        if endpoint.secret:
            milliseconds = time.time_ns() // 1_000_000
            key = endpoint.secret.encode()
            sign = _base64(hmac.digest(key, f"{milliseconds}\n{endpoint.secret}".encode(), hashlib.sha256))
            url += ("&" if urlsplit(url).query else "?") + urlencode({"timestamp": milliseconds, "sign": sign})
        return url, {"msgtype": "text", "text": {"content": _plain_text(content, 18_000)}}


class FeishuRobots(_Robots):
    """Codes: open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN."""

    channel = Feishu.channel
    _code = "code"
    _pauses_s: ClassVar[Mapping[int, float | None]] = {11232: _MINUTE_S, 99991400: _MINUTE_S}
    _gone: ClassVar[Collection[int]] = {19001, 19007}

    def _request(self, endpoint: Endpoint, content: RobotMessage) -> tuple[str, Mapping[str, Any]]:
        # Not a message of the type `text`: in that, somebody's words could be a tag that calls the whole group.
        lines: list[list[Mapping[str, str]]] = [[{"tag": "text", "text": shortened(content.text, 15_000)}]]
        if content.url:
            lines.append([{"tag": "a", "text": content.url, "href": content.url}])
        post = {"zh_cn": {"title": shortened(content.title, 1000), "content": lines}}
        fields: dict[str, Any] = {"msg_type": "post", "content": {"post": post}}
        if endpoint.secret:
            seconds = int(time.time())
            # The other way round than DingTalk: what is signed is empty, and the text is the key.
            key = f"{seconds}\n{endpoint.secret}".encode()
            fields |= {"timestamp": str(seconds), "sign": _base64(hmac.digest(key, b"", hashlib.sha256))}
        return endpoint.url, fields


def _plain_text(content: RobotMessage, most_bytes: int) -> str:
    link = f"\n{content.url}" if content.url else ""
    return shortened(f"{content.title}\n{content.text}", most_bytes - len(link.encode())) + link


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()
