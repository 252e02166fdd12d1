"""The statements over articles, and how they are stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Connection, TextClause, select, text

from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_notify.article import Article, Attachment, Content, Draft, Version
from onegrid_notify.audience import COLUMN, Audience, SelectorRow
from onegrid_notify.escalation import Escalation
from onegrid_notify.party import ORGANIZATION
from onegrid_notify.store.matching import ANCESTORS, SELECTORS
from onegrid_notify.tables import article, article_version, selector

__all__ = [
    "LISTED",
    "SHOWN",
    "article_of",
    "articles_for_reader",
    "articles_to_open",
    "delete_article",
    "delete_selectors",
    "delete_versions",
    "find_article",
    "hold_article",
    "insert_article",
    "insert_selectors",
    "insert_version",
    "is_for_reader",
    "owned_articles",
    "save_article",
    "versions_page",
]

_PUBLISHED: Final = int(ArticleState.ARTICLE_STATE_PUBLISHED)
SHOWN: Final = f"""
  article.state = {_PUBLISHED} AND article.publish_time <= :now
  AND (article.expire_time IS NULL OR article.expire_time > :now)
"""
"""That readers have an article now; for any `article`."""
_STATE: Final = f"""
  CASE WHEN article.state <> {_PUBLISHED} THEN article.state
       WHEN article.expire_time <= :now THEN {int(ArticleState.ARTICLE_STATE_EXPIRED)}
       WHEN article.publish_time > :now THEN {int(ArticleState.ARTICLE_STATE_SCHEDULED)}
       ELSE article.state END
"""
"""Where an article stands now: what `article.state_at` says."""

LISTED: Final = ", ".join(f"article.{column.name}" for column in article.c if column.name != "body_html")
"""All but the text, which may be long and is in no list."""
_BY_TIME: Final = (ArticleState.ARTICLE_STATE_SCHEDULED, ArticleState.ARTICLE_STATE_EXPIRED)
_STATES: Final = tuple(state for state in ArticleState.values() if state)


def insert_article(conn: Connection, new: Article) -> None:
    """Enter an article."""
    conn.execute(article.insert().values(district=new.district, id=new.id, create_time=new.create_time, **_values(new)))


def save_article(conn: Connection, changed: Article) -> None:
    """Store what changed of an article."""
    conn.execute(
        article.update()
        .where(article.c.district == changed.district, article.c.id == changed.id)
        .values(**_values(changed))
    )


def delete_article(conn: Connection, draft: Article) -> None:
    """Delete an article that has neither versions nor selectors, as a draft has none."""
    conn.execute(article.delete().where(article.c.district == draft.district, article.c.id == draft.id))


def find_article(conn: Connection, id_: str, *, lock: bool = False) -> Article | None:
    """The article of that id."""
    query = select(article).where(article.c.district == codes.district_of(id_), article.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else article_of(row)


def hold_article(conn: Connection, id_: str) -> Article | None:
    """The article of that id, which is not corrected or withdrawn before the transaction ends; readers go on."""
    query = select(article).where(article.c.district == codes.district_of(id_), article.c.id == id_)
    row = conn.execute(query.with_for_update(read=True)).one_or_none()
    return None if row is None else article_of(row)


def articles_to_open(conn: Connection, now: datetime, limit: int) -> list[Article]:
    """The articles whose time has come and that were not announced, the first ones first; locked. Those that somebody
    else is at are left to them.
    """
    query = (
        select(article)
        .where(article.c.state == _PUBLISHED, ~article.c.opened, article.c.publish_time <= now)
        .order_by(article.c.publish_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [article_of(row) for row in conn.execute(query)]


def insert_version(conn: Connection, of: Article, correction_note: str, publish_time: datetime) -> None:
    """Keep what an article says as one of its versions."""
    conn.execute(
        article_version.insert().values(
            district=of.district,
            article=of.id,
            version=of.version,
            **_content_values(of.draft.content),
            correction_note=correction_note,
            publish_time=publish_time,
        )
    )


def versions_page(conn: Connection, id_: str, after: Position, limit: int) -> list[Version]:
    """The versions of an article, the newest first."""
    v = article_version
    query = select(v).where(
        v.c.district == codes.district_of(id_), v.c.article == id_, behind(after, v.c.version, descending=True)
    )
    return [
        Version(
            article=row.article,
            number=row.version,
            content=_content(row),
            correction_note=row.correction_note,
            publish_time=row.publish_time,
        )
        for row in conn.execute(query.order_by(v.c.version.desc()).limit(limit))
    ]


def delete_versions(conn: Connection, of: Article) -> None:
    """Forget the versions of an article that nobody had."""
    v = article_version
    conn.execute(v.delete().where(v.c.district == of.district, v.c.article == of.id))


def insert_selectors(conn: Connection, of: Article, rows: Sequence[SelectorRow]) -> None:
    """Store whom a published article is for."""
    draft = of.draft
    conn.execute(
        selector.insert(),
        [
            {
                "district": of.district,
                "article": of.id,
                "number": row.number,
                "code": row.code,
                "publish_time": of.publish_time,
                "column_id": COLUMN.id(draft.column),
                "pinned": draft.pinned,
                "push": draft.push,
                "kinds": [int(kind) for kind in row.kinds],
                "oa_levels": [int(level) for level in row.oa_levels],
                "roles": list(row.roles),
                "groups": list(row.groups),
                "columns": list(row.columns),
                "of_party": row.of_party,
                "organizations": list(row.organizations),
                "member_states": [int(state) for state in row.member_states],
                "posts": [int(post) for post in row.posts],
            }
            for row in rows
        ],
    )


def delete_selectors(conn: Connection, of: Article) -> None:
    """Forget whom an article was for that goes back to its editors."""
    conn.execute(selector.delete().where(selector.c.district == of.district, selector.c.article == of.id))


_FOR_READER = text(
    f"""
    SELECT EXISTS (
      SELECT FROM membership m {ANCESTORS} JOIN selector s ON {SELECTORS}
      WHERE m.user_name = :user AND s.district = :district AND s.article = :article
    )
    """
)


def is_for_reader(conn: Connection, of: Article, user: str) -> bool:
    """Whether the user belonged to the article's audience when it was published."""
    return bool(conn.execute(_FOR_READER, {"user": user, "district": of.district, "article": of.id}).scalar_one())


