"""What channels are handed of what is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_notify.composing import Links, Matter, Notice, as_test, compose, text_of
from onegrid_notify.contents import Email, Push, Sms, Urgency, WebhookEvent

NOTICE = Notice(
    language="zh",
    title="停水 <通知>",
    text="明日停水",
    short_text="【通知】停水",
    sms_template="notify.ArticlePublished-person-zh",
    sms_parameters={"column": "通知", "title": "停水"},
)
MATTER = Matter(
    topic="columns/210602-news",
    subject="articles/210602-20201111-7KX3M9QF",
    event="notify.ArticlePublished",
    time=datetime(2020, 11, 11, tzinfo=UTC),
    item="210602-20201111-7KX3M9QF",
    urgent=True,
    notice=lambda _: NOTICE,
)
LINKS = Links("https://app.example.cn/inbox/{item}", "https://push.example.cn/v1/unsubscribe/x")
URL = "https://app.example.cn/inbox/210602-20201111-7KX3M9QF"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>明日停水。</p><p>请储水。</p>", "明日停水。\n请储水。"),
        ("<h2>一、</h2><ul><li>甲</li><li>乙</li></ul>", "一、\n甲\n乙"),
        ("<table><tr><th>时间</th><td>8时</td></tr><tr><td>a</td><td>b</td></tr></table>", "时间 8时\na b"),
        ('见<a href="https://example.cn">通知</a>&amp;附件<br>完', "见通知&附件\n完"),
        ("<p>多  余\n空格</p>\n\n<p></p>", "多 余 空格"),
    ],
)
def test_the_text_of_html_has_a_line_for_each_paragraph(html: str, text: str) -> None:
    assert text_of(html) == text


def test_an_email_leads_to_the_item_and_can_be_unsubscribed() -> None:
    mail = compose(Channel.CHANNEL_EMAIL, MATTER, NOTICE, LINKS)
    assert mail == Email(
        subject="停水 <通知>",
        text=f"明日停水\n\n{URL}\n\n退订：{LINKS.unsubscribe_url}",
        language="zh-CN",
        unsubscribe_url=LINKS.unsubscribe_url,
    )


def test_the_title_can_not_write_html_of_its_own() -> None:
    notice = Notice(
        language="en", title="<b>", text="x", short_text="x", sms_template="", sms_parameters={}, html="<p>正文</p>"
    )
    mail = compose(Channel.CHANNEL_EMAIL, MATTER, notice, LINKS)
    assert isinstance(mail, Email)
    assert "<h1>&lt;b&gt;</h1><p>正文</p>" in mail.html
    link = f'<a href="{LINKS.unsubscribe_url}">{LINKS.unsubscribe_url}</a>'
    assert mail.html.endswith(f"<p>Unsubscribe: {link}</p></body></html>")
    assert '<html lang="en">' in mail.html


def test_without_a_place_that_shows_items_nothing_leads_anywhere() -> None:
    mail = compose(Channel.CHANNEL_EMAIL, MATTER, NOTICE, Links())
    assert isinstance(mail, Email)
    assert mail.text == "明日停水"


def test_devices_get_the_short_text() -> None:
    push = compose(Channel.CHANNEL_WEB_PUSH, MATTER, NOTICE, LINKS)
    assert push == Push(title="停水 <通知>", body="【通知】停水", url=URL, topic=MATTER.item, urgency=Urgency.HIGH)
    short = compose(Channel.CHANNEL_SMS, MATTER, NOTICE, LINKS)
    assert short == Sms(template=NOTICE.sms_template, parameters=NOTICE.sms_parameters, text="【通知】停水")


def test_a_webhook_is_told_what_it_is_about() -> None:
    hook = compose(Channel.CHANNEL_WEBHOOK, MATTER, NOTICE, LINKS)
    assert isinstance(hook, WebhookEvent)
    assert (hook.type, hook.time) == (MATTER.event, MATTER.time)
    assert hook.data == {"subject": MATTER.subject, "title": "停水 <通知>", "text": "明日停水", "urgent": True}


def test_a_test_is_marked_wherever_it_is_read() -> None:
    marked = as_test(NOTICE)
    assert marked.title.startswith("【测试】")
    assert marked.short_text.startswith("【测试】")
    assert list(marked.sms_parameters.values()) == ["【测试】通知", "停水"]
