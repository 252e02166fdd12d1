"""What deliveries say: articles as they are now, messages by the facts that they were written from, and what is made of
several of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Final, TypeAlias

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import DeliveryReason
from onegrid.notify.v1.events_pb2 import ArticlePublished
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import sending
from onegrid_kit.lifecycle import short_name
from onegrid_kit.sending import Drop, Outgoing, State
from onegrid_notify.article import ARTICLE, Article
from onegrid_notify.audience import COLUMN
from onegrid_notify.composing import Matter, Notice, text_of
from onegrid_notify.deliveries import Kind, channel_of, is_person, item_of, rung_of, sending_id, topic_of
from onegrid_notify.digest import first_entries, first_titles
from onegrid_notify.facts import DIGEST, FACTS, ArticleFacts, DigestFacts, Facts, Recipient, event_key, sample
from onegrid_notify.preferences import DIGESTS
from onegrid_notify.rendering import render
from onegrid_notify.store import deliveries as store
from onegrid_notify.store import escalation, messages, places
from onegrid_notify.wording import TemplateKey

__all__ = ["digest_matter", "matters_of"]

Found: TypeAlias = Matter | Drop
"""What is sent; or why it is not sent any more."""

_ARTICLE_EVENT: Final = event_key(ArticlePublished)

_SUPERSEDED: Final = short_name(DeliveryReason, DeliveryReason.DELIVERY_REASON_SUPERSEDED)
_NOT_SENT: Final = frozenset({State.DROPPED, State.EXPIRED, State.FAILED, State.STOPPED})
_TEST_EVENT: Final = "notify.Test"


def matters_of(conn: Connection, outgoings: Collection[Outgoing], now: datetime) -> Mapping[str, Found]:
    """What these deliveries say, by their ids; in so many statements, however many there are."""
    by_kind: dict[str, list[Outgoing]] = {}
    for each in outgoings:
        by_kind.setdefault(each.kind, []).append(each)
    found: dict[str, Found] = {}
    for kind, some in by_kind.items():
        found |= dict(_SOURCES[Kind(kind)](conn, some, now))
    return found


def digest_matter(conn: Connection, outgoing: Outgoing, matters: Sequence[Matter], now: datetime) -> Matter:
    """What a digest of these says."""

    def notice(language: str) -> Notice:
        entries = first_entries(_entry(matter.notice(language)) for matter in matters)
        more = len(matters) - len(entries)
        facts = DigestFacts(
            time=now,
            count=str(len(matters)),
            titles=first_titles(matter.notice(language).title for matter in matters),
            entries=entries,
            more=str(more) if more else "",
        )
        return _rendered(conn, outgoing.district, DIGEST, Recipient.PERSON, facts, language)

    return Matter(topic=DIGESTS, subject="", event=DIGEST, time=now, in_inbox=True, notice=_once(notice))


def _entry(notice: Notice) -> str:
    return f"{notice.title}\n{notice.brief or notice.text}"


def _articles(conn: Connection, outgoings: Sequence[Outgoing], now: datetime) -> Iterator[tuple[str, Found]]:
    matters = _article_matters(conn, {ARTICLE.id(each.subject) for each in outgoings})
    # At a rung of an escalation, to who has not read this version yet.
    versions = {each.id: each.parameters["version"] for each in outgoings if "version" in each.parameters}
    read = store.read_versions(conn, [each for each in outgoings if each.id in versions]) if versions else {}
    superseded = _superseded(conn, outgoings, [article for article, _ in matters.values()])
    for each in outgoings:
        found = matters.get(ARTICLE.id(each.subject))
        if found is None:
            yield each.id, Drop("ARTICLE_GONE")
            continue
        if each.id in versions and read.get(each.id, 0) >= versions[each.id]:
            yield each.id, Drop("ALREADY_READ")
            continue
        article, matter = found
        if each.id in superseded or versions.get(each.id, article.unread_below) < article.unread_below:
            yield each.id, Drop(_SUPERSEDED)
            continue
        state = article.state_at(now)
        if state != ArticleState.ARTICLE_STATE_PUBLISHED:
            yield each.id, Drop(f"ARTICLE_{short_name(ArticleState, state)}")
        else:
            yield each.id, matter


def _superseded(conn: Connection, outgoings: Sequence[Outgoing], articles: Sequence[Article]) -> set[str]:
    """The ids of those that a later rung also hands to the same person by the same channel: where both have waited,
    such as for the end of quiet hours, they would come at once.
    """
    escalating = {article.id for article in articles if article.draft.escalation}
    last = escalation.last_rungs(conn, escalating) if escalating else {}
    later = {
        sending_id(item_of(each.id), each.recipient, channel_of(each.channel), number): each.id
        for each in outgoings
        if is_person(each.recipient)
        for number in range(rung_of(each.id) + 1, last.get(item_of(each.id), 0) + 1)
    }
    found = sending.find_all(conn, later) if later else ()
    return {later[each.id] for each in found if each.state not in _NOT_SENT}


def _article_matters(conn: Connection, ids: Collection[str]) -> Mapping[str, tuple[Article, Matter]]:
    articles = store.articles_by_id(conn, ids)
    owners = places.display_names(conn, {article.owner for article in articles.values()}) if articles else {}
    columns = store.column_names(conn, {COLUMN.id(each.draft.column) for each in articles.values()}) if articles else {}
    return {
        id_: (
            article,
            _article_matter(
                conn, article, owners.get(article.owner, ""), columns.get(COLUMN.id(article.draft.column), "")
            ),
        )
        for id_, article in articles.items()
    }


def _article_matter(conn: Connection, article: Article, office: str, column: str) -> Matter:
    draft = article.draft
    facts = ArticleFacts(
        time=article.publish_time,
        title=draft.content.title,
        summary=draft.content.summary,
        column=column,
        office=office,
    )

    def notice(language: str) -> Notice:
        notice = _rendered(conn, article.district, _ARTICLE_EVENT, Recipient.PERSON, facts, language)
        body = text_of(draft.content.body_html)
        return replace(
            notice,
            text=f"{notice.text}\n\n{body}".strip(),
            html=draft.content.body_html,
            brief=notice.text,
        )

    return Matter(
        topic=draft.column,
        subject=article.name,
        event=_ARTICLE_EVENT,
        time=article.publish_time or article.update_time,
        item=article.id,
        urgent=draft.urgent,
        notice=_once(notice),
    )


def _messages(conn: Connection, outgoings: Sequence[Outgoing], now: datetime) -> Iterator[tuple[str, Found]]:
    sources = messages.sources(conn, outgoings)
    matters: dict[tuple[str, int], Matter] = {}
    for each in outgoings:
        source = sources.get(each.id)
        if source is None:
            yield each.id, Drop("MESSAGE_GONE")
            continue
        key = item_of(each.id), source.number
        if key not in matters:
            matters[key] = _message_matter(conn, each, source)
        yield each.id, matters[key]


def _message_matter(conn: Connection, outgoing: Outgoing, source: messages.Source) -> Matter:
    def notice(language: str) -> Notice:
        return _rendered(conn, outgoing.district, source.event, source.recipient, source.facts, language)

    return Matter(
        topic=topic_of(outgoing.subject),
        subject=outgoing.subject,
        event=source.event,
        time=source.facts.time or outgoing.create_time,
        item=item_of(outgoing.id),
        notice=_once(notice),
    )


def _tests(conn: Connection, outgoings: Sequence[Outgoing], now: datetime) -> Iterator[tuple[str, Found]]:
    articles = [each for each in outgoings if "article" in each.parameters]
    matters = _article_matters(conn, {each.parameters["article"] for each in articles})
    for each in outgoings:
        if "article" in each.parameters:
            found = matters.get(each.parameters["article"])
            yield each.id, Drop("ARTICLE_GONE") if found is None else replace(found[1], item="")
        else:
            yield each.id, _template_matter(conn, each, now)


def _template_matter(conn: Connection, outgoing: Outgoing, now: datetime) -> Matter:
    district, key = TemplateKey.parse(outgoing.parameters["template"])

    def notice(_: str) -> Notice:
        return _rendered(conn, district, key.event, key.recipient, sample(FACTS[key.event]), key.language)

    return Matter(topic="", subject=outgoing.subject, event=_TEST_EVENT, time=now, notice=_once(notice))


def _rendered(conn: Connection, district: str, event: str, recipient: Recipient, facts: Facts, language: str) -> Notice:
    rendered = render(conn, district, event, recipient, facts, language)
    return Notice(
        language=language,
        title=rendered.title,
        text=rendered.text,
        short_text=rendered.short_text,
        sms_template=rendered.sms_template,
        sms_parameters=rendered.sms_parameters,
    )


def _once(notice: Callable[[str], Notice]) -> Callable[[str], Notice]:
    """The same, written once in each language for all who get it."""
    return lru_cache(maxsize=None)(notice)


_Source: TypeAlias = Callable[[Connection, Sequence[Outgoing], datetime], Iterator[tuple[str, Found]]]
_SOURCES: Final[Mapping[Kind, _Source]] = {
    Kind.ARTICLE: _articles,
    Kind.MESSAGE: _messages,
    Kind.TEST: _tests,
}
