"""E-mail, to a real SMTP server."""

from __future__ import annotations

import asyncio
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.smtp import Envelope

from onegrid_kit.sending import Outcome
from onegrid_kit.testing.certificates import Authority
from onegrid_notify.contents import Email

from .attempts import closed_port, opened, sent
from .mail_servers import MailServer, mail_serving

TO = "zhang@example.cn"
NAME = "元宝区网格（通知, 勿复）"
EMAIL = Email(
    subject="停水通知：明日8时",
    text="明日8时至12时停水，\n.\n请提前储水。",
    html="<p>明日8时至12时停水</p>",
    unsubscribe_url="https://example.cn/unsubscribe?token=abc",
)


def entry(mail: MailServer | int, **given: Any) -> dict[str, Any]:
    return {
        "kind": "smtp",
        "host": "localhost",
        "port": mail if isinstance(mail, int) else mail.port,
        "security": "plain",
        "from_address": "notice@example.cn",
        "from_name": NAME,
        **given,
    }


def read(envelope: Envelope) -> EmailMessage:
    assert isinstance(envelope.content, bytes)
    message = message_from_bytes(envelope.content, policy=default)
    assert isinstance(message, EmailMessage)
    return message


async def test_a_message_arrives_as_text_and_as_html_with_what_mail_programs_look_for() -> None:
    key = uuid4()
    async with mail_serving() as mail, opened(**entry(mail, reply_to="office@example.cn")) as provider:
        result = await sent(provider, TO, EMAIL, key)
    assert (result.outcome, result.provider_id) == (Outcome.ACCEPTED, f"{key.hex}@example.cn")
    (envelope,) = mail.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("notice@example.cn", [TO])
    message = read(envelope)
    (sender,) = message["from"].addresses
    assert (sender.display_name, sender.addr_spec) == (NAME, "notice@example.cn")
    names = (
        "to",
        "reply-to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "list-unsubscribe",
        "list-unsubscribe-post",
    )
    assert [str(message[name]) for name in names] == [
        TO,
        "office@example.cn",
        "停水通知：明日8时",
        "Wed, 11 Nov 2026 06:36:00 +0000",
        f"<{key.hex}@example.cn>",
        "auto-generated",
        "<https://example.cn/unsubscribe?token=abc>",
        "List-Unsubscribe=One-Click",
    ]
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == EMAIL.text + "\n"
    assert html.get_content().replace("\r\n", "\n") == "<p>明日8时至12时停水</p>\n"
    content = envelope.content
    assert isinstance(content, bytes)
    assert content.isascii()
    assert max(map(len, content.splitlines())) <= 998


async def test_without_html_and_link_it_is_text_alone() -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        await sent(provider, TO, Email(subject="hello", text=".hidden dot\nbye"))
    message = read(mail.taken[0])
    assert (message.get_content_type(), message["list-unsubscribe"]) == ("text/plain", None)
    assert message.get_content().replace("\r\n", "\n") == ".hidden dot\nbye\n"


async def test_a_long_subject_is_folded_and_read_as_it_was() -> None:
    subject = "关于2026年老旧小区加装电梯补贴申请的通知" * 8 + " and so on" * 20
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        await sent(provider, TO, Email(subject=subject, text="x"))
    assert read(mail.taken[0])["subject"] == subject
    content = mail.taken[0].content
    assert isinstance(content, bytes)
    assert max(map(len, content.splitlines())) <= 78


async def test_one_click_is_offered_over_https_alone() -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        email = Email(subject="s", text="x", unsubscribe_url="http://127.0.0.1:8080/v1/unsubscribe/abc")
        assert (await sent(provider, TO, email)).outcome is Outcome.ACCEPTED
    (message,) = [message_from_bytes(each.content, policy=default) for each in mail.taken]
    assert message["list-unsubscribe"] == "<http://127.0.0.1:8080/v1/unsubscribe/abc>"
    assert message["list-unsubscribe-post"] is None


