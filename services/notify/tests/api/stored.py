"""Writes what tests of inboxes read, as articles, people and messages are stored: quick enough for thousands."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from onegrid.common.v1.common_pb2 import AccountKind
from onegrid.notify.v1.resources_pb2 import ArticleState
from onegrid_kit.callers import Caller
from onegrid_kit.clock import Clock
from onegrid_notify.tables import article, item_state, membership, message, reach, selector

from .people import DISTRICT

__all__ = ["FOREVER", "LONG_AGO", "Stored"]

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
FOREVER = datetime(9999, 12, 31, tzinfo=UTC)
_SIGNAL = text(
    "INSERT INTO signal (district, item, user_name, removed, time) VALUES (:district, :item, :user, :removed, :time)"
)


class Stored:
    """The service's tables."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock
        self._numbers = itertools.count(1)

    def member(
        self,
        of: Caller | str,
        code: str,
        begin: datetime = LONG_AGO,
        end: datetime = FOREVER,
        **fields: Any,
    ) -> None:
        """Enter that somebody belongs somewhere."""
        user = of if isinstance(of, str) else of.user
        kind = AccountKind.ACCOUNT_KIND_CITIZEN if isinstance(of, str) else of.kind
        values = {"kind": int(kind), "oa_level": 0, "role": "", "begin_time": begin, "end_time": end, **fields}
        with self.engine.begin() as conn:
            conn.execute(membership.insert().values(district=code[:6], user_name=user, code=code, **values))

    def notice(self, *places: str, conn: Connection | None = None, **fields: Any) -> str:
        """Publish a notice to who is at home in these places, or in the district; its item's id."""
        if conn is None:
            with self.engine.begin() as own:
                return self.notice(*places, conn=own, **fields)
        selectors = fields.pop("selectors", None) or [{"code": code} for code in places or (DISTRICT,)]
        now = fields.pop("publish_time", None) or self._clock.now()
        number = next(self._numbers)
        id_ = f"{DISTRICT}-{now:%Y%m%d}-{number:08d}"
        values = {
            "district": DISTRICT,
            "id": id_,
            "column_id": f"{DISTRICT}-news",
            "owner": DISTRICT,
            "state": int(ArticleState.ARTICLE_STATE_PUBLISHED),
            "title": f"通知{number}",
            "summary": "摘要",
            "body_html": "<p>正文</p>",
            "attachments": [],
            "push": True,
            "pinned": False,
            "urgent": False,
            "must_confirm": False,
            "publish_time": now,
            "version": 1,
            "unread_below": 1,
            "opened": True,
            "withdraw_reason": "",
            "return_reason": "",
            "sequence": 1,
            "create_time": now,
            "update_time": now,
            **fields,
        }
        conn.execute(article.insert().values(**values))
        rows = [self._selector(values, number, given) for number, given in enumerate(selectors, 1)]
        conn.execute(selector.insert(), rows)
        conn.execute(_SIGNAL, {"district": DISTRICT, "item": id_, "user": "", "removed": False, "time": now})
        return id_

    def message(self, to: Caller | str, *, conn: Connection | None = None, **fields: Any) -> str:
        """Write a message to somebody; its item's id."""
        if conn is None:
            with self.engine.begin() as own:
                return self.message(to, conn=own, **fields)
        user = to if isinstance(to, str) else to.user
        now = self._clock.now()
        values = {
            "district": DISTRICT,
            "user_name": user,
            "id": f"m-{uuid.uuid4().hex}",
            "title": "您的诉求已受理",
            "text": "我们将尽快处理。",
            "subject": "petitions/210602-20201111-7KX3M9QF",
            "urgent": False,
            "create_time": now,
            **fields,
        }
        conn.execute(message.insert().values(**values))
        conn.execute(
            _SIGNAL,
            {"district": DISTRICT, "item": values["id"], "user": user, "removed": False, "time": now},
        )
        return str(values["id"])

    def correct(self, id_: str, version: int, *, unread_again: bool = False, conn: Connection | None = None) -> None:
        """Correct a notice."""
        if conn is None:
            with self.engine.begin() as own:
                return self.correct(id_, version, unread_again=unread_again, conn=own)
        values = {"version": version, "title": f"更正{version}", "summary": ""}
        again = {"unread_below": version} if unread_again else {}
        conn.execute(article.update().where(article.c.id == id_).values(**values, **again))
        if unread_again:
            conn.execute(reach.update().where(reach.c.article == id_).values(read=0, confirmed=0))
        signal = {"district": DISTRICT, "item": id_, "user": "", "removed": False, "time": self._clock.now()}
        conn.execute(_SIGNAL, signal)
        return None

    def withdraw(self, id_: str, *, conn: Connection | None = None) -> None:
        """Withdraw a notice."""
        if conn is None:
            with self.engine.begin() as own:
                return self.withdraw(id_, conn=own)
        conn.execute(
            article.update()
            .where(article.c.id == id_)
            .values(state=int(ArticleState.ARTICLE_STATE_WITHDRAWN), withdraw_reason="有误")
        )
        signal = {"district": DISTRICT, "item": id_, "user": "", "removed": True, "time": self._clock.now()}
        conn.execute(_SIGNAL, signal)
        return None

    def reach_of(self, id_: str) -> dict[str, tuple[int, int, int]]:
        """Received, read and confirmed of a notice, by place."""
        r = reach.c
        with self.engine.connect() as conn:
            rows = conn.execute(reach.select().where(r.article == id_))
            return {row.place: (row.received, row.read, row.confirmed) for row in rows}

    def states(self) -> Sequence[Any]:
        """What readers did, in the order of readers and items."""
        with self.engine.connect() as conn:
            return conn.execute(item_state.select().order_by(item_state.c.user_name, item_state.c.item)).all()

    @staticmethod
    def _selector(of: dict[str, Any], number: int, given: dict[str, Any]) -> dict[str, Any]:
        empty: dict[str, Any] = {"kinds": [], "oa_levels": [], "roles": [], "groups": [], "columns": []}
        keys = {"district": DISTRICT, "publish_time": of["publish_time"], "article": of["id"], "number": number}
        keys |= {"column_id": of["column_id"], "pinned": of["pinned"]}
        return {**empty, **keys, "push": of["push"], **given}


def days(count: float) -> timedelta:
    """So many days."""
    return timedelta(days=count)
