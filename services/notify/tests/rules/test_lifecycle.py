"""Every state and action of an article, walked one by one, and what the clock makes of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onegrid.notify.v1.resources_pb2 import ArticleAction, ArticleActor, ArticleState
from onegrid_notify.article import Article, Content, Draft, state_at
from onegrid_notify.errors import ExpiryPassed, WrongState
from onegrid_notify.lifecycle import LIFE

STATES = [state for state in ArticleState.values() if state]
ACTIONS = [action for action in ArticleAction.values() if action]
ACTORS = [actor for actor in ArticleActor.values() if actor]
DRAFT, IN_REVIEW, SCHEDULED, PUBLISHED, EXPIRED, WITHDRAWN = STATES
UPDATE, SUBMIT, RETURN, PUBLISH, CORRECT, WITHDRAW, DELETE = ACTIONS
EDITOR, PUBLISHER = ACTORS
NOON = datetime(2020, 11, 11, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Written out by hand, apart from the rules, so that a slip there shows here.
EXPECTED = {
    (UPDATE, EDITOR, DRAFT): DRAFT,
    (DELETE, EDITOR, DRAFT): DRAFT,
    (SUBMIT, EDITOR, DRAFT): IN_REVIEW,
    (RETURN, PUBLISHER, IN_REVIEW): DRAFT,
    (RETURN, PUBLISHER, SCHEDULED): DRAFT,
    (PUBLISH, PUBLISHER, IN_REVIEW): PUBLISHED,
    (CORRECT, PUBLISHER, PUBLISHED): PUBLISHED,
    (WITHDRAW, PUBLISHER, SCHEDULED): WITHDRAWN,
    (WITHDRAW, PUBLISHER, PUBLISHED): WITHDRAWN,
}


@pytest.mark.parametrize("state", STATES, ids=ArticleState.Name)
@pytest.mark.parametrize("action", ACTIONS, ids=ArticleAction.Name)
@pytest.mark.parametrize("actor", ACTORS, ids=ArticleActor.Name)
def test_each_step_leads_to_its_state_or_names_the_allowed_actions(
    state: ArticleState, action: ArticleAction, actor: ArticleActor
) -> None:
    expected = EXPECTED.get((action, actor, state))
    if expected is not None:
        assert LIFE.advance(state, action, actor) == expected
        return
    with pytest.raises(WrongState) as refused:
        LIFE.advance(state, action, actor)
    possible = {each for each, _, before in EXPECTED if before == state}
    assert set(refused.value.details[0].allowed_actions) == possible


def moments() -> st.SearchStrategy[datetime]:
    return st.integers(-3, 3).map(lambda hours: NOON + hours * HOUR)


@given(st.sampled_from([DRAFT, IN_REVIEW, WITHDRAWN]), st.none() | moments(), st.none() | moments(), moments())
def test_time_moves_only_what_was_approved(
    stored: ArticleState, publish: datetime | None, expire: datetime | None, now: datetime
) -> None:
    assert state_at(stored, publish, expire, now) == stored


@given(moments(), st.none() | moments(), moments())
def test_readers_have_an_article_from_its_time_until_it_expires(
    publish: datetime, expire: datetime | None, now: datetime
) -> None:
    state = state_at(PUBLISHED, publish, expire, now)
    assert (state == PUBLISHED) == (publish <= now and (expire is None or now < expire))
    assert state in (SCHEDULED, PUBLISHED, EXPIRED)


class AnyArticle(RuleBasedStateMachine):
    """Whatever is tried, in whatever order and at whatever time, an article is in a state that its history allows."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.article = Article(
            district="210602",
            id="210602-20201111-00000000",
            owner="210602",
            stored_state=DRAFT,
            draft=a_draft(None),
            create_time=NOON,
            update_time=NOON,
        )

    @rule(hours=st.integers(0, 3))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(
        # A deleted one is nothing any more.
        action=st.sampled_from([action for action in ACTIONS if action != DELETE]),
        expire=st.none() | st.integers(-1, 4),
        publish=st.none() | st.integers(-1, 4),
    )
    def attempt(self, action: ArticleAction, expire: int | None, publish: int | None) -> None:
        before, now = self.article, self.now
        try:
            after = {
                UPDATE: lambda: before.updated(a_draft(None if expire is None else now + expire * HOUR), now),
                SUBMIT: lambda: before.submitted(now),
                RETURN: lambda: before.returned("退改", now),
                PUBLISH: lambda: before.published(None if publish is None else now + publish * HOUR, now),
                CORRECT: lambda: before.corrected(before.draft.content, publish is None, now),
                WITHDRAW: lambda: before.withdrawn("有误", now),
            }[action]()
        except ExpiryPassed:
            assert action == PUBLISH
        except WrongState:
            assert all((action, actor, before.state_at(now)) not in EXPECTED for actor in ACTORS)
        else:
            self.article = after
            assert after.sequence == before.sequence + 1
            assert after.update_time == now

    @invariant()
    def what_is_approved_expires_after_it_appears(self) -> None:
        article = self.article
        if article.stored_state == PUBLISHED and article.draft.expire_time is not None:
            assert article.publish_time is not None
            assert article.publish_time < article.draft.expire_time

    @invariant()
    def a_draft_has_no_time_and_no_version(self) -> None:
        if self.article.stored_state in (DRAFT, IN_REVIEW):
            assert (self.article.publish_time, self.article.version) == (None, 0)
        else:
            assert self.article.version >= self.article.unread_below >= 1


def a_draft(expire_time: datetime | None) -> Draft:
    return Draft(
        column="columns/210602-news", content=Content(title="题", body_html="<p>文</p>"), expire_time=expire_time
    )


TestAnyArticle = AnyArticle.TestCase
