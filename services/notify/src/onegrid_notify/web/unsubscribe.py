"""One-click unsubscribe (RFC 8058): the link shows a page, whose button, like a mail program's own, posts to the link.
Whoever only fetches it, as scanners of mailboxes do, changes nothing.
"""

from __future__ import annotations

from html import escape
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import audit, codes
from onegrid_kit.database import Database
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.http.answers import Answer, page
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase
from onegrid_notify.audience import COLUMN
from onegrid_notify.commands import preferences
from onegrid_notify.preferences import (
    APPOINTMENTS,
    DIGESTS,
    DUTY,
    GUIDANCE,
    INCIDENTS,
    MEETINGS,
    PATROLS,
    PETITIONS,
    RESOURCES,
    ROLES,
    STUDY,
    VISITS,
    Mute,
)
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store.columns import columns_of
from onegrid_notify.unsubscribing import Unsubscription

__all__ = ["show", "unsubscribe"]

_FIELD: Final = "List-Unsubscribe"
_VALUE: Final = "One-Click"
_CHANNELS: Final = {
    Channel.CHANNEL_EMAIL: ("电子邮件", "e-mails"),
    Channel.CHANNEL_SMS: ("短信", "text messages"),
    Channel.CHANNEL_WEB_PUSH: ("浏览器推送", "push messages in your browser"),
}
_TOPICS: Final = {
    PETITIONS: ("有关诉求的", "about petitions"),
    ROLES: ("有关角色授予和撤销的", "about roles that you are given or lose"),
    APPOINTMENTS: ("有关网格任职的", "about appointments to grid cells"),
    VISITS: ("有关上门通知的", "that ask for visits"),
    RESOURCES: ("有关应急队伍调用和物资不足的", "about emergency teams that are called and supplies that run down"),
    DUTY: ("有关值班的", "about your duties, other than calls to act now"),
    INCIDENTS: ("有关突发事件及其任务、期限的", "about emergencies, their tasks and deadlines"),
    PATROLS: ("有关边境巡逻的", "about border patrols, other than calls for help and welfare checks"),
    STUDY: ("有关学习计划的", "about study plans that you have not done"),
    GUIDANCE: ("有关组织指导任务的", "about guidance tasks of Party organizations"),
    MEETINGS: ("有关党组织会议的", "about meetings of Party organizations"),
    DIGESTS: ("摘要（定期汇总）", "that sum up what is new"),
}
_DOCUMENT: Final = """<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
</head>
<body>
<main>
<h1>{title}</h1>
{paragraphs}
</main>
</body>
</html>
"""


async def show(request: Request[NotifySettings], db: ReadOnlyDatabase) -> Answer:
    """Ask whether it is meant; nothing is changed."""
    found = Unsubscription.of_token(request.parameters["token"], request.cipher)
    if found is None:
        return _not_ours()
    chinese, english = await db.read(lambda conn: _described(conn, found))
    # Without an action, the form is sent to the page's own address.
    form = (
        f'<form method="post"><input type="hidden" name="{_FIELD}" value="{_VALUE}">'
        '<button type="submit">退订 <span lang="en">Unsubscribe</span></button></form>'
    )
    return _page(
        "退订 Unsubscribe",
        f"不再接收{chinese}？站内收件箱不受影响，验证码等最紧急的消息仍会发送。",
        f"Stop getting {english}? Your inbox on the platform keeps everything; what is most urgent, such as "
        "codes, is still sent.",
        form,
    )


async def unsubscribe(request: Request[NotifySettings], db: Database) -> Answer:
    """Switch the channel off for the topic; doing it again changes nothing more."""
    found = Unsubscription.of_token(request.parameters["token"], request.cipher)
    if found is None:
        return _not_ours()
    if request.form().get(_FIELD) != _VALUE:
        raise InvalidRequest(FieldViolation(_FIELD, f"must be {_VALUE}"))

    def mute(conn: Connection) -> tuple[str, str]:
        preferences.mute(conn, found.user, Mute(found.topic, found.channel), request.call.now)
        audit.append(conn, [(request.call, f"{found.user}/preferences")])
        return _described(conn, found)

    chinese, english = await db.write(mute)
    return _page(
        "已退订 Unsubscribed",
        f"您将不再收到{chinese}。登录平台可以重新开启。",
        f"You get no more {english}. Log in to the platform to switch it on again.",
    )


def _not_ours() -> Answer:
    return _page(
        "链接无效 Not a valid link",
        "该链接不完整，请从原邮件中重新打开。",
        "This link is not complete. Open it again from the message that it came with.",
        status=404,
    )


def _described(conn: Connection, what: Unsubscription) -> tuple[str, str]:
    """What is switched off, in Chinese and in English."""
    chinese, english = _CHANNELS[what.channel]
    if not what.topic:
        return f"平台的任何{chinese}", f"{english} from the platform"
    if words := _TOPICS.get(what.topic):
        return f"{words[0]}{chinese}", f"{english} {words[1]}"
    id_ = COLUMN.id(what.topic)
    column = columns_of(conn, codes.district_of(id_)).by_id.get(id_)
    name = column.display_name if column else id_
    return f"“{name}”栏目的{chinese}", f"{english} of the column “{name}”"


def _page(title: str, chinese: str, english: str, more: str = "", status: int = 200) -> Answer:
    paragraphs = f'<p>{escape(chinese)}</p>\n<p lang="en">{escape(english)}</p>\n{more}'
    return page(_DOCUMENT.format(title=escape(title), paragraphs=paragraphs), status)
