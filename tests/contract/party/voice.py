"""What Party organizations say, through notify's content."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.resources_pb2 import Article, Column, Content, PartyVoice
from onegrid_kit.testing.waiting import eventually

from ..acting import COLUMN, DISTRICT
from ..calling import District, Outcome
from .organizations import organization

__all__ = ["CHANGES", "PREPARE", "done", "elsewhere", "lists", "said", "voice"]

_numbers = itertools.count(1)


def voice(district: District, to: PartyVoice = PartyVoice.PARTY_VOICE_EVERYONE) -> str:
    """The name of a new column of the Party's voice."""
    name = f"columns/{DISTRICT}-voice{next(_numbers)}"
    column = Column(name=name, display_name="党的声音", parent=COLUMN, party_voice=to)
    district.do(pb.DefineColumnRequest(column=column), "admin", pb.DefineColumnResponse)
    return name


def a_draft(column: str, speaker: str) -> pb.DraftArticle:
    content = Content(title="学习通知", body_html="<p>请学习全会公报。</p>")
    return pb.DraftArticle(column=column, organization=speaker, content=content, push=True)


def said(district: District, column: str, speaker: str) -> Article:
    """Something that an organization says, of which notify hears by events; published."""
    create = pb.CreateArticleRequest(owner=DISTRICT, draft=a_draft(column, speaker))
    created = done(district, create)
    name = pb.CreateArticleResponse.FromString(created.answer).article.name
    district.do(pb.SubmitArticleRequest(name=name), "admin", pb.SubmitArticleResponse)
    return district.do(pb.PublishArticleRequest(name=name), "admin", pb.PublishArticleResponse).article


def done(district: District, request: Message) -> Outcome:
    """What came of something that names what a service hears of by events a moment later."""
    outcomes: list[Outcome] = []

    def succeeds() -> bool:
        outcomes.append(district.attempt(request, "admin"))
        return outcomes[-1].ok

    eventually(succeeds, lambda: outcomes[-1])
    return outcomes[-1]


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request that needs a permission, about an organization in the place, which exists or not."""
    speaker = organization(district, place).name if there else f"organizations/{place}-none"
    yield pb.CreateArticleRequest(owner=place, draft=a_draft(f"columns/{DISTRICT}-party-voice", speaker))


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    column = voice(district)
    first, second = (organization(district).name for _ in range(2))
    for speaker in (first, first, first, second):
        said(district, column, speaker)
    return {
        "ListOrganizationArticles": tuple(pb.ListOrganizationArticlesRequest(organization=of) for of in (first, second))
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {}
"""notify's own methods have theirs."""
CHANGES: Mapping[str, Callable[[Message], None]] = {}
"""The same."""
