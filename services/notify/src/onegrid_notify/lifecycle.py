"""The life of an article (稿件) as data: who may do what when, and where it leads.

Time does the rest: what is published for later is SCHEDULED until then, and what has an expiry ends there.
"""

from __future__ import annotations

from typing import Final

from onegrid.notify.v1.resources_pb2 import ArticleAction, ArticleActor, ArticleState
from onegrid_kit.lifecycle import Lifecycle, Rule, stays
from onegrid_notify.errors import WrongState

__all__ = ["LIFE"]

_DRAFT: Final = ArticleState.ARTICLE_STATE_DRAFT
_IN_REVIEW: Final = ArticleState.ARTICLE_STATE_IN_REVIEW
_SCHEDULED: Final = ArticleState.ARTICLE_STATE_SCHEDULED
_PUBLISHED: Final = ArticleState.ARTICLE_STATE_PUBLISHED
_WITHDRAWN: Final = ArticleState.ARTICLE_STATE_WITHDRAWN
_EDITOR: Final = (ArticleActor.ARTICLE_ACTOR_EDITOR,)
_PUBLISHER: Final = (ArticleActor.ARTICLE_ACTOR_PUBLISHER,)

LIFE: Final[Lifecycle[ArticleState, ArticleAction, ArticleActor]] = Lifecycle(
    ArticleState,
    ArticleAction,
    ArticleActor,
    (
        Rule(ArticleAction.ARTICLE_ACTION_UPDATE, _EDITOR, stays(_DRAFT)),
        # It is gone then, and in no state any more.
        Rule(ArticleAction.ARTICLE_ACTION_DELETE, _EDITOR, stays(_DRAFT)),
        Rule(ArticleAction.ARTICLE_ACTION_SUBMIT, _EDITOR, {_DRAFT: _IN_REVIEW}),
        Rule(ArticleAction.ARTICLE_ACTION_RETURN, _PUBLISHER, {_IN_REVIEW: _DRAFT, _SCHEDULED: _DRAFT}),
        Rule(ArticleAction.ARTICLE_ACTION_PUBLISH, _PUBLISHER, {_IN_REVIEW: _PUBLISHED}),
        Rule(ArticleAction.ARTICLE_ACTION_CORRECT, _PUBLISHER, stays(_PUBLISHED)),
        Rule(ArticleAction.ARTICLE_ACTION_WITHDRAW, _PUBLISHER, dict.fromkeys((_SCHEDULED, _PUBLISHED), _WITHDRAWN)),
    ),
    wrong_state=WrongState,
)
"""Every step that an article can take after it was begun."""
