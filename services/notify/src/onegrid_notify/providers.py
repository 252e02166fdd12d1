"""Which outside systems send what: the secret setting ``ONEGRID_PROVIDERS``, a JSON list with an entry for each.

Of a channel's providers the first one that serves the district is preferred. Limits are those that the providers
publish, unless an entry has others:

- Aliyun SMS, to one number by default: codes 1 a minute, 5 an hour, 10 in 24 hours; of each other template 50 in 24
  hours (help.aliyun.com/document_detail/2881383.html). Which template is for codes, its entry says.
- Tencent SMS, to one number: of one content 1 in 30 seconds (cloud.tencent.com/document/faq/382/13303), and 10 a day of
  all, which carriers let through; what a new application has of its own is lower, and is raised in its console.
- DingTalk: 20 messages a minute and robot; one that exceeds them is closed for ten minutes
  (open.dingtalk.com/document/robots/custom-robot-access).
- Feishu: 100 messages a minute and 5 a second a robot (open.feishu.cn/document/ukTMukTMukTM/ucTM5YjL3ETO24yNxkjN).
- WeCom: 20 messages a minute and robot (developer.work.weixin.qq.com/document/path/99110).
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from onegrid_kit.sending import Limit, LimitScope
from onegrid_kit.settings import SettingsError
from onegrid_notify.contents import is_webhook_secret
from onegrid_notify.entries import Fault, read, require

__all__ = [
    "AliyunSms",
    "AliyunTemplate",
    "DingTalk",
    "Feishu",
    "HttpSms",
    "OverHttp",
    "ProviderConfig",
    "Robot",
    "Smtp",
    "TencentSms",
    "TencentTemplate",
    "ToAnyone",
    "WeCom",
    "WebPush",
    "Webhook",
    "parse",
]

_SETTING: Final = "ONEGRID_PROVIDERS"
_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0
_DAY_S: Final = 86_400.0
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_DISTRICT: Final = re.compile(r"[0-9]{6}")
_URL_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{24,128}")
_HOST: Final = re.compile(r"[A-Za-z0-9.:_-]{1,253}")
_SECURITY: Final = {"starttls": 587, "tls": 465, "plain": 25}
"""How a connection to an SMTP server is protected, and its usual port."""
_MAILBOX: Final = re.compile(r"[!-;=?A-~]+@[A-Za-z0-9.-]+")


def _secret(default: Any = MISSING) -> Any:
    return field(default=default, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProviderConfig:
    """What every provider's entry may have."""

    kind: ClassVar[str]
    channel: ClassVar[str]
    """What it sends: a name of the contract's `Channel`."""
    signs_receipts: ClassVar[bool] = True
    """Whether it signs its receipts as webhooks are signed; else a secret address keeps others from sending some."""

    name: str
    """Unique. Receipts and limits are known by it: it stays the same."""
    districts: Sequence[str] = ()
    """The districts that it serves; empty: all."""
    concurrency: int = 8
    """How many calls one process makes at the same moment."""
    timeout_s: float = 10.0
    """How long it may take to connect, and as long again to answer."""
    limits: Sequence[Limit] | None = None
    """In place of those that the provider publishes; an empty list: none."""
    receipt_secret: str = _secret("")
    """What its receipts are signed with, or what the address ends with that it sends them to; empty: it sends none."""

    def __post_init__(self) -> None:
        """Raise for values that can't work."""
        require(_NAME.fullmatch(self.name), "name", "takes lower case letters, digits and hyphens, 32 at most")
        require(all(map(_DISTRICT.fullmatch, self.districts)), "districts", "takes codes of six digits")
        require(1 <= self.concurrency <= 100, "concurrency", "takes 1 to 100")
        # Both halves stay below the 30 seconds after which the sender gives up on a call.
        require(1 <= self.timeout_s <= 14, "timeout_s", "takes 1 to 14")
        if self.signs_receipts:
            good, what = is_webhook_secret(self.receipt_secret), "takes whsec_ and base64 of 24 to 64 bytes"
        else:
            good, what = bool(_URL_SECRET.fullmatch(self.receipt_secret)), "takes 24 to 128 letters, digits, _ or -"
        require(not self.receipt_secret or good, "receipt_secret", what)

    @property
    def allowed(self) -> Sequence[Limit]:
        """What it is held to."""
        return self.published() if self.limits is None else self.limits

    def published(self) -> Sequence[Limit]:
        """What the provider itself says that it allows."""
        return ()