def _for_reader_page(behind_open: str, behind_selected: str) -> TextClause:
    """Merges the first rows of one index range for each column, or column and code: work that does not grow with what
    the columns hold for others.
    """
    return text(
        f"""
        SELECT {LISTED}
        FROM (
          SELECT open.id, open.pinned, open.publish_time
          FROM unnest(CAST(:columns AS text[])) AS column_id
          CROSS JOIN LATERAL (
            SELECT article.id, article.pinned, article.publish_time FROM article
            WHERE :of_district AND article.district = :district AND article.column_id = column_id.column_id
              AND article.audience IS NULL AND {SHOWN} {behind_open}
            ORDER BY article.pinned DESC, article.publish_time DESC, article.id DESC LIMIT :limit
          ) AS open
          UNION
          SELECT selected.article, selected.pinned, selected.publish_time
          FROM membership m {ANCESTORS}
          CROSS JOIN unnest(CAST(:columns AS text[])) AS column_id
          CROSS JOIN LATERAL (
            SELECT DISTINCT s.pinned, s.publish_time, s.article
            FROM selector s JOIN article ON article.district = s.district AND article.id = s.article
            WHERE s.column_id = column_id.column_id AND {SELECTORS} AND {SHOWN} {behind_selected}
            ORDER BY s.pinned DESC, s.publish_time DESC, s.article DESC LIMIT :limit
          ) AS selected
          WHERE m.user_name = :user AND m.district = :district
          ORDER BY pinned DESC, publish_time DESC, id DESC LIMIT :limit
        ) AS page
        JOIN article ON article.district = :district AND article.id = page.id
        ORDER BY article.pinned DESC, article.publish_time DESC, article.id DESC
        """
    )


_AFTER = "(:after_pinned, CAST(:after_time AS timestamptz), :after_id)"
_FIRST_FOR_READER = _for_reader_page("", "")
_NEXT_FOR_READER = _for_reader_page(
    f"AND (article.pinned, article.publish_time, article.id) < {_AFTER}",
    f"AND (s.pinned, s.publish_time, s.article) < {_AFTER}",
)


def articles_for_reader(
    conn: Connection,
    columns: Collection[str],
    user: str,
    of_district: bool,
    now: datetime,
    after: Position,
    limit: int,
) -> list[Article]:
    """The articles in columns of one district that are for a user: pinned ones first, then the newest.

    `of_district`: the user has an account of the district, and gets what is for everyone there.
    """
    values = {
        "columns": list(columns),
        "district": codes.district_of(next(iter(columns))),
        "user": user,
        "of_district": of_district,
        "now": now,
        "limit": limit,
        **dict(zip(("after_pinned", "after_time", "after_id"), after, strict=False)),
    }
    return [article_of(row) for row in conn.execute(_NEXT_FOR_READER if after else _FIRST_FOR_READER, values)]


