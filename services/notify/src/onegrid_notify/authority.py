"""Who writes an article, who publishes it, and who may know that it is there."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from onegrid_kit.callers import Caller
from onegrid_notify.article import Article
from onegrid_notify.errors import WrongState
from onegrid_notify.lifecycle import LIFE

__all__ = ["EDIT", "is_office", "require_office", "require_publisher", "require_was_published"]

EDIT: Final = "notify.articles.edit"
_PUBLISH: Final = "notify.articles.publish"


def is_office(caller: Caller, article: Article) -> bool:
    """Whether the caller may write or publish articles of its owner."""
    return caller.may(EDIT, article.owner) or caller.may(_PUBLISH, article.owner)


def require_office(caller: Caller, permission: str, article: Article) -> None:
    """Raise PermissionDenied unless the permission is held over the article's owner."""
    caller.require(permission, article.owner)


def require_publisher(caller: Caller, permission: str, article: Article) -> None:
    """Raise PermissionDenied unless the permission is held over the article's owner and every place of its audience;
    without one, over the district.
    """
    require_office(caller, permission, article)
    audience = article.draft.audience
    for place in (article.district,) if audience is None else audience.places:
        caller.require(permission, place)


def require_was_published(article: Article, now: datetime) -> None:
    """Raise WrongState for an article that readers never had."""
    if not article.was_published_at(now):
        state = article.state_at(now)
        raise WrongState(state, LIFE.allowed(state))
