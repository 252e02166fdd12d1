"""The statement over what Party organizations say."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, TextClause, text

from onegrid_kit import codes
from onegrid_kit.paging import Position, Scan
from onegrid_notify.article import Article
from onegrid_notify.store.articles import LISTED, SHOWN, article_of
from onegrid_notify.store.matching import ANCESTORS, SELECTORS

__all__ = ["organization_articles"]

_LOOKED_AT: Final = 100


def _organization_page(behind_after: str) -> TextClause:
    return text(
        f"""
        SELECT {LISTED},
          CASE WHEN article.audience IS NULL THEN :of_district
          ELSE EXISTS (
            SELECT FROM membership m {ANCESTORS} JOIN selector s ON {SELECTORS}
            WHERE m.user_name = :user AND s.district = article.district AND s.article = article.id
          ) END AS for_reader
        FROM article
        WHERE article.district = :district AND article.organization = :organization AND article.organization <> ''
          AND {SHOWN} {behind_after}
        ORDER BY article.publish_time DESC, article.id DESC LIMIT :limit
        """
    )


_FIRST_OF_ORGANIZATION = _organization_page("")
_NEXT_OF_ORGANIZATION = _organization_page(
    "AND (article.publish_time, article.id) < (CAST(:after_time AS timestamptz), :after_id)"
)


def organization_articles(
    conn: Connection, organization: str, user: str, of_district: bool, now: datetime, after: Position, limit: int
) -> Scan[Article]:
    """The published articles in which a Party organization, given by its id, speaks and that are for the user, the
    newest first; of at most so many as `_LOOKED_AT` says, or the limit.
    """
    most = max(limit, _LOOKED_AT)
    values = {
        "district": codes.district_of(organization),
        "organization": organization,
        "user": user,
        "of_district": of_district,
        "now": now,
        "limit": most,
        **dict(zip(("after_time", "after_id"), after, strict=False)),
    }
    rows = conn.execute(_NEXT_OF_ORGANIZATION if after else _FIRST_OF_ORGANIZATION, values).all()
    found = [article_of(row) for row in rows if row.for_reader]
    if len(found) >= limit or len(rows) < most:
        return Scan(found[:limit])
    return Scan(found, (rows[-1].publish_time, rows[-1].id))
