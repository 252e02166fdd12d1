"""220,000 residents in their communities, and 2,000 notices of a year for the district, for streets and communities."""

from __future__ import annotations

from typing import Final

import psycopg

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_demo import district

__all__ = ["COLUMN", "RESIDENTS", "store"]

RESIDENTS: Final = 220_000
_NOTICES: Final = 2_000
COLUMN: Final = f"{district.CODE}-service-notices"

_STATEMENTS: Final = (
    """
    INSERT INTO content_column (district, id, display_name, parent, position, owner, archived, version, update_time)
    VALUES (%(district)s, %(district)s || '-convenience', '便民服务', '', 1, '', false, 1, now()),
           (%(district)s, %(column)s, '服务公告', %(district)s || '-convenience', 1, '', false, 1, now())
    """,
    """
    INSERT INTO place (district, code, display_name, version)
    SELECT %(district)s, code, code, 1 FROM unnest(CAST(%(places)s AS text[])) AS code
    """,
    """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    SELECT %(district)s, 'users/' || lpad(CAST(number AS text), 20, '0'),
           (CAST(%(communities)s AS text[]))[1 + number %% cardinality(CAST(%(communities)s AS text[]))],
           %(kind)s, 0, '', '2020-01-01', 'infinity'
    FROM generate_series(1, CAST(%(residents)s AS integer)) AS number
    """,
    """
    INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time)
    VALUES (%(district)s, %(reader)s, (CAST(%(communities)s AS text[]))[1], %(kind)s, 0, '', '2020-01-01', 'infinity')
    """,
    """
    INSERT INTO article (
      district, id, column_id, owner, state, title, summary, body_html, attachments, audience, push, pinned, urgent,
      must_confirm, publish_time, version, unread_below, opened, withdraw_reason, return_reason, sequence, create_time,
      update_time)
    SELECT %(district)s, %(district)s || to_char(time, '-YYYYMMDD-') || lpad(CAST(number AS text), 8, '0'), %(column)s,
           %(district)s, %(published)s, '通知' || number, '摘要', '<p>正文</p>', '[]', '{}', true, false, false,
           false, time, 1, 1, true, '', '', 1, time, time
    FROM generate_series(1, CAST(%(notices)s AS integer)) AS number,
         LATERAL (SELECT now() - number * interval '4 hours' AS time) AS at
    """,
    """
    INSERT INTO selector (
      district, code, publish_time, article, number, column_id, pinned, push, kinds, oa_levels, roles, groups, columns)
    SELECT district, (CAST(%(places)s AS text[]))[1 + row_number() OVER () %% cardinality(CAST(%(places)s AS text[]))],
           publish_time, id, 1, column_id, false, true, '{}', '{}', '{}', '{}', '{}'
    FROM article
    """,
)


def store(url: str, reader: str) -> None:
    """Store them in the database of notify, and this reader in the first community."""
    communities = list(district.communities())
    streets = sorted({community[:9] for community in communities})
    given = {
        "district": district.CODE,
        "column": COLUMN,
        "places": [district.CODE, *streets, *communities],
        "communities": communities,
        "residents": RESIDENTS,
        "notices": _NOTICES,
        "reader": reader,
        "kind": int(AccountKind.ACCOUNT_KIND_CITIZEN),
        "published": int(ArticleState.ARTICLE_STATE_PUBLISHED),
    }
    with psycopg.connect(url) as conn:
        for statement in _STATEMENTS:
            conn.execute(statement, given)
        conn.commit()
        conn.autocommit = True
        conn.execute("VACUUM ANALYZE")
