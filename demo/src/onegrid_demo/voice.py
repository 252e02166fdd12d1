"""A Party organization speaks to its members: one of them reads it, who is no member does not find it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import grpc

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.resources_pb2 import Acknowledgement, Article, Audience, Content, PartySelector, Selector
from onegrid_demo import content, district
from onegrid_demo.client import Client, Metadata, inbox_of
from onegrid_demo.loading import COMMUNITY, until, until_known
from onegrid_kit.clock import CHINA, SettableClock

__all__ = ["Outcome", "replay", "succeeded"]

_COLUMN: Final = f"columns/{district.CODE}-member-education"
_ORGANIZATION: Final = f"organizations/{COMMUNITY}-committee"
_SPOKEN: Final = datetime(2020, 11, 11, 8, 0, tzinfo=CHINA)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    article: Article
    """As the member reads it."""
    listed: Sequence[Article]
    """What the member finds of the organization."""
    elsewhere: Sequence[Article]
    """What somebody finds of it who is no member."""
    refused: bool
    """Whether that one can't read it by its name either."""
    reach: pb.GetReachResponse


async def replay(client: Client, clock: SettableClock | None, accounts: Mapping[str, Mapping[str, str]]) -> Outcome:
    """Publish and read it, on the morning of the reference case if the services go by this clock. The member is the one
    whose study is shown.
    """
    notify = client.notify
    if clock is not None:
        clock.set(_SPOKEN)
    admin = await client.staff(accounts["admin"]["login"], accounts["admin"]["password"])
    column = next(each for each in content.columns() if each.name == _COLUMN)
    # An older release entered it as a column like any other.
    define = pb.DefineColumnRequest(column=column.message(), request_id=_new_id())
    await notify.DefineColumn(define, metadata=admin)
    desk = await client.staff("community", accounts["community"]["password"])
    await _until_addressed(client, desk)
    draft = pb.DraftArticle(
        column=_COLUMN,
        organization=_ORGANIZATION,
        content=Content(
            title="朝凤社区党委：学习党的十九届五中全会精神",
            summary="请各支部党员阅读全会公报，本月主题党日交流学习体会。",
            body_html="<p>请各支部党员阅读<strong>全会公报</strong>，本月主题党日交流学习体会。</p>",
        ),
        push=True,
    )
    create = pb.CreateArticleRequest(owner=COMMUNITY, draft=draft, request_id=_new_id())
    name = (await until_known(partial(notify.CreateArticle, create, metadata=desk))).article.name
    await notify.SubmitArticle(pb.SubmitArticleRequest(name=name, request_id=_new_id()), metadata=desk)
    await notify.PublishArticle(pb.PublishArticleRequest(name=name, request_id=_new_id()), metadata=desk)
    member = await client.public(accounts["citizen"]["phone"], district.CODE)
    article = (await notify.GetArticle(pb.GetArticleRequest(name=name), metadata=member)).article
    await notify.AcknowledgeInboxItems(
        pb.AcknowledgeInboxItemsRequest(
            items=[
                pb.AcknowledgedItem(name=item.name, version=item.version)
                for item in await inbox_of(client, member, name)
            ],
            acknowledgement=Acknowledgement.ACKNOWLEDGEMENT_READ,
            request_id=_new_id(),
        ),
        metadata=member,
    )
    neighbour = await client.public(accounts["neighbour"]["phone"], district.CODE)
    reach = await until(
        lambda: notify.GetReach(pb.GetReachRequest(name=name, place=COMMUNITY), metadata=desk),
        lambda reach: not reach.counting,
    )
    outcome = Outcome(
        article=article,
        listed=await _listed(client, member),
        elsewhere=await _listed(client, neighbour),
        refused=await _refused(client, neighbour, name),
        reach=reach,
    )
    if clock is not None:
        clock.reset()
    return outcome


def succeeded(outcome: Outcome) -> bool:
    """Whether the member read it, which is counted, and who is no member did not."""
    return (
        outcome.article.organization == _ORGANIZATION
        and outcome.article.name in [each.name for each in outcome.listed]
        and not outcome.elsewhere
        and outcome.refused
        and outcome.reach.total.read.numerator >= 1
    )


async def _until_addressed(client: Client, desk: Metadata) -> None:
    """Wait until notify has heard, by events, that the organization has a member."""
    to_members = Selector(places=[COMMUNITY], party=PartySelector(organizations=[_ORGANIZATION]))
    count = pb.CountAudienceRequest(district=district.CODE, audience=Audience(any_of=[to_members]))

    async def counted() -> pb.CountAudienceResponse:
        return await until_known(partial(client.notify.CountAudience, count, metadata=desk))

    await until(counted, lambda answer: answer.people > 0)


async def _listed(client: Client, reader: Metadata) -> Sequence[Article]:
    query = pb.ListOrganizationArticlesRequest(organization=_ORGANIZATION)
    return (await client.notify.ListOrganizationArticles(query, metadata=reader)).articles


async def _refused(client: Client, reader: Metadata, name: str) -> bool:
    try:
        await client.notify.GetArticle(pb.GetArticleRequest(name=name), metadata=reader)
    except grpc.aio.AioRpcError as error:
        return error.code() is grpc.StatusCode.PERMISSION_DENIED
    return False


def _new_id() -> str:
    return str(uuid.uuid4())