async def test_no_text_of_others_becomes_a_header_or_a_command() -> None:
    subject = "hello\r\nBcc: everyone@example.cn\r\n\r\nbody"
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        assert (await sent(provider, TO, Email(subject=subject, text="x"))).outcome is Outcome.ACCEPTED
        for url in (
            "https://example.cn/\r\nBcc: x@example.cn",
            "https://example.cn/退订",
            "https://example.cn/>, <https://x",
            "mailto:a@b.cn",
        ):
            refused = await sent(provider, TO, Email(subject="s", text="x", unsubscribe_url=url))
            assert (refused.outcome, refused.code) == (Outcome.FAILED, "MESSAGE_INVALID")
        for address in ("a@b.cn>\r\nDATA", "a@b.cn\nRCPT TO:<c@d.cn>", "a b@c.cn", "nobody", "@b.cn", "a@b@c.cn", ""):
            result = await sent(provider, address, EMAIL)
            assert (result.outcome, result.code, result.address_refused) == (Outcome.FAILED, "ADDRESS_INVALID", True)
    (envelope,) = mail.taken
    message = read(envelope)
    assert message["subject"] == "hello Bcc: everyone@example.cn body"
    assert message["bcc"] is None


async def test_connections_are_kept_for_further_messages_and_opened_for_those_at_the_same_moment() -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        for _ in range(3):
            await sent(provider, TO, EMAIL)
        assert mail.connections == 1
        await asyncio.gather(*(sent(provider, TO, EMAIL) for _ in range(4)))
        await asyncio.gather(*(sent(provider, TO, EMAIL) for _ in range(4)))
        assert mail.connections == 4
        assert len(mail.taken) == 11
    assert mail.commands.count("QUIT") == 4


async def test_a_connection_ends_after_as_many_messages_as_the_entry_says() -> None:
    async with mail_serving() as mail, opened(**entry(mail, messages_per_connection=2)) as provider:
        for _ in range(5):
            assert (await sent(provider, TO, EMAIL)).outcome is Outcome.ACCEPTED
    assert mail.connections == 3


@pytest.mark.parametrize(
    ("answer", "outcome", "code", "refused"),
    [
        ("450 4.2.0 greylisted", Outcome.RETRYABLE, "450", False),
        ("452 4.2.2 mailbox full", Outcome.RETRYABLE, "452", False),
        ("550 5.1.1 no such user", Outcome.FAILED, "550 5.1.1", True),
        ("553 5.1.3 bad address", Outcome.FAILED, "553 5.1.3", True),
        ("551 5.1.6 moved", Outcome.FAILED, "551 5.1.6", True),
        ("550 5.7.1 your network is blocked", Outcome.FAILED, "550 5.7.1", False),
        ("550 5.1.8 bad sender domain", Outcome.FAILED, "550 5.1.8", False),
        ("550 no", Outcome.FAILED, "550", False),
        ("554 5.6.0 no", Outcome.FAILED, "554 5.6.0", False),
    ],
)
async def test_an_answer_decides_and_the_connection_serves_on(
    answer: str, outcome: Outcome, code: str, refused: bool
) -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        mail.on_rcpt = answer
        result = await sent(provider, TO, EMAIL)
        mail.on_rcpt, mail.on_data = "", answer
        of_data = await sent(provider, TO, EMAIL)
        mail.on_data = ""
        assert (await sent(provider, TO, EMAIL)).outcome is Outcome.ACCEPTED
    assert (result.outcome, result.code, result.address_refused) == (outcome, code, refused)
    assert of_data == result
    assert mail.connections == 1


async def test_what_the_server_has_against_the_sender_may_go_by_another() -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        mail.on_mail = "550 5.7.1 sender not allowed"
        result = await sent(provider, TO, EMAIL)
        mail.on_mail = "552 5.3.4 too large"
        large = await sent(provider, TO, EMAIL)
    assert (result.outcome, result.code, result.address_refused) == (Outcome.RETRYABLE, "550", False)
    assert (large.outcome, large.code) == (Outcome.FAILED, "552")


async def test_after_421_a_new_connection_is_opened() -> None:
    async with mail_serving() as mail, opened(**entry(mail)) as provider:
        await sent(provider, TO, EMAIL)
        mail.on_rcpt = "421 4.3.2 shutting down"
        result = await sent(provider, TO, EMAIL)
        mail.on_rcpt = ""
        assert (await sent(provider, TO, EMAIL)).outcome is Outcome.ACCEPTED
    assert (result.outcome, result.code) == (Outcome.RETRYABLE, "421")
    assert mail.connections == 2


