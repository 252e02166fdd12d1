"""Pools, items and quizzes over real gRPC and a real database."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1.events_pb2 import QuizDefined
from onegrid.partyedu.v1.pools_pb2 import Item
from onegrid.partyedu.v1.quizzes_pb2 import QuizState
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.events import announced, forget_announced
from onegrid_kit.timestamps import timestamp

from .line import BRANCH, Line
from .people import (
    CITIZEN,
    COMMUNITY,
    COMMUNITY_DESK,
    DISTRICT,
    KEEPER,
    OTHER_STREET,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    SUPERVISOR,
    WORKER,
)
from .writing import DISTRICT_POOL, MULTIPLE, ORDERING, POOL, QUIZ, TRUE_FALSE, Writing, a_quiz, an_item, drawn, fixed

MEMBER = public("member", DISTRICT)
Q1 = f"{POOL}/items/q1"


@pytest.fixture
def writing(api: Serving) -> Writing:
    return Writing(api)


async def test_an_item_is_changed_by_new_revisions_and_the_old_ones_stay(writing: Writing) -> None:
    await writing.pool()
    first = await writing.item(an_item(Q1))
    assert (first.revision, first.key, first.etag) == (1, ["a"], "1")
    assert await writing.item(an_item(Q1)) == first
    second = await writing.item(an_item(Q1, key="b", etag=first.etag))
    assert (second.revision, second.key) == (2, ["b"])
    stale = await _refused(writing, "DefineItem", item=an_item(Q1, key="c", etag=first.etag))
    assert stale == "STALE_ETAG"
    as_it_was = (await writing.api.call(KEEPER, "GetItem", name=Q1, revision=1)).item
    assert (as_it_was.key, as_it_was.revision_time) == (["a"], first.revision_time)
    listed = (await writing.api.call(KEEPER, "ListItemRevisions", item=Q1)).items
    assert [each.revision for each in listed] == [2, 1]
    assert (await writing.api.call(KEEPER, "GetItem", name=Q1)).item == second
    assert await _refused(writing, "GetItem", name=Q1, revision=3) == "NOT_FOUND"


async def test_a_retired_item_is_in_use_again_once_it_is_defined_again(writing: Writing) -> None:
    (item,) = await writing.pool_of(1)
    retired = (await writing.api.call(KEEPER, "RetireItem", name=item.name, etag=item.etag)).item
    assert retired.HasField("retire_time")
    assert (await writing.api.call(KEEPER, "RetireItem", name=item.name)).item == retired
    assert await _counted(writing) == (0, [])
    item.etag = ""
    again = await writing.item(item)
    assert (again.revision, again.HasField("retire_time")) == (1, False)
    assert await _counted(writing) == (1, [item.name])


async def _counted(writing: Writing) -> tuple[int, list[str]]:
    pool = (await writing.api.call(KEEPER, "GetPool", name=POOL)).pool
    listed = (await writing.api.call(KEEPER, "ListItems", pool=POOL)).items
    return pool.item_count, [each.name for each in listed]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"key": "ab"}, "item.key"),
        ({"key": "e"}, "item.key"),
        ({"kind": MULTIPLE, "key": "abcd"}, "item.key"),
        ({"kind": ORDERING, "key": "abc"}, "item.key"),
        ({"kind": TRUE_FALSE}, "item.options"),
        ({"options": "aab"}, "item.options[1].id"),
    ],
)
async def test_an_item_has_a_key_that_fits_its_kind(writing: Writing, fields: dict[str, object], wrong: str) -> None:
    await writing.pool()
    with_options = an_item(Q1, **fields)  # type: ignore[arg-type]
    refused = await Line.refused(writing, KEEPER, "DefineItem", item=with_options)  # type: ignore[arg-type]
    assert refused.fields[0] == wrong


async def test_an_item_keeps_its_kind_and_names_nobody(writing: Writing) -> None:
    await writing.pool_of(2)
    other = an_item(Q1, kind=MULTIPLE)
    assert await _refused(writing, "DefineItem", item=other) == "INVALID_REQUEST"
    named = an_item(Q1, stem="请拨打 13800138000")
    assert await _refused(writing, "DefineItem", item=named) == "PERSON_IN_TEXT"


async def test_keys_are_shown_to_editors_alone(writing: Writing) -> None:
    await writing.pool_of(1)
    name = f"{POOL}/items/q0"
    for caller, shown in ((STREET_DESK, True), (SUPERVISOR, False)):
        for each in (
            (await writing.api.call(caller, "GetItem", name=name)).item,
            *(await writing.api.call(caller, "ListItems", pool=POOL)).items,
            *(await writing.api.call(caller, "ListItemRevisions", item=name)).items,
        ):
            assert isinstance(each, Item)
            assert (bool(each.key), bool(each.explanation)) == (shown, shown)
    for caller in (OTHER_STREET_DESK, COMMUNITY_DESK, CITIZEN, WORKER):
        assert await _refused(writing, "GetItem", caller, name=name) == "PERMISSION_DENIED"


async def test_a_quiz_is_drafted_published_closed_and_retired(writing: Writing, line: Line) -> None:
    items = await writing.pool_of(4)
    draft = await writing.quiz(a_quiz(fixed(items[0].name), drawn(3)))
    assert (draft.state, draft.revision) == (QuizState.QUIZ_STATE_DRAFT, 1)
    assert await writing.quiz(a_quiz(fixed(items[0].name), drawn(3))) == draft
    assert await _refused(writing, "CloseQuiz", name=QUIZ) == "QUIZ_WRONG_STATE"
    published = await writing.quiz(a_quiz(drawn(3), etag=draft.etag), publish=True)
    assert (published.state, published.revision) == (QuizState.QUIZ_STATE_PUBLISHED, 2)
    assert (await writing.api.call(KEEPER, "PublishQuiz", name=QUIZ)).quiz == published
    assert await _refused(writing, "RetireQuiz", name=QUIZ) == "QUIZ_WRONG_STATE"
    closed = (await writing.api.call(KEEPER, "CloseQuiz", name=QUIZ, etag=published.etag)).quiz
    assert closed.state == QuizState.QUIZ_STATE_CLOSED
    retired = (await writing.api.call(KEEPER, "RetireQuiz", name=QUIZ)).quiz
    assert retired.state == QuizState.QUIZ_STATE_RETIRED
    assert await _refused(writing, "PublishQuiz", name=QUIZ) == "QUIZ_WRONG_STATE"
    assert await _refused(writing, "DefineQuiz", quiz=a_quiz(drawn(2))) == "QUIZ_WRONG_STATE"
    heard = announced(line.engine)
    assert [each.quiz.state for each in heard] == [1, 1, 2, 3, 4]
    assert all(isinstance(each, QuizDefined) and not each.quiz.sections for each in heard)
    assert [each.version for each in heard] == [1, 2, 3, 4, 5]
    revisions = (await writing.api.call(KEEPER, "ListQuizRevisions", quiz=QUIZ)).quizzes
    assert [(each.revision, len(each.sections)) for each in revisions] == [(2, 1), (1, 2)]


async def test_a_quiz_is_published_only_if_its_sections_can_be_filled(writing: Writing) -> None:
    items = await writing.pool_of(3)
    await writing.quiz(a_quiz(fixed(items[0].name), drawn(3)))
    refused = await Line.refused(writing, KEEPER, "PublishQuiz", name=QUIZ)  # type: ignore[arg-type]
    assert (refused.reason, refused.metadata["section"], refused.metadata["items"]) == ("POOL_TOO_SMALL", "2", "2")
    await writing.quiz(a_quiz(fixed(items[0].name), drawn(2)), publish=True)
    # What it needs stays while it is published, and no revision of it asks for more.
    for item in items:
        assert await _refused(writing, "RetireItem", name=item.name) == "ITEM_IN_USE"
    assert await _refused(writing, "DefineQuiz", quiz=a_quiz(drawn(4))) == "POOL_TOO_SMALL"
    await writing.quiz(a_quiz(drawn(2)))
    await writing.api.call(KEEPER, "RetireItem", name=items[0].name)
    await writing.api.call(KEEPER, "CloseQuiz", name=QUIZ)
    await writing.quiz(a_quiz(fixed(items[0].name)))
    assert await _refused(writing, "PublishQuiz", name=QUIZ) == "ITEM_RETIRED"


async def test_a_quiz_that_is_over_is_not_published(writing: Writing, line: Line) -> None:
    await writing.pool_of(1)
    await writing.quiz(a_quiz(drawn(1), close_time=timestamp(line.clock.now())))
    assert await _refused(writing, "PublishQuiz", name=QUIZ) == "QUIZ_OVER"


@pytest.mark.parametrize(
    ("sections", "fields", "wrong"),
    [
        ([fixed(Q1), fixed(Q1)], {}, "quiz.sections[1].fixed.items[0]"),
        ([drawn(1, "pools/210603-history")], {}, "quiz.sections[0].drawn.pool"),
        ([drawn(150), drawn(51)], {}, "quiz.sections"),
        ([drawn(1)], {"minutes_allowed": 0}, "quiz.minutes_allowed"),
        ([fixed(*(f"{POOL}{n}/items/q" for n in range(21)))], {}, "quiz.sections"),
        ([drawn(1)], {"close_time": Timestamp(seconds=253_402_300_799)}, "quiz.close_time"),
    ],
)
async def test_a_quiz_is_one_that_can_be_taken(
    writing: Writing, sections: list[object], fields: dict[str, object], wrong: str
) -> None:
    await writing.pool_of(2)
    quiz = a_quiz(*sections, **fields)  # type: ignore[arg-type]
    refused = await Line.refused(writing, KEEPER, "DefineQuiz", quiz=quiz)  # type: ignore[arg-type]
    assert refused.fields == [wrong]


async def test_pools_above_are_for_all_below_and_those_of_others_for_who_may_read_them(writing: Writing) -> None:
    for pool in (DISTRICT_POOL, POOL, f"pools/{OTHER_STREET}-history"):
        await writing.pool_of(1, pool)
    await writing.quiz(a_quiz(drawn(1, DISTRICT_POOL)), STREET_DESK)
    of_community = a_quiz(drawn(1, POOL), name=f"quizzes/{COMMUNITY}-july")
    await writing.quiz(of_community, COMMUNITY_DESK)
    foreign = a_quiz(drawn(1, f"pools/{OTHER_STREET}-history"))
    assert await _refused(writing, "DefineQuiz", STREET_DESK, quiz=foreign) == "PERMISSION_DENIED"
    await writing.quiz(foreign, KEEPER)
    nowhere = a_quiz(drawn(1, f"pools/{STREET}-none"))
    assert await _refused(writing, "DefineQuiz", STREET_DESK, quiz=nowhere) == "NOT_FOUND"


async def test_members_see_published_quizzes_without_their_sections(writing: Writing, line: Line) -> None:
    await writing.pool_of(1)
    await writing.quiz(a_quiz(drawn(1)))
    assert await _refused(writing, "GetQuiz", MEMBER, name=QUIZ) == "PERMISSION_DENIED"
    line.know(MEMBER.user)
    await line.admit(BRANCH, user=MEMBER.user)
    assert await _refused(writing, "GetQuiz", MEMBER, name=QUIZ) == "NOT_FOUND"
    forget_announced(line.engine)
    await writing.api.call(KEEPER, "PublishQuiz", name=QUIZ)
    shown = (await writing.api.call(MEMBER, "GetQuiz", name=QUIZ)).quiz
    assert (shown.display_name, len(shown.sections)) == ("七一党史知识测试", 0)
    assert len((await writing.api.call(SUPERVISOR, "GetQuiz", name=QUIZ)).quiz.sections) == 1


async def test_quizzes_are_listed_by_the_places_that_give_them(writing: Writing) -> None:
    await writing.pool_of(1, DISTRICT_POOL)
    names = [f"quizzes/{code}-july" for code in (DISTRICT, STREET, COMMUNITY, OTHER_STREET)]
    for name in names:
        await writing.quiz(a_quiz(drawn(1, DISTRICT_POOL), name=name), publish=name == names[1])

    async def listed(scope: str, **fields: object) -> list[str]:
        answer = await writing.api.call(KEEPER, "ListQuizzes", scope=scope, **fields)
        return [each.name for each in answer.quizzes]

    assert await listed(DISTRICT) == names
    assert await listed(STREET) == names[1:3]
    assert await listed(DISTRICT, state=QuizState.QUIZ_STATE_PUBLISHED) == [names[1]]
    await writing.api.call(KEEPER, "RetireQuiz", name=names[2])
    assert await listed(STREET) == [names[1]]
    assert await listed(STREET, state=QuizState.QUIZ_STATE_RETIRED) == [names[2]]


async def _refused(writing: Writing, method: str, caller: object = KEEPER, **fields: object) -> str:
    return (await Line.refused(writing, caller, method, **fields)).reason  # type: ignore[arg-type]
