"""A policy for one street: its platform publishes it, a resident there reads it, one elsewhere does not get it.

It happens in the morning of the reference case, over gRPC, as editors and readers do it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.resources_pb2 import (
    Acknowledgement,
    Article,
    Audience,
    Content,
    InboxItem,
    Selector,
)
from onegrid_demo import district
from onegrid_demo.client import Client, inbox_of
from onegrid_demo.loading import STREET, until, until_known
from onegrid_kit.clock import CHINA, SettableClock

__all__ = ["Outcome", "replay", "succeeded"]

_COLUMN = f"columns/{district.CODE}-benefits"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the policy."""

    article: Article
    resident: str
    """Who reads it: `users/{user}`."""
    there: Sequence[InboxItem]
    """The items about it that the resident of the street finds."""
    elsewhere: Sequence[InboxItem]
    """Those that the resident of another street finds."""
    reach: pb.GetReachResponse


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Outcome:
    """Publish and read it, at the case's own times if the services go by this clock."""
    notify = client.notify

    def at(hour: int, minute: int) -> None:
        if clock is not None:
            clock.set(datetime(2020, 11, 11, hour, minute, tzinfo=CHINA))

    at(9, 0)
    editor = await client.staff("street", accounts["street"]["password"])
    audience = Audience(any_of=[Selector(places=[STREET])])
    count = pb.CountAudienceRequest(district=district.CODE, audience=audience)
    # Of people who came just now, notify hears by events.
    await until(lambda: notify.CountAudience(count, metadata=editor), lambda counted: counted.people > 0)
    draft = pb.DraftArticle(
        column=_COLUMN,
        content=Content(
            title="广济街道老旧小区加装电梯补贴",
            summary="广济街道居民加装电梯，每部补贴10万元，即日起申请。",
            body_html="<p>广济街道老旧小区加装电梯，<strong>每部补贴10万元</strong>。请到社区平台申请。</p>",
        ),
        audience=audience,
        push=True,
    )
    create = pb.CreateArticleRequest(owner=STREET, draft=draft, request_id=_new_id())
    name = (await until_known(lambda: notify.CreateArticle(create, metadata=editor))).article.name
    at(9, 10)
    await notify.SubmitArticle(pb.SubmitArticleRequest(name=name, request_id=_new_id()), metadata=editor)
    at(9, 30)
    editor = await client.staff("street", accounts["street"]["password"])
    resident = await client.public(accounts["citizen"]["phone"], district.CODE)
    account = await client.identity.GetCaller(identity_pb.GetCallerRequest(), metadata=resident)
    stream = notify.StreamInbox(pb.StreamInboxRequest(), metadata=resident)
    await _next(stream)
    published = await notify.PublishArticle(pb.PublishArticleRequest(name=name, request_id=_new_id()), metadata=editor)

    pushed = await _next(stream)
    while pushed.item.subject != name:
        pushed = await _next(stream)
    stream.cancel()

    at(9, 31)
    found = await inbox_of(client, resident, name)
    await notify.GetArticle(pb.GetArticleRequest(name=name), metadata=resident)
    await notify.AcknowledgeInboxItems(
        pb.AcknowledgeInboxItemsRequest(
            items=[pb.AcknowledgedItem(name=item.name, version=item.version) for item in found],
            acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ,
            request_id=_new_id(),
        ),
        metadata=resident,
    )
    there = await inbox_of(client, resident, name)
    neighbour = await client.public(accounts["neighbour"]["phone"], district.CODE)
    elsewhere = await inbox_of(client, neighbour, name)

    at(9, 40)
    reach = await until(
        lambda: notify.GetReach(pb.GetReachRequest(name=name, place=STREET), metadata=editor),
        lambda reach: not reach.counting,
    )
    if clock is not None:
        clock.reset()
    return Outcome(published.article, account.user.name, there, elsewhere, reach)


def succeeded(outcome: Outcome) -> bool:
    """Whether it reached the resident of the street, who read it, and not the one elsewhere."""
    reach = outcome.reach.total
    return (
        [item.HasField("read_time") for item in outcome.there] == [True]
        and not outcome.elsewhere
        and reach.audience == reach.read.denominator
        and 1 <= reach.read.numerator <= reach.received.numerator <= reach.audience
    )


async def _next(stream: Any) -> pb.StreamInboxResponse:
    """What the stream sends next; its first response only says that it is open."""
    async with asyncio.timeout(60):
        response: pb.StreamInboxResponse = await stream.read()
    return response


def _new_id() -> str:
    return str(uuid.uuid4())
