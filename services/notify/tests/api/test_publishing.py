"""Articles from the first draft until they are withdrawn, over real gRPC and a real database."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import grpc
import pytest

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.error_reason_pb2 import WrongState
from onegrid.notify.v1.events_pb2 import ArticleCorrected, ArticlePublished, ArticleWithdrawn
from onegrid.notify.v1.resources_pb2 import Article, ArticleAction, ArticleState

from .editors import (
    ARCHIVED,
    CLERK,
    COMMANDER,
    DISTRICT,
    ELSEWHERE,
    JOBS,
    NEWS,
    OFFICE,
    OTHER_CLERK,
    OTHER_STREET,
    OTHER_STREET_DESK,
    RESIDENT,
    SECTION,
    STRANGER,
    STREET,
    STREET_DESK,
    TO_STREET,
    Newsroom,
    Refused,
    drafted,
)

DRAFT, IN_REVIEW, SCHEDULED, PUBLISHED, EXPIRED, WITHDRAWN = (
    state for state in ArticleState.values() if state != ArticleState.ARTICLE_STATE_UNSPECIFIED
)
HOUR = timedelta(hours=1)


async def refused(newsroom: Newsroom, caller: Any, method: str, **fields: Any) -> Refused:
    with pytest.raises(Refused) as found:
        await newsroom.call(caller, method, **fields)
    return found.value


async def test_a_clerk_drafts_and_the_command_centre_publishes(newsroom: Newsroom) -> None:
    draft = await newsroom.draft(CLERK, OFFICE, push=True, urgent=True)
    assert draft.state == DRAFT
    assert draft.name.startswith(f"articles/{DISTRICT}-20201111-")
    assert not newsroom.announced()
    changed = await newsroom.call(CLERK, "UpdateArticle", name=draft.name, draft=drafted(column=JOBS, push=True))
    assert (changed.article.column, changed.article.urgent) == (JOBS, False)
    assert changed.article.etag != draft.etag
    submitted = await newsroom.call(CLERK, "SubmitArticle", name=draft.name)
    assert submitted.article.state == IN_REVIEW
    published = (await newsroom.call(COMMANDER, "PublishArticle", name=draft.name)).article
    assert (published.state, published.version) == (PUBLISHED, 1)
    assert published.publish_time.ToDatetime(newsroom.now.tzinfo) == newsroom.now
    (event,) = newsroom.announced(draft.name)
    assert event == ArticlePublished(
        article=draft.name,
        column=JOBS,
        owner=OFFICE,
        title="惠企政策",
        push=True,
        publish_time=published.publish_time,
    )
    assert newsroom.signals(published) == [False]


async def test_each_step_in_a_wrong_state_names_what_can_be_done(newsroom: Newsroom) -> None:
    draft = await newsroom.draft()
    error = await refused(newsroom, COMMANDER, "PublishArticle", name=draft.name)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_STATE")
    assert error.metadata == {"state": "DRAFT", "allowed_actions": "UPDATE,SUBMIT,DELETE"}
    detail = WrongState()
    error.details["WrongState"].Unpack(detail)
    assert detail == WrongState(
        state=DRAFT,
        allowed_actions=[
            ArticleAction.ARTICLE_ACTION_UPDATE,
            ArticleAction.ARTICLE_ACTION_SUBMIT,
            ArticleAction.ARTICLE_ACTION_DELETE,
        ],
    )


async def test_what_nobody_reads_yet_goes_back_to_its_editors_with_the_reason(newsroom: Newsroom) -> None:
    waiting = await newsroom.submitted(CLERK, OFFICE)
    returned = await newsroom.call(COMMANDER, "ReturnArticle", name=waiting.name, reason="请补充附件")
    assert (returned.article.state, returned.article.return_reason) == (DRAFT, "请补充附件")
    scheduled = await newsroom.published(publish_time=newsroom.now + HOUR)
    returned = await newsroom.call(COMMANDER, "ReturnArticle", name=scheduled.name, reason="改期")
    assert not returned.article.HasField("publish_time")
    newsroom.wait(2 * HOUR)
    newsroom.open_articles()
    assert await newsroom.listed(RESIDENT) == []
    assert not newsroom.announced()
    await newsroom.call(COMMANDER, "SubmitArticle", name=scheduled.name)
    again = (await newsroom.call(COMMANDER, "PublishArticle", name=scheduled.name)).article
    assert again.version == 1
    assert await newsroom.listed(RESIDENT) == [again.name]


async def test_a_draft_is_deleted_for_good(newsroom: Newsroom) -> None:
    draft = await newsroom.draft(CLERK, OFFICE)
    returned = await newsroom.published(publish_time=newsroom.now + HOUR)
    await newsroom.call(COMMANDER, "ReturnArticle", name=returned.name, reason="改期")
    error = await refused(newsroom, OTHER_CLERK, "DeleteArticle", name=draft.name)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED
    error = await refused(newsroom, CLERK, "DeleteArticle", name=draft.name, etag="9999")
    assert error.reason == "STALE_ETAG"
    fields = {"name": draft.name, "etag": draft.etag, "request_id": str(uuid.uuid4())}
    first, second = [await newsroom.call(CLERK, "DeleteArticle", **fields) for _ in range(2)]
    assert first == second
    await newsroom.call(COMMANDER, "DeleteArticle", name=returned.name)
    for name in (draft.name, returned.name):
        for method in ("GetArticle", "DeleteArticle", "SubmitArticle"):
            assert (await refused(newsroom, COMMANDER, method, name=name)).reason == "NOT_FOUND"
    assert not (await newsroom.call(COMMANDER, "ListOwnedArticles", owner=DISTRICT)).articles
    assert not newsroom.announced()


async def test_only_a_draft_is_deleted(newsroom: Newsroom) -> None:
    scheduled = await newsroom.published(publish_time=newsroom.now + HOUR)
    published = await newsroom.published(expire_time=newsroom.now + HOUR)
    withdrawn = await newsroom.published()
    await newsroom.call(COMMANDER, "WithdrawArticle", name=withdrawn.name, reason="有误")
    for article, state in (
        (await newsroom.submitted(), "IN_REVIEW"),
        (scheduled, "SCHEDULED"),
        (published, "PUBLISHED"),
        (withdrawn, "WITHDRAWN"),
    ):
        error = await refused(newsroom, COMMANDER, "DeleteArticle", name=article.name)
        assert (error.code, error.metadata["state"]) == (grpc.StatusCode.FAILED_PRECONDITION, state)
    newsroom.wait(HOUR)
    error = await refused(newsroom, COMMANDER, "DeleteArticle", name=published.name)
    assert error.metadata["state"] == "EXPIRED"


async def test_of_two_publishers_at_once_one_publishes(newsroom: Newsroom) -> None:
    article = await newsroom.submitted()
    outcomes = await asyncio.gather(
        *(newsroom.call(COMMANDER, "PublishArticle", name=article.name) for _ in range(8)), return_exceptions=True
    )
    refusals = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert [refusal.reason for refusal in refusals] == ["WRONG_STATE"] * 7
    assert len(newsroom.announced(article.name)) == 1


async def test_a_repeated_request_is_done_once_and_answered_the_same(newsroom: Newsroom) -> None:
    fields: dict[str, Any] = {"owner": DISTRICT, "draft": drafted(), "request_id": str(uuid.uuid4())}
    first, second = [await newsroom.call(COMMANDER, "CreateArticle", **fields) for _ in range(2)]
    assert first == second
    name = first.article.name
    for method, more in (
        ("UpdateArticle", {"draft": drafted(pinned=True, push=True)}),
        ("SubmitArticle", {}),
        ("PublishArticle", {}),
        ("CorrectArticle", {"content": drafted()["content"], "correction_note": "更正"}),
        ("WithdrawArticle", {"reason": "有误"}),
    ):
        again: dict[str, Any] = {"name": name, "request_id": str(uuid.uuid4()), **more}
        first, second = [await newsroom.call(COMMANDER, method, **again) for _ in range(2)]
        assert first == second
    types = [type(event) for event in newsroom.announced(name)]
    assert types == [ArticlePublished, ArticleCorrected, ArticleWithdrawn]
    assert newsroom.signals(first.article) == [False, False, True]
    error = await refused(newsroom, COMMANDER, "WithdrawArticle", **{**again, "reason": "另一原因"})
    assert error.reason == "REQUEST_ID_REUSED"


async def test_a_stale_etag_changes_nothing(newsroom: Newsroom) -> None:
    draft = await newsroom.draft()
    await newsroom.call(COMMANDER, "UpdateArticle", name=draft.name, draft=drafted(), etag=draft.etag)
    for method, more in (
        ("UpdateArticle", {"draft": drafted()}),
        ("SubmitArticle", {}),
        ("ReturnArticle", {"reason": "退改"}),
        ("PublishArticle", {}),
        ("CorrectArticle", {"content": drafted()["content"], "correction_note": "更正"}),
        ("WithdrawArticle", {"reason": "有误"}),
    ):
        error = await refused(newsroom, COMMANDER, method, name=draft.name, etag=draft.etag, **more)
        assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "STALE_ETAG")


@pytest.mark.parametrize("column", [f"columns/{DISTRICT}-nowhere", SECTION, ARCHIVED, "columns/210603-news"])
async def test_an_article_needs_a_column_of_the_district_that_is_in_use(newsroom: Newsroom, column: str) -> None:
    error = await refused(newsroom, COMMANDER, "CreateArticle", owner=DISTRICT, draft=drafted(column=column))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "COLUMN_UNUSABLE")
    assert error.metadata == {"column": column}
    assert error.fields == ["draft.column"]
    draft = await newsroom.draft()
    error = await refused(newsroom, COMMANDER, "UpdateArticle", name=draft.name, draft=drafted(column=column))
    assert error.reason == "COLUMN_UNUSABLE"


async def test_a_column_that_was_archived_meanwhile_gets_nothing_new(newsroom: Newsroom) -> None:
    waiting = await newsroom.submitted()
    await newsroom.call(
        COMMANDER,
        "DefineColumn",
        column={"name": NEWS, "display_name": "通知公告", "parent": SECTION, "archived": True},
    )
    error = await refused(newsroom, COMMANDER, "PublishArticle", name=waiting.name)
    assert error.reason == "COLUMN_UNUSABLE"


async def test_an_audience_names_places_that_the_district_has(newsroom: Newsroom) -> None:
    for place in ("210602999", "210603", "210602D99"):
        audience = {"any_of": [{"places": [STREET, place]}]}
        error = await refused(newsroom, COMMANDER, "CreateArticle", owner=DISTRICT, draft=drafted(audience=audience))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PLACE_UNKNOWN")
        assert error.metadata == {"place": place}
        assert error.fields == ["draft.audience"]
    error = await refused(newsroom, COMMANDER, "CreateArticle", owner="210602D99", draft=drafted())
    assert (error.reason, error.metadata, error.fields) == ("PLACE_UNKNOWN", {"place": "210602D99"}, ["owner"])


async def test_a_text_of_which_nothing_is_left_is_refused(newsroom: Newsroom) -> None:
    content = {"title": "空", "body_html": "<script>alert(1)</script><p> &nbsp;</p>"}
    error = await refused(newsroom, COMMANDER, "CreateArticle", owner=DISTRICT, draft=drafted(content=content))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "BODY_EMPTY")
    assert error.fields == ["draft.content.body_html"]
    published = await newsroom.published()
    error = await refused(
        newsroom, COMMANDER, "CorrectArticle", name=published.name, content=content, correction_note="更正"
    )
    assert error.fields == ["content.body_html"]


async def test_what_comes_back_is_what_readers_get(newsroom: Newsroom) -> None:
    html = (
        '<h1 onclick="x()">题</h1><a href="javascript:x()">链</a><a href="https://a.example/">网</a><iframe></iframe>'
    )
    article = await newsroom.published(content={"body_html": html})
    shown = (
        '<h1>题</h1><a rel="noopener noreferrer">链</a><a href="https://a.example/" rel="noopener noreferrer">网</a>'
    )
    assert article.content.body_html == shown
    got = (await newsroom.call(RESIDENT, "GetArticle", name=article.name)).article
    assert got.content == article.content


async def test_an_expiry_before_the_article_would_appear_is_refused(newsroom: Newsroom) -> None:
    article = await newsroom.submitted(expire_time=newsroom.now + HOUR)
    error = await refused(newsroom, COMMANDER, "PublishArticle", name=article.name, publish_time=newsroom.now + HOUR)
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "EXPIRY_PASSED")
    assert error.metadata == {"expire_time": article.expire_time.ToJsonString()}
    newsroom.wait(HOUR)
    assert (await refused(newsroom, COMMANDER, "PublishArticle", name=article.name)).reason == "EXPIRY_PASSED"


async def test_one_edits_what_lies_in_ones_scope_alone(newsroom: Newsroom) -> None:
    article = await newsroom.draft(CLERK, OFFICE)
    assert (await refused(newsroom, CLERK, "CreateArticle", owner=DISTRICT, draft=drafted())).reason == (
        "PERMISSION_DENIED"
    )
    for caller in (OTHER_CLERK, STREET_DESK, RESIDENT):
        for method, more in (("UpdateArticle", {"draft": drafted()}), ("SubmitArticle", {})):
            error = await refused(newsroom, caller, method, name=article.name, **more)
            assert error.code == grpc.StatusCode.PERMISSION_DENIED
    assert (await refused(newsroom, CLERK, "PublishArticle", name=article.name)).code == (
        grpc.StatusCode.PERMISSION_DENIED
    )


@pytest.mark.parametrize(
    ("owner", "audience"),
    [
        (STREET, None),
        (STREET, {"any_of": [{"places": [STREET]}, {"places": [OTHER_STREET]}]}),
        (OTHER_STREET, TO_STREET),
    ],
)
async def test_one_publishes_only_for_places_in_ones_scope(newsroom: Newsroom, owner: str, audience: Any) -> None:
    waiting = await newsroom.submitted(COMMANDER, owner, audience=audience)
    steps: list[tuple[str, dict[str, Any]]] = [("ReturnArticle", {"reason": "退改"}), ("PublishArticle", {})]
    for method, more in steps:
        error = await refused(newsroom, STREET_DESK, method, name=waiting.name, **more)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED
    await newsroom.call(COMMANDER, "PublishArticle", name=waiting.name)
    steps = [
        ("CorrectArticle", {"content": drafted()["content"], "correction_note": "更正"}),
        ("WithdrawArticle", {"reason": "有误"}),
    ]
    for method, more in steps:
        error = await refused(newsroom, STREET_DESK, method, name=waiting.name, **more)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_street_publishes_to_its_own_people(newsroom: Newsroom) -> None:
    article = await newsroom.published(STREET_DESK, STREET, audience=TO_STREET)
    newsroom.live(RESIDENT, "210602003007")
    newsroom.live(ELSEWHERE, OTHER_STREET)
    assert await newsroom.listed(RESIDENT) == [article.name]
    assert await newsroom.listed(ELSEWHERE) == []
    await newsroom.call(RESIDENT, "GetArticle", name=article.name)
    for caller in (ELSEWHERE, STRANGER, OTHER_STREET_DESK):
        for method, field in (("GetArticle", "name"), ("ListArticleVersions", "article")):
            error = await refused(newsroom, caller, method, **{field: article.name})
            assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_whether_an_article_exists_learns_only_who_may_see_all_of_them(newsroom: Newsroom) -> None:
    name = f"articles/{DISTRICT}-20201111-00000000"
    for method, field in (("GetArticle", "name"), ("ListArticleVersions", "article"), ("SubmitArticle", "name")):
        assert (await refused(newsroom, COMMANDER, method, **{field: name})).code == grpc.StatusCode.NOT_FOUND
        for caller in (CLERK, RESIDENT):
            error = await refused(newsroom, caller, method, **{field: name})
            assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_a_scheduled_article_appears_and_goes_by_the_clock_alone(newsroom: Newsroom) -> None:
    start = newsroom.now
    article = await newsroom.published(publish_time=start + HOUR, expire_time=start + 3 * HOUR, push=True)
    assert article.state == SCHEDULED
    assert (await refused(newsroom, RESIDENT, "GetArticle", name=article.name)).reason == "PERMISSION_DENIED"
    assert await newsroom.listed(RESIDENT) == []
    newsroom.wait(HOUR)
    assert (await newsroom.call(RESIDENT, "GetArticle", name=article.name)).article.state == PUBLISHED
    assert await newsroom.listed(RESIDENT) == [article.name]
    newsroom.wait(2 * HOUR)
    assert await newsroom.listed(RESIDENT) == []
    assert (await refused(newsroom, RESIDENT, "GetArticle", name=article.name)).reason == "PERMISSION_DENIED"
    assert (await newsroom.call(COMMANDER, "GetArticle", name=article.name)).article.state == EXPIRED
    error = await refused(newsroom, COMMANDER, "WithdrawArticle", name=article.name, reason="有误")
    assert error.metadata == {"state": "EXPIRED", "allowed_actions": ""}


async def test_a_scheduled_article_is_announced_once_when_its_time_comes(newsroom: Newsroom) -> None:
    article = await newsroom.published(publish_time=newsroom.now + HOUR, push=True)
    newsroom.open_articles()
    assert not newsroom.announced()
    newsroom.wait(HOUR)
    # Two replicas, each again and again.
    await asyncio.gather(*(asyncio.to_thread(newsroom.open_articles) for _ in range(6)))
    newsroom.open_articles()
    assert [type(event) for event in newsroom.announced(article.name)] == [ArticlePublished]
    assert newsroom.signals(article) == [False]


async def test_what_expired_before_it_was_announced_is_never_announced(newsroom: Newsroom) -> None:
    start = newsroom.now
    article = await newsroom.published(publish_time=start + HOUR, expire_time=start + 2 * HOUR, push=True)
    newsroom.wait(2 * HOUR)
    newsroom.open_articles()
    assert not newsroom.announced()
    assert newsroom.signals(article) == []
    assert await newsroom.listed(RESIDENT) == []


@pytest.mark.parametrize("method", ["CorrectArticle", "WithdrawArticle"])
async def test_what_appeared_by_the_clock_is_announced_before_its_change(newsroom: Newsroom, method: str) -> None:
    article = await newsroom.published(publish_time=newsroom.now + HOUR, push=True)
    newsroom.wait(HOUR)
    changes: dict[str, Any] = {
        "CorrectArticle": {"content": drafted()["content"], "correction_note": "更正"},
        "WithdrawArticle": {"reason": "有误"},
    }
    await newsroom.call(COMMANDER, method, name=article.name, **changes[method])
    newsroom.open_articles()
    first, second = newsroom.announced(article.name)
    assert isinstance(first, ArticlePublished)
    assert isinstance(second, ArticleCorrected | ArticleWithdrawn)


async def test_a_correction_is_there_at_once_and_keeps_the_version_before(newsroom: Newsroom) -> None:
    article = await newsroom.published(push=True)
    newsroom.wait(HOUR)
    content = drafted(content={"title": "更正的标题", "body_html": "<p>更正</p>"})["content"]
    corrected = (
        await newsroom.call(COMMANDER, "CorrectArticle", name=article.name, content=content, correction_note="日期有误")
    ).article
    assert (corrected.version, corrected.state) == (2, PUBLISHED)
    assert corrected.publish_time == article.publish_time
    got = (await newsroom.call(RESIDENT, "GetArticle", name=article.name)).article
    assert got.content == corrected.content
    assert got.content.title == "更正的标题"
    versions = (await newsroom.call(RESIDENT, "ListArticleVersions", article=article.name)).versions
    assert [(each.name, each.content.title, each.correction_note) for each in versions] == [
        (f"{article.name}/versions/2", "更正的标题", "日期有误"),
        (f"{article.name}/versions/1", "惠企政策", ""),
    ]
    assert versions[1].content.body_html == "<p>正文</p>"
    first = await newsroom.call(RESIDENT, "ListArticleVersions", article=article.name, page_size=1)
    rest = await newsroom.call(RESIDENT, "ListArticleVersions", article=article.name, page_token=first.next_page_token)
    assert [*first.versions, *rest.versions] == list(versions)
    event = newsroom.announced(article.name)[-1]
    assert event == ArticleCorrected(article=article.name, version=2, title="更正的标题", note="日期有误")


async def test_readers_of_a_withdrawn_article_get_the_reason_in_place_of_the_text(newsroom: Newsroom) -> None:
    newsroom.live(RESIDENT, STREET)
    newsroom.live(ELSEWHERE, OTHER_STREET)
    for audience in (None, TO_STREET):
        article = await newsroom.published(audience=audience)
        withdrawn = (await newsroom.call(COMMANDER, "WithdrawArticle", name=article.name, reason="有误")).article
        assert (withdrawn.state, withdrawn.content.body_html) == (WITHDRAWN, "<p>正文</p>")
        assert await newsroom.listed(RESIDENT) == []
        got: Article = (await newsroom.call(RESIDENT, "GetArticle", name=article.name)).article
        assert (got.state, got.withdraw_reason, got.content.title) == (WITHDRAWN, "有误", "惠企政策")
        assert not got.content.body_html
        assert not got.content.summary
        assert not (await newsroom.call(RESIDENT, "ListArticleVersions", article=article.name)).versions
        assert newsroom.announced(article.name)[-1] == ArticleWithdrawn(article=article.name, reason="有误")
    error = await refused(newsroom, ELSEWHERE, "GetArticle", name=article.name)
    assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_of_a_scheduled_article_that_is_withdrawn_readers_never_hear(newsroom: Newsroom) -> None:
    article = await newsroom.published(publish_time=newsroom.now + HOUR, push=True)
    await newsroom.call(COMMANDER, "WithdrawArticle", name=article.name, reason="取消")
    newsroom.wait(2 * HOUR)
    newsroom.open_articles()
    assert not newsroom.announced()
    assert newsroom.signals(article) == []
    assert (await refused(newsroom, RESIDENT, "GetArticle", name=article.name)).reason == "PERMISSION_DENIED"


async def test_who_moves_away_keeps_an_article_and_who_moves_in_later_does_not_get_it(newsroom: Newsroom) -> None:
    newsroom.live(RESIDENT, STREET, end=newsroom.now + HOUR)
    newsroom.live(ELSEWHERE, STREET, begin=newsroom.now + HOUR)
    article = await newsroom.published(audience=TO_STREET)
    newsroom.wait(2 * HOUR)
    assert await newsroom.listed(RESIDENT) == [article.name]
    assert await newsroom.listed(ELSEWHERE) == []


async def test_what_has_no_audience_is_for_every_account_of_the_district(newsroom: Newsroom) -> None:
    article = await newsroom.published()
    assert await newsroom.listed(RESIDENT) == [article.name]
    assert await newsroom.listed(STRANGER) == []
    assert (await refused(newsroom, STRANGER, "GetArticle", name=article.name)).reason == "PERMISSION_DENIED"


async def test_readers_do_not_see_what_is_for_the_offices(newsroom: Newsroom) -> None:
    newsroom.live(RESIDENT, STREET)
    waiting = await newsroom.submitted(audience=TO_STREET)
    await newsroom.call(COMMANDER, "ReturnArticle", name=waiting.name, reason="退改")
    await newsroom.call(COMMANDER, "SubmitArticle", name=waiting.name)
    await newsroom.call(COMMANDER, "PublishArticle", name=waiting.name)
    for_reader = (await newsroom.call(RESIDENT, "GetArticle", name=waiting.name)).article
    assert not for_reader.return_reason
    assert not for_reader.HasField("audience")
    for_office = (await newsroom.call(STREET_DESK, "ListOwnedArticles", owner=STREET)).articles
    assert not for_office
    for_office = (await newsroom.call(COMMANDER, "GetArticle", name=waiting.name)).article
    assert for_office.return_reason == "退改"
    assert [each.places for each in for_office.audience.any_of] == [[STREET]]


async def test_the_largest_articles_are_answered_and_end_a_page_before_it_is_too_large(newsroom: Newsroom) -> None:
    file = {"filename": "𠀀" * 128, "media_type": "application/pdf", "size_bytes": 1, "sha256": bytes(32)}
    content = {
        "title": "𠀀" * 100,
        "summary": "𠀀" * 300,
        "body_html": f"<p>{'文' * 87_000}</p>",
        "attachments": [file] * 20,
    }
    selector = {"places": [DISTRICT], "roles": [f"roles/{'r' * 60}{number:02}" for number in range(20)]}
    article = await newsroom.published(content=content, audience={"any_of": [selector] * 20})
    for _ in range(20):
        await newsroom.call(COMMANDER, "CorrectArticle", name=article.name, content=content, correction_note="𠀀" * 500)
    numbers: list[str] = []
    token = ""
    while token or not numbers:
        answer = await newsroom.call(
            COMMANDER, "ListArticleVersions", article=article.name, page_size=500, page_token=token
        )
        assert answer.ByteSize() < 4 * 1024 * 1024
        numbers += [each.name.rpartition("/")[2] for each in answer.versions]
        token = answer.next_page_token
    assert numbers == [str(number) for number in range(21, 0, -1)]


async def test_a_reader_finds_a_sections_articles_in_pages_pinned_ones_first(newsroom: Newsroom) -> None:
    newsroom.live(RESIDENT, STREET)
    names: list[str] = []
    for number in range(7):
        newsroom.wait(HOUR)
        audience = TO_STREET if number % 2 else None
        column = NEWS if number % 3 else JOBS
        article = await newsroom.published(column=column, audience=audience, pinned=number in (1, 4))
        names.insert(0, article.name)
    pinned = [names[2], names[5]]
    expected = pinned + [name for name in names if name not in pinned]
    assert await newsroom.listed(RESIDENT, SECTION) == expected
    found: list[str] = []
    token = ""
    while token or not found:
        answer = await newsroom.call(RESIDENT, "ListArticles", column=SECTION, page_size=2, page_token=token)
        assert not any(article.content.body_html for article in answer.articles)
        assert all(article.content.summary for article in answer.articles)
        found += [article.name for article in answer.articles]
        token = answer.next_page_token
    assert found == expected
    assert await newsroom.listed(RESIDENT, JOBS) == [
        name for name in expected if name in (names[0], names[3], names[6])
    ]
    error = await refused(newsroom, RESIDENT, "ListArticles", column=f"columns/{DISTRICT}-nowhere")
    assert error.code == grpc.StatusCode.NOT_FOUND


async def test_an_office_finds_its_articles_and_those_inside_it_by_state(newsroom: Newsroom) -> None:
    draft = await newsroom.draft(CLERK, OFFICE)
    newsroom.wait(HOUR)
    waiting = await newsroom.submitted(STREET_DESK, STREET)
    scheduled = await newsroom.published(publish_time=newsroom.now + 3 * HOUR)
    newsroom.wait(HOUR)
    expiring = await newsroom.published(expire_time=newsroom.now + HOUR)

    async def owned(by: Any, owner: str, *states: int) -> list[str]:
        answer = await newsroom.call(by, "ListOwnedArticles", owner=owner, states=states)
        assert not any(article.content.body_html for article in answer.articles)
        return [article.name for article in answer.articles]

    assert await owned(COMMANDER, DISTRICT) == [
        *(each.name for each in (expiring, *sorted((scheduled, waiting), key=lambda each: each.name, reverse=True))),
        draft.name,
    ]
    assert await owned(CLERK, OFFICE) == [draft.name]
    assert await owned(STREET_DESK, STREET) == [waiting.name]
    assert await owned(COMMANDER, DISTRICT, PUBLISHED) == [expiring.name]
    assert await owned(COMMANDER, DISTRICT, SCHEDULED, DRAFT) == [scheduled.name, draft.name]
    newsroom.wait(2 * HOUR)
    assert await owned(COMMANDER, DISTRICT, EXPIRED) == [expiring.name]
    assert await owned(COMMANDER, DISTRICT, PUBLISHED) == [scheduled.name]
    for caller in (CLERK, RESIDENT):
        error = await refused(newsroom, caller, "ListOwnedArticles", owner=DISTRICT)
        assert error.code == grpc.StatusCode.PERMISSION_DENIED


async def test_an_article_keeps_by_which_channels_it_is_sent(newsroom: Newsroom) -> None:
    chosen = [Channel.CHANNEL_EMAIL, Channel.CHANNEL_DINGTALK]
    draft = await newsroom.draft(push=True, channels=chosen)
    found = await newsroom.call(COMMANDER, "GetArticle", name=draft.name)
    assert list(found.article.channels) == chosen
    error = await refused(newsroom, COMMANDER, "UpdateArticle", name=draft.name, draft=drafted(channels=chosen))
    assert error.code == grpc.StatusCode.INVALID_ARGUMENT
