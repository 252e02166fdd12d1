"""Who writes, publishes and reads in these tests, and how they call."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine

from onegrid.notify.v1.resources_pb2 import Article
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Call, Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import administrator, public, staff
from onegrid_kit.testing.events import announced
from onegrid_kit.testing.jobs import job_of
from onegrid_notify.columns import Column
from onegrid_notify.commands import columns
from onegrid_notify.main import SERVICE
from onegrid_notify.store import places
from onegrid_notify.tables import membership, signal

__all__ = ["Newsroom", "Refused", "enter_columns_and_places"]

DISTRICT, STREET, OTHER_STREET, COMMUNITY = "210602", "210602003", "210602004", "210602003007"
OFFICE, OTHER_OFFICE = "210602D07", "210602D08"
SECTION, NEWS, JOBS, ARCHIVED = (f"columns/{DISTRICT}-{word}" for word in ("section", "news", "jobs", "old"))

COMMANDER = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
CLERK = staff("clerk", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, OFFICE)
OTHER_CLERK = staff("otherclerk", BuiltInRole.BUILT_IN_ROLE_DEPARTMENT_CLERK, OTHER_OFFICE)
STREET_DESK = staff("street", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)
OTHER_STREET_DESK = staff("otherstreet", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, OTHER_STREET)
RESIDENT = public("resident", DISTRICT)
ELSEWHERE = public("elsewhere", DISTRICT)
STRANGER = public("stranger", "210603")
SYSTEM, OTHER_SYSTEM = administrator("system", OFFICE), administrator("othersystem", OTHER_OFFICE)

LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)
FOREVER: Final = datetime(9999, 12, 31, tzinfo=UTC)
TO_STREET: Final = {"any_of": [{"places": [STREET]}]}


class Newsroom:
    """Calls notify's methods on columns, articles and records."""

    def __init__(self, served: Serving, engine: Engine, clock: SettableClock) -> None:
        self._engine = engine
        self._clock = clock
        self.call = served.call
        self.announced = partial(announced, engine)

    @property
    def now(self) -> datetime:
        """The service's time."""
        return self._clock.now()

    def wait(self, time: timedelta) -> None:
        """Let so much time pass."""
        self._clock.set(self._clock.now() + time)

    def live(self, caller: Caller, code: str, begin: datetime = LONG_AGO, end: datetime = FOREVER) -> None:
        """Have an account at home there in that time."""
        with self._engine.begin() as conn:
            conn.execute(
                membership.insert().values(
                    district=code[:6],
                    user_name=caller.user,
                    code=code,
                    kind=int(caller.kind),
                    oa_level=0,
                    role="",
                    begin_time=begin,
                    end_time=end,
                )
            )

    async def draft(self, by: Caller = COMMANDER, owner: str = DISTRICT, **fields: Any) -> Article:
        """A new article."""
        answer = await self.call(
            by, "CreateArticle", owner=owner, draft=drafted(**fields), request_id=str(uuid.uuid4())
        )
        return answer.article

    async def submitted(self, by: Caller = COMMANDER, owner: str = DISTRICT, **fields: Any) -> Article:
        """An article that waits for who publishes it."""
        article = await self.draft(by, owner, **fields)
        return (await self.call(by, "SubmitArticle", name=article.name)).article

    async def published(
        self, by: Caller = COMMANDER, owner: str = DISTRICT, publish_time: datetime | None = None, **fields: Any
    ) -> Article:
        """An article that is published, or scheduled."""
        article = await self.submitted(by, owner, **fields)
        return (await self.call(by, "PublishArticle", name=article.name, publish_time=publish_time)).article

    async def listed(self, by: Caller, column: str = NEWS, **fields: Any) -> list[str]:
        """The names of the articles that somebody finds in a column."""
        answer = await self.call(by, "ListArticles", column=column, **fields)
        return [article.name for article in answer.articles]

    def open_articles(self) -> None:
        """Run the job."""
        job = job_of(SERVICE, "open articles")
        assert run_job("notify", self._engine, job, self.now)

    def signals(self, article: Article) -> list[bool]:
        """The signals about an article, in order: whether it was removed."""
        with self._engine.connect() as conn:
            rows = conn.execute(signal.select().where(signal.c.item == article.name.removeprefix("articles/")))
            return [row.removed for row in rows]


def drafted(**fields: Any) -> Mapping[str, Any]:
    """What an editor writes."""
    content = {"title": "惠企政策", "summary": "摘要", "body_html": "<p>正文</p>", **fields.pop("content", {})}
    return {"column": NEWS, "content": content, **fields}


def enter_columns_and_places(conn: Connection) -> None:
    """A section with two columns, one that is archived, and a few places."""
    call = Call(caller=COMMANDER, now=LONG_AGO, method="")
    for column in _columns():
        columns.define(conn, column, "", call)
    for code in (DISTRICT, STREET, OTHER_STREET, COMMUNITY):
        places.keep_place(conn, code, 1, code)
    for code in (OFFICE, OTHER_OFFICE):
        places.keep_department(conn, code, 1, code)


def _columns() -> Iterator[Column]:
    section, news, jobs, archived = (name.removeprefix("columns/") for name in (SECTION, NEWS, JOBS, ARCHIVED))
    yield Column(id=section, display_name="便民服务")
    yield Column(id=news, display_name="通知公告", parent=section, position=1)
    yield Column(id=jobs, display_name="招聘信息", parent=section, position=2, owner=OFFICE)
    yield Column(id=archived, display_name="旧栏目", parent=section, position=3, archived=True, owner=OFFICE)