async def test_a_connection_that_ends_before_the_message_is_tried_again_and_after_it_nobody_knows() -> None:
    async with mail_serving() as mail, opened(**entry(mail, timeout_s=4)) as provider:
        mail.on_rcpt = "drop"
        before = await sent(provider, TO, EMAIL)
        mail.on_rcpt, mail.on_data = "", "drop"
        after = await sent(provider, TO, EMAIL)
        mail.on_data = "hang"
        slow = await sent(provider, TO, EMAIL)
        mail.on_data = ""
        assert (await sent(provider, TO, EMAIL)).outcome is Outcome.ACCEPTED
    assert [(each.outcome, each.code) for each in (before, after, slow)] == [
        (Outcome.RETRYABLE, "CONNECTION_LOST"),
        (Outcome.UNKNOWN, "CONNECTION_LOST"),
        (Outcome.UNKNOWN, "TIMEOUT"),
    ]


async def test_a_server_that_is_away_or_does_not_greet_is_tried_again() -> None:
    with closed_port() as port:
        async with opened(**entry(port)) as provider:
            away = await sent(provider, TO, EMAIL)

    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, opened(**entry(server.sockets[0].getsockname()[1], timeout_s=1)) as provider:
        quiet = await sent(provider, TO, EMAIL)
        server.close()
    assert {(each.outcome, each.code, each.provider_away) for each in (away, quiet)} == {
        (Outcome.RETRYABLE, "CONNECT", True)
    }


# asyncio's own half of a handshake that the other side ends.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_password_is_shown_to_a_server_with_a_known_certificate_alone(
    authority: Authority, security: str
) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*authority.issue(f"mail-{security}"))
    async with mail_serving(tls=tls, implicit=security == "tls", password="secret") as mail:
        given = entry(mail, security=security, username="notice", password="secret")
        async with opened(**given) as provider:
            stranger = await sent(provider, TO, EMAIL)
        async with opened(**given, ca_file=authority.file) as provider:
            known = await sent(provider, TO, EMAIL)
        async with opened(**{**given, "password": "wrong"}, ca_file=authority.file) as provider:
            wrong = await sent(provider, TO, EMAIL)
    assert (stranger.outcome, stranger.code, stranger.provider_away) == (Outcome.RETRYABLE, "TLS", True)
    assert known.outcome is Outcome.ACCEPTED
    assert (wrong.outcome, wrong.code, wrong.provider_away) == (Outcome.RETRYABLE, "535", True)
    assert len(mail.taken) == 1


async def test_nothing_is_sent_in_plain_text_where_tls_is_wanted() -> None:
    async with mail_serving() as mail, opened(**entry(mail, security="starttls")) as provider:
        result = await sent(provider, TO, EMAIL)
    assert (result.outcome, result.code) == (Outcome.RETRYABLE, "NOT_SUPPORTED")
    assert not mail.commands


async def test_addresses_in_other_scripts_are_reached_where_the_server_knows_them() -> None:
    async with mail_serving(enable_SMTPUTF8=True) as mail, opened(**entry(mail)) as provider:
        assert (await sent(provider, "张三@例子.cn", EMAIL)).outcome is Outcome.ACCEPTED
    assert mail.taken[0].rcpt_tos == ["张三@xn--fsqu00a.cn"]
    assert "SMTPUTF8" in mail.taken[0].mail_options
    async with mail_serving(enable_SMTPUTF8=False) as mail, opened(**entry(mail)) as provider:
        refused = await sent(provider, "张三@例子.cn", EMAIL)
        assert (await sent(provider, "zhang@例子.cn", EMAIL)).outcome is Outcome.ACCEPTED
    assert (refused.outcome, refused.code) == (Outcome.FAILED, "SMTPUTF8_NOT_SUPPORTED")
    assert mail.taken[0].rcpt_tos == ["zhang@xn--fsqu00a.cn"]
