"""Text messages by Tencent Cloud (腾讯云短信). Codes: cloud.tencent.com/document/api/382/59177."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from tencentcloud.common.credential import Credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.sms.v20210111.models import PullSmsSendStatusByPhoneNumberRequest, SendSmsRequest
from tencentcloud.sms.v20210111.sms_client import SmsClient

from onegrid_kit.sending import Attempt, Outcome, Outgoing, Result, Send
from onegrid_notify.channels.sdks import SdkAdapter, network_failure
from onegrid_notify.contents import Sms
from onegrid_notify.providers import TencentSms

__all__ = ["TencentSender"]

_ACCEPTED: Final = "Ok"
_REFUSED: Final = frozenset(
    {
        "FailedOperation.PhoneNumberInBlacklist",
        "FailedOperation.PhoneNumberParseFail",
        "InvalidParameterValue.IncorrectPhoneNumber",
    }
)
_UNKNOWN: Final = "InternalError.Timeout"
_PAUSES_S: Final = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600.0,
    "LimitExceeded.PhoneNumberDailyLimit": 6 * 3600.0,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 6 * 3600.0,
    "LimitExceeded.DeliveryFrequencyLimit": 60.0,
}
_ACCOUNT: Final = ("AuthFailure", "FailedOperation.InsufficientBalanceInSmsPackage", "UnauthorizedOperation")
"""How the codes begin of faults of the account: nothing can be sent until they are put right."""
_PROVIDERS: Final = ("InternalError", "LimitExceeded", "RequestLimitExceeded", "ResourceUnavailable")
"""How the codes begin of other faults that are not the message's."""
_NO_SUCH_NUMBER: Final = frozenset({"MK:0001"})
_CODE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}")
_PAGE: Final = 100
_CLOCKS_S: Final = 300
"""How far its clock and the database's may be apart."""
_REPORTS: Final = {"SUCCESS": Outcome.DELIVERED, "FAIL": Outcome.FAILED}


class TencentSender(SdkAdapter):
    """Sends by its API 3.0."""

    channel = TencentSms.channel

    def __init__(self, config: TencentSms) -> None:
        super().__init__(config)
        self._app_id = config.sdk_app_id
        self._sign_name = config.sign_name
        self._templates = config.templates
        url = urlsplit(config.endpoint)
        http = HttpProfile(
            protocol=url.scheme,
            endpoint=url.netloc,
            reqTimeout=config.timeout_s,
            keepAlive=True,
            proxy=config.proxy or None,
            certification=config.ca_file or None,
        )
        # Without a retryer it never repeats a call; nor does it go to another region behind our back.
        profile = ClientProfile(httpProfile=http, disable_region_breaker=True)
        self._client = SmsClient(Credential(config.secret_id, config.secret_key), config.region, profile)

    async def send(self, _: Outgoing, message: Send, attempt: Attempt) -> Result:
        """Send it by the template that Tencent approved."""
        sms: Sms = message.content
        template = self._templates.get(sms.template)
        if template is None:
            return Result.failed("TEMPLATE_NOT_APPROVED", temporary=True)
        names = list(sms.parameters) if template.parameters is None else template.parameters
        if set(names) - sms.parameters.keys():
            return Result.failed("PARAMETER_MISSING")
        request = SendSmsRequest()
        request.PhoneNumberSet = [message.address]
        request.SmsSdkAppId = self._app_id
        request.SignName = self._sign_name
        request.TemplateId = template.id
        request.TemplateParamSet = [sms.parameters[name] for name in names]
        request.SessionContext = str(attempt.key)
        answer = await self._call(partial(_answer, self._client.SendSms, request))
        if isinstance(answer, Result):
            return answer
        statuses: Sequence[Any] = answer.SendStatusSet or ()
        if len(statuses) != 1:
            return Result.unknown("ANSWER_MALFORMED")
        if statuses[0].Code == _ACCEPTED:
            return Result.accepted(statuses[0].SerialNo or "")
        return _failure(str(statuses[0].Code))

    async def ask_by_address(self, attempt: Attempt, address: str) -> Result | None:
        """What its list of this number's messages says of the one with the attempt's key, once that has ended."""
        request = PullSmsSendStatusByPhoneNumberRequest()
        request.BeginTime = int(attempt.begin_time.timestamp()) - _CLOCKS_S
        request.Offset = 0
        request.Limit = _PAGE
        request.PhoneNumber = address
        request.SmsSdkAppId = self._app_id
        answer = await self._call(partial(_answer, self._client.PullSmsSendStatusByPhoneNumber, request))
        if isinstance(answer, Result):
            return None
        for report in answer.PullSmsSendStatusSet or ():
            outcome = _REPORTS.get(report.ReportStatus)
            if report.SessionContext == str(attempt.key) and outcome is not None:
                code = str(report.Description) if outcome is Outcome.FAILED else ""
                code = code if _CODE.fullmatch(code) else outcome.value * bool(code)
                return Result(outcome, code, report.SerialNo or "", address_refused=code in _NO_SUCH_NUMBER)
        return None


def _answer(call: Any, request: Any) -> Any:
    """Its answer; or what became of the attempt, if there was none."""
    try:
        return call(request)
    except TencentCloudSDKException as error:
        if error.requestId:
            return _failure(str(error.code))
        if error.code == "ClientNetworkError":
            return network_failure(error)
        # A status other than 200, which the library does not say, or what it could not read.
        return Result.unknown("ANSWER_MALFORMED")


def _failure(code: str) -> Result:
    if code == _UNKNOWN:
        return Result.unknown(code)
    if code.startswith(_ACCOUNT):
        return Result.failed(code, provider_away=True)
    temporary, pause_s = code.startswith(_PROVIDERS), _PAUSES_S.get(code)
    return Result.failed(code, temporary=temporary, retry_after_s=pause_s, address_refused=code in _REFUSED)
