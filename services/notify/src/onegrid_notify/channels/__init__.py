"""The channels: an adapter for each kind of provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from onegrid_kit.sending import Provider
from onegrid_kit.service import load
from onegrid_kit.settings import SettingsError
from onegrid_notify.providers import ProviderConfig, parse
from onegrid_notify.settings import NotifySettings

__all__ = ["adapter", "build"]

_ADAPTERS: Final[Mapping[str, str]] = {
    "smtp": "onegrid_notify.channels.smtp:SmtpServer",
    "sms-http": "onegrid_notify.channels.sms_http:SmsGateway",
    "sms-aliyun": "onegrid_notify.channels.sms_aliyun:AliyunSender",
    "sms-tencent": "onegrid_notify.channels.sms_tencent:TencentSender",
    "wecom": "onegrid_notify.channels.robots:WeComRobots",
    "dingtalk": "onegrid_notify.channels.robots:DingTalkRobots",
    "feishu": "onegrid_notify.channels.robots:FeishuRobots",
    "webhook": "onegrid_notify.channels.webhooks:Webhooks",
    "web-push": "onegrid_notify.channels.web_push:PushServices",
}
"""By kind; imported only if an entry is of it, as some need an extra of the package."""


def build(settings: NotifySettings) -> Sequence[Provider]:
    """The adapters of `ONEGRID_PROVIDERS`, in its order. Raises SettingsError."""
    return tuple(map(adapter, parse(settings.providers)))


def adapter(config: ProviderConfig) -> Provider:
    """The adapter of one entry. Raises SettingsError."""
    try:
        cls = load(_ADAPTERS[config.kind])
    except ModuleNotFoundError as error:
        extra = config.kind.partition("-")[2]
        missing = f"{error.name} is not installed; it comes with onegrid-notify[{extra}]"
        raise SettingsError(f"ONEGRID_PROVIDERS: {config.name}, kind: {missing}") from None
    try:
        provider: Provider = cls(config)
    except OSError:
        raise SettingsError(f"ONEGRID_PROVIDERS: {config.name}, ca_file: is no file of certificates") from None
    return provider