@dataclass(frozen=True, kw_only=True)
class OverHttp(ProviderConfig):
    """Is reached by HTTP."""

    proxy: str = _secret("")
    """An HTTP proxy, `http://[user:password@]host:port`; that of the environment is not taken."""
    ca_file: str = ""
    """PEM file of the authority of its certificate; empty: the system's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(not self.proxy or _url(self.proxy, "http"), "proxy", "takes http://host:port")


@dataclass(frozen=True, kw_only=True)
class ToAnyone(OverHttp):
    """Goes to addresses that others enter."""

    allow_private: bool = False
    """Also sends to loopback, link-local and private addresses, and without TLS."""


@dataclass(frozen=True, kw_only=True)
class Smtp(ProviderConfig):
    """A mail server."""

    kind = "smtp"
    channel = "EMAIL"

    host: str
    port: int = 0
    """0: the usual one."""
    concurrency: int = 20
    """As many connections as Postfix opens to a server (default_destination_concurrency_limit); it takes 50 of a client
    (smtpd_client_connection_count_limit).
    """
    security: str = "starttls"
    username: str = ""
    password: str = _secret("")
    from_address: str
    """Also the envelope's: who gets what could not be delivered."""
    from_name: str = ""
    reply_to: str = ""
    messages_per_connection: int = 100
    ca_file: str = ""
    """PEM file of the authority of its certificate; empty: the system's."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(_HOST.fullmatch(self.host), "host", "takes the name or address of a host")
        require(self.security in _SECURITY, "security", f"takes {', '.join(_SECURITY)}")
        require(0 <= self.port <= 65535, "port", "takes a port's number")
        require(bool(self.username) == bool(self.password), "password", "goes together with username")
        require(not self.username or self.security != "plain", "security", "plain would show the password to everyone")
        require(_MAILBOX.fullmatch(self.from_address), "from_address", "takes an e-mail address")
        require(not self.reply_to or _MAILBOX.fullmatch(self.reply_to), "reply_to", "takes an e-mail address")
        require(self.from_name.isprintable(), "from_name", "takes one line of text")
        require(self.messages_per_connection >= 1, "messages_per_connection", "takes 1 or more")

    @property
    def actual_port(self) -> int:
        """Where it listens."""
        return self.port or _SECURITY[self.security]


@dataclass(frozen=True, kw_only=True)
class HttpSms(OverHttp):
    """A gateway of text messages that speaks JSON; docs/notify.md describes what it is asked."""

    kind = "sms-http"
    channel = "SMS"

    url: str
    secret: str = _secret()
    """What requests to it are signed with, `whsec_…`."""
    ask_url: str = ""
    """Where it says what became of a message: `/` and the key of the attempt are appended; empty: it can't be asked."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(_url(self.url), "url", "takes http://… or https://…")
        require(not self.ask_url or _url(self.ask_url), "ask_url", "takes http://… or https://…")
        require(is_webhook_secret(self.secret), "secret", "takes whsec_ and base64 of 24 to 64 bytes")


@dataclass(frozen=True, kw_only=True)
class AliyunTemplate:
    """A template that Aliyun approved."""

    code: str
    """`SMS_…`"""
    parameters: Mapping[str, str] | None = None
    """Its variables, and which of our template's parameters each takes. Left out: they are called alike."""
    for_codes: bool = False
    """It is of the type 验证码, and has the limits of those."""


@dataclass(frozen=True, kw_only=True)
class AliyunSms(OverHttp):
    """Text messages by Aliyun; needs the package's extra `aliyun`."""

    kind = "sms-aliyun"
    channel = "SMS"
    signs_receipts = False

    access_key_id: str = _secret()
    access_key_secret: str = _secret()
    sign_name: str
    """The approved signature (签名)."""
    templates: Mapping[str, AliyunTemplate]
    """By our template's name."""
    endpoint: str = "https://dysmsapi.aliyuncs.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(_url(self.endpoint), "endpoint", "takes https://host")

    def published(self) -> Sequence[Limit]:
        """Of codes together, of each other template by itself; each to one number."""
        codes = frozenset(name for name, template in self.templates.items() if template.for_codes)
        limits = [
            Limit(count, per_s, LimitScope.ADDRESS, codes)
            for count, per_s in ((1, _MINUTE_S), (5, _HOUR_S), (10, _DAY_S))
            if codes
        ]
        others = sorted(self.templates.keys() - codes)
        return [*limits, *(Limit(50, _DAY_S, LimitScope.ADDRESS, frozenset({name})) for name in others)]


@dataclass(frozen=True, kw_only=True)
class TencentTemplate:
    """A template that Tencent approved."""

    id: str
    parameters: Sequence[str] | None = None
    """Which of our template's parameters stand for {1}, {2}, … Left out: all, in their order."""


