"""What a channel is handed: composed from what is sent and how it is said in one language."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from html.parser import HTMLParser
from typing import Final, TypeAlias

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_notify.contents import Email, Push, RobotMessage, Sms, Urgency, WebhookEvent

__all__ = ["Content", "Links", "Matter", "Notice", "as_test", "compose", "text_of"]

Content: TypeAlias = Email | Sms | Push | RobotMessage | WebhookEvent

_TEST: Final = {"zh": "【测试】", "en": "[Test] "}
_UNSUBSCRIBE: Final = {"zh": "退订：", "en": "Unsubscribe: "}
_LANGUAGE_TAGS: Final = {"zh": "zh-CN", "en": "en"}
_TEXT_BLOCKS: Final = {"p", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "div", "figure", "figcaption"}
_BLOCKS: Final = frozenset({*_TEXT_BLOCKS, "ul", "ol", "li", "dl", "dt", "dd", "table", "caption", "tr"})
_SPACES: Final = re.compile(r"[^\S\n]+")
_EMPTY_LINES: Final = re.compile(r" ?\n[ \n]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How something is said in one language."""

    language: str
    """`zh` or `en`."""
    title: str
    text: str
    short_text: str
    """For text messages and notifications of a device."""
    sms_template: str
    sms_parameters: Mapping[str, str]
    html: str = ""
    """The text as HTML; empty: there is none."""
    brief: str = ""
    """What digests say of it; empty: the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """What is sent, whoever gets it."""

    topic: str
    """What people mute: ``columns/{column}``, ``petitions``, …; empty for a test of a template."""
    subject: str
    """The name of the resource that it is about; empty for a digest."""
    event: str
    """What webhooks call it: `petition.PetitionFiled`."""
    time: datetime
    item: str = ""
    """The id of the inbox's item; empty for what is none."""
    in_inbox: bool = False
    """Whether it is several items of the inbox: it leads to the inbox itself."""
    urgent: bool = False
    notice: Callable[[str], Notice] = field(repr=False)
    """How it is said in a language."""


@dataclass(frozen=True, slots=True)
class Links:
    """Where what is sent leads to."""

    item_url: str = ""
    """Of the item, with `{item}` in the place of its id; empty: nowhere."""
    unsubscribe_url: str = ""

    def to(self, matter: Matter) -> str:
        """Where the item, or the inbox, is shown; empty if that is nowhere."""
        return self.item_url.replace("{item}", matter.item) if matter.item or matter.in_inbox else ""


def compose(channel: Channel, matter: Matter, notice: Notice, links: Links) -> Content:
    """What the channel's providers take."""
    url = links.to(matter)
    match channel:
        case Channel.CHANNEL_EMAIL:
            leave = links.unsubscribe_url
            # Not every mail program shows what the header says.
            end = f"{_UNSUBSCRIBE[notice.language]}{leave}" if leave else ""
            return Email(
                subject=notice.title,
                text="\n\n".join(part for part in (notice.text, url, end) if part),
                html=_document(notice, url, leave) if notice.html else "",
                language=_LANGUAGE_TAGS[notice.language],
                unsubscribe_url=leave,
            )
        case Channel.CHANNEL_SMS:
            return Sms(template=notice.sms_template, parameters=notice.sms_parameters, text=notice.short_text)
        case Channel.CHANNEL_WEB_PUSH:
            urgency = Urgency.HIGH if matter.urgent else Urgency.NORMAL
            return Push(title=notice.title, body=notice.short_text, url=url, topic=matter.item, urgency=urgency)
        case Channel.CHANNEL_WEBHOOK:
            data = {"subject": matter.subject, "title": notice.title, "text": notice.text, "urgent": matter.urgent}
            return WebhookEvent(type=matter.event, time=matter.time, data=data)
        case _:
            return RobotMessage(title=notice.title, text=notice.text, url=url)


def as_test(notice: Notice) -> Notice:
    """The same, marked as a test wherever it is read: the first parameter of a text message has the mark, too, as
    carriers send no text but the approved one.
    """
    mark = _TEST[notice.language]
    parameters = {
        name: f"{mark}{value}" if number == 0 else value
        for number, (name, value) in enumerate(notice.sms_parameters.items())
    }
    return replace(notice, title=mark + notice.title, short_text=mark + notice.short_text, sms_parameters=parameters)


def text_of(body_html: str) -> str:
    """The text of HTML that was sanitized, a line for each paragraph; addresses of links and pictures are left out."""
    reader = _TextReader()
    reader.feed(body_html)
    reader.close()
    return _EMPTY_LINES.sub("\n", _SPACES.sub(" ", "".join(reader.parts))).strip()


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")
        elif tag in ("td", "th"):
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(_SPACES.sub(" ", data.replace("\n", " ")))


def _document(notice: Notice, url: str, unsubscribe_url: str) -> str:
    link = f"<p>{_link(url)}</p>" if url else ""
    end = f"<p>{_UNSUBSCRIBE[notice.language]}{_link(unsubscribe_url)}</p>" if unsubscribe_url else ""
    language = _LANGUAGE_TAGS[notice.language]
    return (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8"><title>{html.escape(notice.title)}</title>'
        f"</head><body><h1>{html.escape(notice.title)}</h1>{notice.html}{link}{end}</body></html>"
    )


def _link(url: str) -> str:
    return f'<a href="{html.escape(url)}">{html.escape(url)}</a>'
