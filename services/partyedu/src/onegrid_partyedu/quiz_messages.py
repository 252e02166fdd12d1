"""Between the contract's messages and pools, items and quizzes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from onegrid.partyedu.v1 import events_pb2, pools_pb2, quizzes_pb2
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.item import ITEM, POOL, Item, ItemRef, ItemRevision, Option, Pool
from onegrid_partyedu.quiz import QUIZ, Drawn, Fixed, Quiz, QuizRevision, Section

__all__ = ["item", "item_ref", "item_revision", "pool", "quiz", "quiz_defined", "quiz_revision"]


def pool(of: Pool) -> pools_pb2.Pool:
    """The pool as a message."""
    return pools_pb2.Pool(
        name=of.name,
        display_name=of.display_name,
        description=of.description,
        item_count=of.item_count,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def item(of: Item) -> pools_pb2.Item:
    """The item as a message, with its key."""
    revision = of.revision
    return pools_pb2.Item(
        name=of.name,
        kind=revision.kind,
        stem=revision.stem,
        options=[pools_pb2.ItemOption(id=each.id, text=each.text) for each in revision.options],
        key=revision.key,
        explanation=revision.explanation,
        points=revision.points,
        revision=revision.number,
        revision_time=timestamp(revision.create_time),
        retire_time=timestamp(of.retire_time),
        etag=of.etag,
    )


def item_ref(name: str) -> ItemRef:
    """Which item the name means."""
    return ItemRef(*ITEM.ids(name))


def item_revision(asked: pools_pb2.Item, now: datetime) -> ItemRevision:
    """The first revision of the item that is asked for."""
    return ItemRevision(
        ref=item_ref(asked.name),
        kind=asked.kind,
        stem=asked.stem,
        options=tuple(Option(each.id, each.text) for each in asked.options),
        key=tuple(asked.key),
        explanation=asked.explanation,
        points=asked.points,
        create_time=now,
    )


def quiz(of: Quiz) -> quizzes_pb2.Quiz:
    """The quiz as a message, with its sections."""
    revision = of.revision
    return quizzes_pb2.Quiz(
        name=of.name,
        display_name=revision.display_name,
        description=revision.description,
        sections=map(_section, revision.sections),
        shuffle_items=revision.shuffle_items,
        shuffle_options=revision.shuffle_options,
        minutes_allowed=revision.minutes_allowed,
        attempts_allowed=revision.attempts_allowed,
        pass_percent=revision.pass_percent,
        open_time=timestamp(revision.open_time),
        close_time=timestamp(revision.close_time),
        partial_credit=revision.partial_credit,
        review=quizzes_pb2.QuizReview(content=revision.review_content, time=revision.review_time),
        study_minutes=revision.study_minutes,
        state=of.state,
        revision=revision.number,
        revision_time=timestamp(revision.create_time),
        publish_time=timestamp(of.publish_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def quiz_defined(of: Quiz) -> events_pb2.QuizDefined:
    """The quiz as others hear of it: without its sections."""
    announced = quiz(of)
    announced.ClearField("sections")
    return events_pb2.QuizDefined(quiz=announced, version=of.version)


def quiz_revision(asked: quizzes_pb2.Quiz, now: datetime) -> QuizRevision:
    """The first revision of the quiz that is asked for."""
    return QuizRevision(
        quiz=QUIZ.id(asked.name),
        display_name=asked.display_name,
        description=asked.description,
        sections=tuple(_asked_sections(asked.sections)),
        shuffle_items=asked.shuffle_items,
        shuffle_options=asked.shuffle_options,
        minutes_allowed=asked.minutes_allowed,
        attempts_allowed=asked.attempts_allowed,
        pass_percent=asked.pass_percent,
        open_time=moment(asked.open_time) if asked.HasField("open_time") else None,
        close_time=moment(asked.close_time) if asked.HasField("close_time") else None,
        partial_credit=asked.partial_credit,
        review_content=asked.review.content,
        review_time=asked.review.time,
        study_minutes=asked.study_minutes,
        create_time=now,
    )


def _section(of: Section) -> quizzes_pb2.QuizSection:
    source = of.source
    message = quizzes_pb2.QuizSection(display_name=of.display_name, points_each=of.points_each)
    if isinstance(source, Drawn):
        drawn = quizzes_pb2.DrawnItems(pool=POOL.name(source.pool), count=source.count, kind=source.kind)
        message.drawn.CopyFrom(drawn)
    else:
        message.fixed.items.extend(each.name for each in source.items)
    return message


def _asked_sections(asked: Iterable[quizzes_pb2.QuizSection]) -> Iterable[Section]:
    for each in asked:
        source: Fixed | Drawn
        if each.HasField("drawn"):
            source = Drawn(POOL.id(each.drawn.pool), each.drawn.count, each.drawn.kind)
        else:
            source = Fixed(tuple(map(item_ref, each.fixed.items)))
        yield Section(display_name=each.display_name, points_each=each.points_each, source=source)