@dataclass(frozen=True, kw_only=True)
class TencentSms(OverHttp):
    """Text messages by Tencent Cloud; needs the package's extra `tencent`."""

    kind = "sms-tencent"
    channel = "SMS"
    signs_receipts = False

    secret_id: str = _secret()
    secret_key: str = _secret()
    sdk_app_id: str
    sign_name: str
    """The approved signature (签名)."""
    templates: Mapping[str, TencentTemplate]
    """By our template's name."""
    region: str = "ap-guangzhou"
    endpoint: str = "https://sms.tencentcloudapi.com"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(_url(self.endpoint), "endpoint", "takes https://host")

    def published(self) -> Sequence[Limit]:
        """Of each template by itself, and of all; each to one number."""
        alike = [Limit(1, 30.0, LimitScope.ADDRESS, frozenset({name})) for name in sorted(self.templates)]
        return [*alike, Limit(10, _DAY_S, LimitScope.ADDRESS)]


@dataclass(frozen=True, kw_only=True)
class Robot(ToAnyone):
    """Robots of one messenger, each of which is an office's endpoint."""

    hosts: Sequence[str]
    """Where its robots are; other addresses are refused."""


@dataclass(frozen=True, kw_only=True)
class WeCom(Robot):
    """Robots of groups in WeCom (企业微信)."""

    kind = "wecom"
    channel = "WECOM"

    hosts: Sequence[str] = ("qyapi.weixin.qq.com",)

    def published(self) -> Sequence[Limit]:
        """A robot."""
        return (Limit(20, _MINUTE_S, LimitScope.ADDRESS),)


@dataclass(frozen=True, kw_only=True)
class DingTalk(Robot):
    """Robots of groups in DingTalk (钉钉)."""

    kind = "dingtalk"
    channel = "DINGTALK"

    hosts: Sequence[str] = ("oapi.dingtalk.com",)

    def published(self) -> Sequence[Limit]:
        """A robot."""
        return (Limit(20, _MINUTE_S, LimitScope.ADDRESS),)


@dataclass(frozen=True, kw_only=True)
class Feishu(Robot):
    """Robots of groups in Feishu (飞书)."""

    kind = "feishu"
    channel = "FEISHU"

    hosts: Sequence[str] = ("open.feishu.cn", "open.larksuite.com")

    def published(self) -> Sequence[Limit]:
        """A robot."""
        return (Limit(100, _MINUTE_S, LimitScope.ADDRESS), Limit(5, 1.0, LimitScope.ADDRESS))


@dataclass(frozen=True, kw_only=True)
class Webhook(ToAnyone):
    """Signed requests to the systems of offices."""

    kind = "webhook"
    channel = "WEBHOOK"


@dataclass(frozen=True, kw_only=True)
class WebPush(ToAnyone):
    """Messages to browsers."""

    kind = "web-push"
    channel = "WEB_PUSH"

    private_key: str = _secret()
    """The VAPID key: 32 bytes in base64url. Browsers are bound to it when they subscribe: it stays the same."""
    subject: str
    """Whom a push service can reach: `mailto:…` or `https://…`."""

    def __post_init__(self) -> None:
        super().__post_init__()
        require(_is_key(self.private_key), "private_key", "takes base64url of 32 bytes")
        require(self.subject.startswith(("mailto:", "https://")), "subject", "takes mailto:… or https://…")


_KINDS: Final[Mapping[str, type[ProviderConfig]]] = {
    each.kind: each for each in (Smtp, HttpSms, AliyunSms, TencentSms, WeCom, DingTalk, Feishu, Webhook, WebPush)
}


def parse(setting: str) -> Sequence[ProviderConfig]:
    """The providers of the setting, in its order. Raises SettingsError, which names the entry and the field and shows
    no value.
    """
    try:
        entries = json.loads(setting or "[]")
    except ValueError as error:
        raise SettingsError(f"{_SETTING}: it is no JSON: {error.args[0].partition(':')[0]}") from None
    if not isinstance(entries, list):
        raise SettingsError(f"{_SETTING}: it takes a list")
    providers: list[ProviderConfig] = []
    for number, entry in enumerate(entries, 1):
        name = entry.get("name") if isinstance(entry, dict) else None
        shown = f"entry {number}" + (f" ({name})" if isinstance(name, str) and _NAME.fullmatch(name) else "")
        try:
            provider = _provider(entry)
            require(provider.name not in {each.name for each in providers}, "name", "is another entry's, too")
        except Fault as fault:
            raise SettingsError(f"{_SETTING}: {shown}, {fault.field}: {fault.what}") from None
        providers.append(provider)
    return tuple(providers)


def _provider(entry: object) -> ProviderConfig:
    if not isinstance(entry, dict):
        raise Fault("kind", "an entry takes {…}")
    kind = entry.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise Fault("kind", f"takes {', '.join(_KINDS)}")
    values = {key: value for key, value in entry.items() if key != "kind"}
    provider: ProviderConfig = read(_KINDS[kind], values)
    return provider


def _url(text: str, *schemes: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in (schemes or ("http", "https")) and bool(url.hostname) and (url.port or 1) > 0
    except ValueError:
        return False


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)) == 32
    except ValueError:
        return False
