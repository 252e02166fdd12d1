"""The channels: an adapter for each kind of provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

from onegrid_kit.sending import Provider
from onegrid_kit.settings import SettingsError
from onegrid_notify.providers import ProviderConfig, parse
from onegrid_notify.settings import NotifySettings

__all__ = ["adapter", "build"]

_ADAPTERS: Final[Mapping[str, str]] = {
    "smtp": "smtp:SmtpServer",
    "sms-http": "sms_http:SmsGateway",
    "sms-aliyun": "sms_aliyun:AliyunSender",
    "sms-tencent": "sms_tencent:TencentSender",
    "wecom": "robots:WeComRobots",
    "dingtalk": "robots:DingTalkRobots",
    "feishu": "robots:FeishuRobots",
    "webhook": "webhooks:Webhooks",
    "web-push": "web_push:PushServices",
}
"""By kind; imported only if an entry is of it, as some need an extra of the package."""


def build(settings: NotifySettings) -> Sequence[Provider]:
    """The adapters of `ONEGRID_PROVIDERS`, in its order. Raises SettingsError."""
    return tuple(map(adapter, parse(settings.providers)))


def adapter(config: ProviderConfig) -> Provider:
    """The adapter of one entry. Raises SettingsError."""
    module, _, name = _ADAPTERS[config.kind].partition(":")
    try:
        cls = getattr(import_module(f"{__name__}.{module}"), name)
    except ModuleNotFoundError as error:
        extra = config.kind.partition("-")[2]
        missing = f"{error.name} is not installed; it comes with onegrid-notify[{extra}]"
        raise SettingsError(f"ONEGRID_PROVIDERS: {config.name}, kind: {missing}") from None
    try:
        provider: Provider = cls(config)
    except OSError:
        raise SettingsError(f"ONEGRID_PROVIDERS: {config.name}, ca_file: is no file of certificates") from None
    return provider
