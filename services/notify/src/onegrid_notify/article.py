"""Articles and columns as the rules see them: frozen, and changed only into other ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import ArticleAction, ArticleState
from onegrid_kit.names import ResourceName
from onegrid_notify.audience import Audience
from onegrid_notify.errors import ExpiryPassed
from onegrid_notify.escalation import Escalation
from onegrid_notify.lifecycle import LIFE

__all__ = ["ARTICLE", "Article", "Attachment", "Content", "Draft", "Version", "state_at"]

ARTICLE: Final = ResourceName("articles/{article}")
_VERSION: Final = ResourceName("articles/{article}/versions/{version}")


@dataclass(frozen=True, slots=True)
class Attachment:
    """What is known of a file."""

    filename: str
    media_type: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What an article says."""

    title: str
    summary: str = ""
    body_html: str
    """Sanitized; empty where only a list was read."""
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What editors decide of an article."""

    column: str
    """``columns/{column}``."""
    content: Content
    audience: Audience | None = None
    """None: everyone in the district."""
    push: bool = False
    pinned: bool = False
    urgent: bool = False
    critical: bool = False
    """It leaves the platform whatever its readers mute, and at any hour; no editor decides so."""
    must_confirm: bool = False
    expire_time: datetime | None = None
    channels: tuple[Channel, ...] = ()
    """By which it is also sent, beside inboxes."""
    escalation: Escalation | None = None
    organization: str = ""
    """``organizations/{organization}`` of the Party that speaks; empty where none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A policy, a piece of news, a job opening or a service notice (稿件)."""

    district: str
    id: str
    owner: str
    """The code of the office that answers for it."""
    stored_state: ArticleState
    """DRAFT, IN_REVIEW, PUBLISHED or WITHDRAWN; what time makes of it is `state_at`."""
    draft: Draft
    """What it says, to whom and how."""
    publish_time: datetime | None = None
    version: int = 0
    """How often readers got something new."""
    unread_below: int = 0
    """Who read an earlier version has it unread."""
    opened: bool = False
    """Whether it was announced, or expired before it could be."""
    withdraw_reason: str = ""
    return_reason: str = ""
    sequence: int = 1
    """The number of its last change."""
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``articles/{article}``."""
        return ARTICLE.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.sequence)

    def state_at(self, now: datetime) -> ArticleState:
        """Where it stands at that moment."""
        return state_at(self.stored_state, self.publish_time, self.draft.expire_time, now)

    def due_at(self, now: datetime) -> bool:
        """Whether readers have it at that moment and it was not announced yet."""
        return not self.opened and self.state_at(now) == ArticleState.ARTICLE_STATE_PUBLISHED

    def was_published_at(self, now: datetime) -> bool:
        """Whether readers have it at that moment, or had it before."""
        return self.opened or self.state_at(now) == ArticleState.ARTICLE_STATE_PUBLISHED

    def until(self, latest: datetime) -> datetime:
        """The moment, or its expiry if that is earlier."""
        expiry = self.draft.expire_time
        return latest if expiry is None else min(expiry, latest)

    def without_text(self) -> Article:
        """With nothing of what it says but its title."""
        return replace(self, draft=replace(self.draft, content=Content(title=self.draft.content.title, body_html="")))

    def updated(self, draft: Draft, now: datetime) -> Article:
        """With another draft."""
        return replace(self._after(ArticleAction.ARTICLE_ACTION_UPDATE, now), draft=draft)

    def require_deletable(self, now: datetime) -> None:
        """Raise WrongState unless it may be deleted."""
        self._after(ArticleAction.ARTICLE_ACTION_DELETE, now)

    def submitted(self, now: datetime) -> Article:
        """Given to those who may publish it."""
        return self._after(ArticleAction.ARTICLE_ACTION_SUBMIT, now)

    def returned(self, reason: str, now: datetime) -> Article:
        """Given back to its editors."""
        draft = self._after(ArticleAction.ARTICLE_ACTION_RETURN, now)
        return replace(draft, return_reason=reason, publish_time=None, version=0, unread_below=0)

    def published(self, publish_time: datetime | None, now: datetime) -> Article:
        """Approved, to appear at that time; at once if it is None or past. Raises ExpiryPassed."""
        after = self._after(ArticleAction.ARTICLE_ACTION_PUBLISH, now)
        appears = now if publish_time is None else max(publish_time, now)
        expiry = self.draft.expire_time
        if expiry is not None and expiry <= appears:
            raise ExpiryPassed(expiry)
        return replace(after, publish_time=appears, version=1, unread_below=1)

    def corrected(self, content: Content, unread_again: bool, now: datetime) -> Article:
        """With a new version of what it says."""
        after = self._after(ArticleAction.ARTICLE_ACTION_CORRECT, now)
        version = self.version + 1
        return replace(
            after,
            draft=replace(self.draft, content=content),
            version=version,
            unread_below=version if unread_again else self.unread_below,
        )

    def withdrawn(self, reason: str, now: datetime) -> Article:
        """Taken back."""
        return replace(self._after(ArticleAction.ARTICLE_ACTION_WITHDRAW, now), withdraw_reason=reason)

    def _after(self, action: ArticleAction, now: datetime) -> Article:
        """Raises WrongState."""
        (actor,) = LIFE.actors_of(action)
        state = LIFE.advance(self.state_at(now), action, actor)
        return replace(self, stored_state=state, sequence=self.sequence + 1, update_time=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An article as readers had it."""

    article: str
    """The article's id."""
    number: int
    content: Content
    correction_note: str = ""
    publish_time: datetime

    @property
    def name(self) -> str:
        """``articles/{article}/versions/{version}``."""
        return _VERSION.name(self.article, self.number)


def state_at(
    stored: ArticleState, publish_time: datetime | None, expire_time: datetime | None, now: datetime
) -> ArticleState:
    """Where an article stands at that moment: of those that are stored as published, the clock alone says it.

    ``store.articles`` says the same in SQL; a test compares the two.
    """
    if stored != ArticleState.ARTICLE_STATE_PUBLISHED or publish_time is None:
        return stored
    if expire_time is not None and expire_time <= now:
        return ArticleState.ARTICLE_STATE_EXPIRED
    if now < publish_time:
        return ArticleState.ARTICLE_STATE_SCHEDULED
    return ArticleState.ARTICLE_STATE_PUBLISHED
