"""What leaves the platform for one person or endpoint by one channel: how it is named, planned and described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, cast

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_notify.article import Article
from onegrid_notify.preferences import (
    APPOINTMENTS,
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
)

__all__ = [
    "MOVE_DELIVERIES",
    "OF_OFFICES",
    "OF_PERSONS",
    "PLAN_ARTICLE",
    "SENT_FOR",
    "Kind",
    "Plan",
    "channel_name",
    "channel_of",
    "delivery_name",
    "is_critical",
    "is_endpoint",
    "is_person",
    "is_urgent",
    "item_of",
    "planning_id",
    "rung_of",
    "sending_id",
    "sending_of",
    "topic_of",
]

_DELIVERY: Final = ResourceName("deliveries/{delivery}")
PLAN_ARTICLE: Final = "plan deliveries"
"""The kind of work that goes through an article's audience."""
MOVE_DELIVERIES: Final = "stop or resume deliveries"
"""The kind of work that has an article's deliveries be stopped, or wait again."""
SENT_FOR: Final = timedelta(days=7)
"""For how long something is still sent that could not be sent at once."""
OF_PERSONS: Final = (Channel.CHANNEL_EMAIL, Channel.CHANNEL_SMS, Channel.CHANNEL_WEB_PUSH)
_USERS: Final = "users/"
_ENDPOINTS: Final = "endpoints/"
_TOPICS: Final = {
    "petitions": PETITIONS,
    "users": ROLES,
    "cells": APPOINTMENTS,
    "articles": VISITS,
    "reservations": RESOURCES,
    "depots": RESOURCES,
    "shifts": DUTY,
    "swaps": DUTY,
    "handovers": DUTY,
    "rosters": DUTY,
    "pages": DUTY,
    "incidents": INCIDENTS,
    "patrols": PATROLS,
    "studyPlans": STUDY,
    "guidanceTasks": GUIDANCE,
    "meetings": MEETINGS,
    "organizations": MEETINGS,
}
"""Of messages, by the collection of what they are about."""
_CRITICAL: Final = "pages/"
_URGENT: Final = "incidents/"
OF_OFFICES: Final = (
    Channel.CHANNEL_WECOM,
    Channel.CHANNEL_DINGTALK,
    Channel.CHANNEL_FEISHU,
    Channel.CHANNEL_WEBHOOK,
)


class Kind(StrEnum):
    """What is sent, and so how it is prepared."""

    ARTICLE = "article"
    MESSAGE = "message"
    DIGEST = "digest"
    TEST = "test"


def is_person(recipient: str) -> bool:
    """Whether something goes to a person of the platform."""
    return recipient.startswith(_USERS)


def is_endpoint(recipient: str) -> bool:
    """Whether something goes to an endpoint of an office. Codes may go to neither."""
    return recipient.startswith(_ENDPOINTS)


def channel_name(channel: Channel) -> str:
    """What providers and sendings call it: `EMAIL`."""
    return short_name(Channel, channel)


def channel_of(name: str) -> Channel:
    """The channel that they call so."""
    return cast(Channel, Channel.Value(f"CHANNEL_{name}"))


def sending_id(item: str, recipient: str, channel: Channel, rung: int = 0) -> str:
    """The id of the sending of an item to a user or endpoint by a channel, which is sent once; each rung of an
    escalation is one of its own, counted from 1.
    """
    return "/".join([item, recipient, channel_name(channel), *([str(rung)] if rung else [])])


def item_of(id_: str) -> str:
    """The id of the item that the sending of this id is about."""
    return id_.partition("/")[0]


def rung_of(id_: str) -> int:
    """The number of the rung at which the sending of this id of an article to a user is made; 0 for none."""
    return int(number) if (number := id_.rpartition("/")[2]).isdecimal() else 0


def topic_of(subject: str) -> str:
    """The topic of a message about a resource: what people mute, and endpoints ask for; empty if it is about none."""
    return _TOPICS.get(subject.partition("/")[0], "")


def is_critical(subject: str) -> bool:
    """Whether a message about a resource goes out whatever its reader mutes: a call for whoever is on duty."""
    return subject.startswith(_CRITICAL)


def is_urgent(subject: str) -> bool:
    """Whether a message about a resource goes out before others and at any hour: it is about an emergency."""
    return subject.startswith(_URGENT)


def delivery_name(id_: str) -> str:
    """The name of the delivery that the sending of this id is."""
    return _DELIVERY.name(id_.replace("/", "~"))


def sending_of(name: str) -> str:
    """The id of the sending that the delivery of this name is."""
    return _DELIVERY.id(name).replace("~", "/")


def planning_id(article: str) -> str:
    """The id of the work that goes through the audience of the article of this name."""
    return f"{PLAN_ARTICLE} {article}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What sendings of an article have in common."""

    article: str
    """``articles/{article}``; all that is sent of it is one batch."""
    item: str
    column: str
    """``columns/{column}``."""
    channels: tuple[Channel, ...]
    urgent: bool
    critical: bool = False
    expire_time: datetime

    @classmethod
    def of_article(cls, article: Article, now: datetime) -> Plan:
        """The plan of an article that readers have from now on."""
        return cls(
            article=article.name,
            item=article.id,
            column=article.draft.column,
            channels=article.draft.channels,
            urgent=article.draft.urgent,
            critical=article.draft.critical,
            expire_time=article.until(now + SENT_FOR),
        )

    @classmethod
    def of_json(cls, subject: str, value: Mapping[str, Any]) -> Plan:
        """The plan as `json` wrote it, of the article of this name."""
        return cls(
            article=subject,
            item=value["item"],
            column=value["column"],
            channels=tuple(value["channels"]),
            urgent=value["urgent"],
            critical=value.get("critical", False),
            expire_time=datetime.fromisoformat(value["expire_time"]),
        )

    def json(self) -> dict[str, Any]:
        """The plan to be stored beside the article's name."""
        return {
            "item": self.item,
            "column": self.column,
            "channels": [int(channel) for channel in self.channels],
            "urgent": self.urgent,
            "critical": self.critical,
            "expire_time": self.expire_time.isoformat(),
        }
