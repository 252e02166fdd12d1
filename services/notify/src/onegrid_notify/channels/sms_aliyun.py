"""Text messages by Aliyun (阿里云短信服务). Codes: help.aliyun.com/document_detail/101346.html."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from alibabacloud_dysmsapi20170525.client import Client
from alibabacloud_dysmsapi20170525.models import QuerySendDetailsRequest, SendSmsRequest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from alibabacloud_tea_openapi.utils_models import Config
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions

from onegrid_kit.sending import Attempt, Outcome, Outgoing, Result, Send
from onegrid_notify.channels.sdks import SdkAdapter, network_failure
from onegrid_notify.contents import Sms
from onegrid_notify.providers import AliyunSms

__all__ = ["AliyunSender"]

_ACCEPTED: Final = "OK"
_REFUSED: Final = frozenset({"isv.MOBILE_NUMBER_ILLEGAL", "MK:0001", "MOBILE_NOT_ON_SERVICE"})
_TOO_MANY: Final = "isv.BUSINESS_LIMIT_CONTROL"
_PAUSES_S: Final = {"分钟级": 60.0, "小时级": 3600.0, "天级": 6 * 3600.0}
"""Which of its limits is reached, the message alone says: 触发分钟级流控Permits:1."""
_ACCOUNT: Final = frozenset(
    {
        "isp.RAM_PERMISSION_DENY",
        "isv.ACCOUNT_ABNORMAL",
        "isv.ACCOUNT_NOT_EXISTS",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.DAY_LIMIT_CONTROL",
        "isv.DENY_IP_RANGE",
        "isv.MONTH_LIMIT_CONTROL",
        "isv.OUT_OF_SERVICE",
        "isv.PRODUCT_UNSUBSCRIBE",
        "isv.PRODUCT_UN_SUBSCRIPT",
    }
)
"""The fault is the account's: nothing can be sent until that is put right."""
_CREDENTIALS: Final = (
    "Forbidden",
    "IncompleteSignature",
    "InvalidAccessKeyId",
    "InvalidSecurityToken",
    "SignatureDoesNotMatch",
)
"""How the codes of the API's gateway begin that refuse our key."""
_STATUS: Final = {1: Outcome.ACCEPTED, 2: Outcome.FAILED, 3: Outcome.DELIVERED}
_PAGE: Final = 50
_PAGES: Final = 4
_CHINA: Final = ZoneInfo("Asia/Shanghai")


class AliyunSender(SdkAdapter):
    """Sends by its API."""

    channel = AliyunSms.channel

    def __init__(self, config: AliyunSms) -> None:
        super().__init__(config)
        self._sign_name = config.sign_name
        self._templates = config.templates
        url = urlsplit(config.endpoint)
        milliseconds = int(config.timeout_s * 1000)
        # Without retry options it never repeats a call.
        self._client = Client(
            Config(
                access_key_id=config.access_key_id,
                access_key_secret=config.access_key_secret,
                endpoint=url.netloc,
                protocol=url.scheme.upper(),
                connect_timeout=milliseconds,
                read_timeout=milliseconds,
                http_proxy=config.proxy or None,
                https_proxy=config.proxy or None,
                ca=config.ca_file or None,
                max_idle_conns=config.concurrency,
            )
        )

    async def send(self, _: Outgoing, message: Send, attempt: Attempt) -> Result:
        """Send it by the template that Aliyun approved."""
        sms: Sms = message.content
        template = self._templates.get(sms.template)
        if template is None:
            return Result.failed("TEMPLATE_NOT_APPROVED", temporary=True)
        names = {name: name for name in sms.parameters} if template.parameters is None else template.parameters
        if set(names.values()) - sms.parameters.keys():
            return Result.failed("PARAMETER_MISSING")
        parameters = {theirs: sms.parameters[ours] for theirs, ours in names.items()}
        request = SendSmsRequest(
            phone_numbers=_number(message.address),
            sign_name=self._sign_name,
            template_code=template.code,
            template_param=json.dumps(parameters, ensure_ascii=False),
            out_id=str(attempt.key),
        )
        answer = await self._call(partial(self._answer, self._client.send_sms_with_options, request))
        if isinstance(answer, Result):
            return answer
        code = str(answer.get("Code", ""))
        if code == _ACCEPTED:
            return Result.accepted(str(answer.get("BizId", "")))
        return _failure(code, str(answer.get("Message", "")))

    async def ask_by_address(self, attempt: Attempt, address: str) -> Result | None:
        """What its list of this number's messages says of the one with the attempt's key."""
        day = attempt.begin_time.astimezone(_CHINA).strftime("%Y%m%d")
        for page in range(1, _PAGES + 1):
            request = QuerySendDetailsRequest(
                phone_number=_number(address), send_date=day, page_size=_PAGE, current_page=page
            )
            answer = await self._call(partial(self._answer, self._client.query_send_details_with_options, request))
            if isinstance(answer, Result) or answer.get("Code") != _ACCEPTED:
                return None
            details = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
            for detail in details:
                outcome = _STATUS.get(detail.get("SendStatus"))
                if detail.get("OutId") == str(attempt.key) and outcome is not None:
                    code = str(detail.get("ErrCode", "")) if outcome is Outcome.FAILED else ""
                    return Result(outcome, code, address_refused=code in _REFUSED)
            if len(details) < _PAGE:
                break
        # It may not be listed yet: that it was never taken nobody can know by that.
        return None

    def _answer(self, call: Any, request: Any) -> dict[str, Any] | Result:
        """Its answer; or what became of the attempt, if there was none."""
        try:
            body = call(request, RuntimeOptions()).body
            return dict(body.to_map())
        except AlibabaCloudException as error:
            if error.status_code in (502, 504):
                return Result.unknown(f"HTTP_{error.status_code}")
            return _failure(str(error.code or f"HTTP_{error.status_code}"), "")
        except UnretryableException as error:
            return network_failure(error.inner_exception)
        except (AttributeError, TypeError, ValueError):
            return Result.unknown("ANSWER_MALFORMED")


def _number(address: str) -> str:
    """Numbers of the mainland without their country's code, others with it; none with a plus."""
    return address.removeprefix("+86") if address.startswith("+86") else address.removeprefix("+")


def _failure(code: str, message: str) -> Result:
    if code == _TOO_MANY:
        pause_s = next((pause_s for period, pause_s in _PAUSES_S.items() if period in message), 3600.0)
        return Result.failed(code, temporary=True, retry_after_s=pause_s)
    if code in _ACCOUNT or code.startswith(_CREDENTIALS):
        return Result.failed(code, provider_away=True)
    # isv: what the message is at fault for; all else (isp, the API's gateway) is the provider's.
    return Result.failed(code, temporary=not code.startswith("isv."), address_refused=code in _REFUSED)