def _owned_page(behind_after: str) -> TextClause:
    """Merges the first rows of one index range for each office and state. The offices inside of one are few, and are
    found by a jump from one to the next.
    """
    inside = "article.district = :district AND article.owner > {0} AND article.owner < :owner || '~'"
    return text(
        f"""
        WITH RECURSIVE office (owner) AS (
          SELECT CAST(:owner AS text) COLLATE "C"
          UNION ALL
          SELECT (SELECT article.owner FROM article WHERE {inside.format("office.owner")}
                  ORDER BY article.owner LIMIT 1)
          FROM office WHERE office.owner IS NOT NULL
        )
        SELECT {LISTED}
        FROM office
        CROSS JOIN unnest(CAST(:stored AS smallint[])) AS stored (state)
        CROSS JOIN LATERAL (
          SELECT article.* FROM article
          WHERE article.district = :district AND article.owner = office.owner AND article.state = stored.state
            AND {_STATE} = ANY (CAST(:states AS smallint[])) {behind_after}
            AND (:of_party OR article.organization = '')
          ORDER BY article.update_time DESC, article.id DESC LIMIT :limit
        ) AS article
        ORDER BY article.update_time DESC, article.id DESC LIMIT :limit
        """
    )


_FIRST_OWNED = _owned_page("")
_NEXT_OWNED = _owned_page("AND (article.update_time, article.id) < (CAST(:after_time AS timestamptz), :after_id)")


def owned_articles(
    conn: Connection,
    owner: str,
    states: Collection[ArticleState],
    now: datetime,
    after: Position,
    limit: int,
    *,
    of_party: bool,
) -> list[Article]:
    """The articles of an office and of those inside it, the last changed first; in these states, or in all; `of_party`:
    also those in which Party organizations speak.
    """
    wanted = states or _STATES
    values = {
        "district": codes.district_of(owner),
        "owner": owner,
        "states": sorted(map(int, wanted)),
        "stored": sorted({_PUBLISHED if state in _BY_TIME else int(state) for state in wanted}),
        "of_party": of_party,
        "now": now,
        "limit": limit,
        **dict(zip(("after_time", "after_id"), after, strict=False)),
    }
    return [article_of(row) for row in conn.execute(_NEXT_OWNED if after else _FIRST_OWNED, values)]


def _values(of: Article) -> dict[str, Any]:
    draft = of.draft
    return {
        "column_id": COLUMN.id(draft.column),
        "owner": of.owner,
        "state": int(of.stored_state),
        **_content_values(draft.content),
        "audience": None if draft.audience is None else draft.audience.json(),
        "push": draft.push,
        "pinned": draft.pinned,
        "urgent": draft.urgent,
        "critical": draft.critical,
        "must_confirm": draft.must_confirm,
        "publish_time": of.publish_time,
        "expire_time": draft.expire_time,
        "version": of.version,
        "unread_below": of.unread_below,
        "opened": of.opened,
        "withdraw_reason": of.withdraw_reason,
        "return_reason": of.return_reason,
        "sequence": of.sequence,
        "update_time": of.update_time,
        "channels": [int(channel) for channel in draft.channels],
        "escalation": None if draft.escalation is None else draft.escalation.json(),
        "organization": draft.organization and ORGANIZATION.id(draft.organization),
    }


def article_of(row: Any) -> Article:
    """The article of a row."""
    return Article(
        district=row.district,
        id=row.id,
        owner=row.owner,
        stored_state=cast(ArticleState, row.state),
        draft=Draft(
            column=COLUMN.name(row.column_id),
            content=_content(row),
            audience=None if row.audience is None else Audience.of_json(row.audience),
            push=row.push,
            pinned=row.pinned,
            urgent=row.urgent,
            critical=row.critical,
            must_confirm=row.must_confirm,
            expire_time=row.expire_time,
            channels=tuple(row.channels),
            escalation=None if row.escalation is None else Escalation.of_json(row.escalation),
            organization=row.organization and ORGANIZATION.name(row.organization),
        ),
        publish_time=row.publish_time,
        version=row.version,
        unread_below=row.unread_below,
        opened=row.opened,
        withdraw_reason=row.withdraw_reason,
        return_reason=row.return_reason,
        sequence=row.sequence,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _content(row: Any) -> Content:
    return Content(
        title=row.title,
        summary=row.summary,
        body_html=getattr(row, "body_html", ""),
        attachments=tuple(
            Attachment(a["filename"], a["media_type"], a["size_bytes"], bytes.fromhex(a["sha256"]))
            for a in row.attachments
        ),
    )


def _content_values(of: Content) -> dict[str, Any]:
    return {
        "title": of.title,
        "summary": of.summary,
        "body_html": of.body_html,
        "attachments": [
            {"filename": a.filename, "media_type": a.media_type, "size_bytes": a.size_bytes, "sha256": a.sha256.hex()}
            for a in of.attachments
        ],
    }
