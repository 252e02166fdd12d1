"""Counting the audiences of notices, and writing down who is to confirm one: in steps, after readers have it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid_kit import steps
from onegrid_kit.steps import Progress, Work
from onegrid_notify.article import ARTICLE, Article
from onegrid_notify.reach import COUNT_AUDIENCE, counting_id
from onegrid_notify.store import reach as store

__all__ = ["WRITTEN_AT_ONCE", "begin", "begin_anew", "count_audience", "end"]

COUNTED_AT_ONCE: Final = 20_000
WRITTEN_AT_ONCE: Final = 10_000


def begin(conn: Connection, article: Article) -> None:
    """Have the audience of an article counted that readers have from now on."""
    steps.start(
        conn,
        COUNT_AUDIENCE,
        counting_id(article.name),
        subject=article.name,
        parameters={"must_confirm": article.draft.must_confirm},
        urgent=article.draft.urgent,
    )


def begin_anew(conn: Connection, article: Article) -> None:
    """Readers are to read and confirm it again."""
    store.begin_anew(conn, article.id)


def end(conn: Connection, article: Article) -> None:
    """Stop counting for an article that was withdrawn."""
    steps.stop(conn, counting_id(article.name))


def count_audience(conn: Connection, work: Work, _: datetime) -> Progress:
    """Count the next people, in the order of their names."""
    must_confirm = work.parameters["must_confirm"]
    most = WRITTEN_AT_ONCE if must_confirm else COUNTED_AT_ONCE
    after = work.cursor.get("last", "")
    piece = store.count_people(conn, ARTICLE.id(work.subject), after, most, as_recipients=must_confirm)
    return Progress({"last": piece.last}, piece.counted, piece.finished)
