"""Who writes an article, who publishes it, and who may know that it is there."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from onegrid_kit.callers import Caller
from onegrid_notify.article import Article
from onegrid_notify.errors import WrongState
from onegrid_notify.lifecycle import LIFE
from onegrid_notify.voice import places_to_publish

__all__ = ["ADDRESS_PARTY", "EDIT", "is_office", "require_office", "require_publisher", "require_was_published"]

EDIT: Final = "notify.articles.edit"
_PUBLISH: Final = "notify.articles.publish"
ADDRESS_PARTY: Final = "notify.party.address"
"""Who holds it over a place or department addresses and counts members of the Party's organizations there, learns who
they are, and writes for those organizations.
"""


def is_office(caller: Caller, article: Article) -> bool:
    """Whether the caller may write or publish articles of its owner, or of the organization that speaks in it."""
    may = caller.may(EDIT, article.owner) or caller.may(_PUBLISH, article.owner)
    return may and (not article.draft.organization or caller.may(ADDRESS_PARTY, article.owner))


def require_office(caller: Caller, permission: str, article: Article) -> None:
    """Raise PermissionDenied unless the permission is held over the article's owner; where an organization speaks in
    it, also the one to write for that.
    """
    caller.require(permission, article.owner)
    if article.draft.organization:
        caller.require(ADDRESS_PARTY, article.owner)


def require_publisher(caller: Caller, permission: str, article: Article) -> None:
    """Raise PermissionDenied unless the permission is held over the article's owner and every place of its audience;
    without one, over the district.
    """
    require_office(caller, permission, article)
    for place in places_to_publish(article):
        caller.require(permission, place)


def require_was_published(article: Article, now: datetime) -> None:
    """Raise WrongState for an article that readers never had."""
    if not article.was_published_at(now):
        state = article.state_at(now)
        raise WrongState(state, LIFE.allowed(state))
