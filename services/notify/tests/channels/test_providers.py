"""The setting that says through whom messages leave the platform."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from onegrid_kit.sending import Limit, LimitScope
from onegrid_kit.settings import SettingsError
from onegrid_notify import providers
from onegrid_notify.channels import adapter, build
from onegrid_notify.providers import parse
from onegrid_notify.settings import NotifySettings

from .attempts import WEBHOOK_SECRET

PAGE = Path(__file__).resolve().parents[4] / "docs/notify.md"
KINDS = {
    "smtp": {"host": "mail.example.cn", "from_address": "notice@example.cn"},
    "sms-http": {"url": "https://sms.example.cn/", "secret": WEBHOOK_SECRET},
    "sms-aliyun": {
        "access_key_id": "hidden", "access_key_secret": "hidden", "sign_name": "元宝区",
        "templates": {
            "login-code": {"code": "SMS_1", "parameters": {"code": "code"}, "for_codes": True},
            "step": {"code": "SMS_2"},
        },
    },
    "sms-tencent": {
        "secret_id": "hidden", "secret_key": "hidden", "sdk_app_id": "1400006666", "sign_name": "元宝区",
        "templates": {"step": {"id": "1110", "parameters": ["title"]}},
    },
    "wecom": {},
    "dingtalk": {},
    "feishu": {},
    "webhook": {},
    "web-push": {
        "private_key": base64.urlsafe_b64encode(b"\x01" * 32).decode().rstrip("="),
        "subject": "mailto:office@example.cn",
    },
}  # fmt: skip


def entry(of: str, **given: Any) -> dict[str, Any]:
    return {"name": of, "kind": of, **KINDS[of], **given}


def parsed(**given: Any) -> Any:
    (config,) = parse(json.dumps([given]))
    return config


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_needs_little_and_makes_a_provider(kind: str) -> None:
    made = adapter(parsed(**entry(kind, districts=["210602"])))
    assert (made.name, made.districts) == (kind, ("210602",))
    assert made.concurrency == (20 if kind == "smtp" else 8)
    assert made.channel in {"EMAIL", "SMS", "WECOM", "DINGTALK", "FEISHU", "WEBHOOK", "WEB_PUSH"}
    await made.close()


@pytest.mark.parametrize(
    ("kind", "limits"),
    [
        ("smtp", []),
        ("wecom", [Limit(20, 60, LimitScope.ADDRESS)]),
        ("dingtalk", [Limit(20, 60, LimitScope.ADDRESS)]),
        ("feishu", [Limit(100, 60, LimitScope.ADDRESS), Limit(5, 1, LimitScope.ADDRESS)]),
        (
            "sms-aliyun",
            [
                Limit(1, 60, LimitScope.ADDRESS, frozenset({"login-code"})),
                Limit(5, 3600, LimitScope.ADDRESS, frozenset({"login-code"})),
                Limit(10, 86400, LimitScope.ADDRESS, frozenset({"login-code"})),
                Limit(50, 86400, LimitScope.ADDRESS, frozenset({"step"})),
            ],
        ),
    ],
)
def test_limits_are_those_that_the_providers_publish_unless_an_entry_has_others(kind: str, limits: list[Limit]) -> None:
    assert list(parsed(**entry(kind)).allowed) == limits
    assert list(parsed(**entry(kind, limits=[])).allowed) == []
    own = {"count": 3, "per_s": 1.5, "scope": "TEMPLATE", "templates": ["step"]}
    assert list(parsed(**entry(kind, limits=[own])).allowed) == [
        Limit(3, 1.5, LimitScope.TEMPLATE, frozenset({"step"}))
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("hidden", "it is no JSON"),
        ("{}", "it takes a list"),
        ([7], "entry 1, kind: an entry takes {…}"),
        ([{"name": "a"}], "entry 1 (a), kind: takes smtp, sms-http, "),
        ([entry("smtp", kind="hidden")], "entry 1 (smtp), kind: takes smtp, sms-http, "),
        ([{"kind": "webhook"}], "entry 1, name: is missing"),
        ([{"kind": "webhook", "name": "HIDDEN"}], "entry 1, name: takes lower case letters"),
        ([{"kind": "webhook", "name": 7}], "entry 1, name: takes text"),
        ([entry("webhook"), entry("webhook")], "entry 2 (webhook), name: is another entry's, too"),
        ([entry("webhook", hidden=1)], "entry 1 (webhook), hidden: is none of name, districts, "),
        ([entry("webhook", districts=["hidden"])], "entry 1 (webhook), districts: takes codes of six digits"),
        ([entry("webhook", districts="210602")], "entry 1 (webhook), districts: takes […]"),
        ([entry("webhook", districts=[210602])], "entry 1 (webhook), districts[0]: takes text"),
        ([entry("webhook", concurrency=0)], "entry 1 (webhook), concurrency: takes 1 to 100"),
        ([entry("webhook", concurrency=1.5)], "entry 1 (webhook), concurrency: takes a whole number"),
        ([entry("webhook", concurrency=True)], "entry 1 (webhook), concurrency: takes a whole number"),
        ([entry("webhook", timeout_s="hidden")], "entry 1 (webhook), timeout_s: takes a number"),
        ([entry("webhook", timeout_s=60)], "entry 1 (webhook), timeout_s: takes 1 to 14"),
        ([entry("webhook", allow_private=1)], "entry 1 (webhook), allow_private: takes true or false"),
        (
            [entry("sms-http", receipt_secret="hidden")],
            "entry 1 (sms-http), receipt_secret: takes whsec_ and base64 of 24 to 64 bytes",
        ),
        (
            [entry("sms-aliyun", receipt_secret="hidden/" * 5)],
            "entry 1 (sms-aliyun), receipt_secret: takes 24 to 128 letters, digits, _ or -",
        ),
        ([entry("webhook", proxy="hidden")], "entry 1 (webhook), proxy: takes http://host:port"),
        ([entry("webhook", limits=[{"count": 1}])], "entry 1 (webhook), limits[0].per_s: is missing"),
        ([entry("webhook", limits=[{"count": 0, "per_s": 1}])], "entry 1 (webhook), limits[0].count: takes 1 or more"),
        ([entry("webhook", limits=[{"count": 1, "per_s": 1, "scope": "hidden"}])], "limits[0].scope: takes PROVIDER, "),
        ([{"name": "mail", "kind": "smtp", "host": "hidden"}], "entry 1 (mail), from_address: is missing"),
        ([entry("smtp", from_address="hidden\r\n")], "entry 1 (smtp), from_address: takes an e-mail address"),
        ([entry("smtp", from_name="hidden\r\nBcc: x")], "entry 1 (smtp), from_name: takes one line of text"),
        ([entry("smtp", username="hidden")], "entry 1 (smtp), password: goes together with username"),
        ([entry("smtp", username="u", password="hidden", security="plain")], "entry 1 (smtp), security: plain would"),
        ([entry("smtp", security="hidden")], "entry 1 (smtp), security: takes starttls, tls, plain"),
        ([entry("smtp", port=70000)], "entry 1 (smtp), port: takes a port's number"),
        ([entry("sms-http", secret="hidden")], "entry 1 (sms-http), secret: takes whsec_"),
        ([entry("sms-http", url="hidden")], "entry 1 (sms-http), url: takes http://… or https://…"),
        ([entry("sms-aliyun", templates={"a": {}})], "entry 1 (sms-aliyun), templates.a.code: is missing"),
        ([entry("sms-aliyun", templates={"a": {"code": 7}})], "entry 1 (sms-aliyun), templates.a.code: takes text"),
        ([entry("sms-aliyun", templates=[])], "entry 1 (sms-aliyun), templates: takes {…}"),
        ([entry("web-push", private_key="hidden")], "entry 1 (web-push), private_key: takes base64url of 32 bytes"),
        ([entry("web-push", subject="hidden")], "entry 1 (web-push), subject: takes mailto:… or https://…"),
    ],
)
def test_every_fault_names_its_entry_and_field_and_shows_no_value(given: object, message: str) -> None:
    setting = given if isinstance(given, str) else json.dumps(given)
    with pytest.raises(SettingsError, match=f"^ONEGRID_PROVIDERS: .*{re.escape(message)}") as raised:
        parse(setting)
    if "hidden: is none of" not in message:
        assert "hidden" not in str(raised.value).lower()


def test_a_service_does_not_start_with_faults_and_shows_no_secrets() -> None:
    needed = {"database_url": "postgresql://u@h/d", "page_token_key": "k" * 32, "cipher_keys": "k1:" + "5a" * 32}
    with pytest.raises(SettingsError, match="ONEGRID_PROVIDERS: entry 1"):
        NotifySettings(**needed, providers="[{}]")
    settings = NotifySettings(**needed, providers=json.dumps([entry(kind) for kind in KINDS]))
    assert [each.name for each in build(settings)] == list(KINDS)
    assert build(NotifySettings(**needed)) == ()
    assert "hidden" not in repr(settings)
    assert "hidden" not in repr(parse(settings.providers))


@pytest.mark.parametrize(
    ("kind", "library"), [("sms-aliyun", "alibabacloud_dysmsapi20170525"), ("sms-tencent", "tencentcloud")]
)
def test_what_is_not_installed_is_named_with_the_extra_that_brings_it(
    kind: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith((library, "onegrid_notify.channels.sms_"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    extra = kind.removeprefix("sms-")
    with pytest.raises(SettingsError, match=rf"{kind}, kind: {library}.* onegrid-notify\[{extra}\]"):
        adapter(parsed(**entry(kind)))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.startswith("sms-") or kind == "sms-http"])
def test_a_file_of_certificates_that_is_none_is_named(kind: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{kind}, ca_file"):
        adapter(parsed(**entry(kind, ca_file=str(tmp_path / "missing.pem"))))


@pytest.mark.parametrize("kind", ["sms-aliyun", "sms-tencent"])
def test_a_library_that_would_take_the_environments_proxy_needs_it_named(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example.cn:3128")
    with pytest.raises(SettingsError, match=f"{kind}, proxy: "):
        adapter(parsed(**entry(kind)))
    assert adapter(parsed(**entry(kind, proxy="http://proxy.example.cn:3128"))).name == kind


def test_the_examples_of_the_manual_parse_and_show_every_kind() -> None:
    examples = re.findall(r"<!-- ONEGRID_PROVIDERS -->\n```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    shown = [config for example in examples for config in parse(example)]
    assert {each.kind for each in shown} == set(KINDS)
    assert providers.parse("") == ()
