"""A notice to everybody is written down and sent once, whatever is killed meanwhile; an urgent one overtakes it.

`ONEGRID_PEOPLE=220000 ONEGRID_KILLS=30` is a whole city, and takes some minutes.
"""

from __future__ import annotations

import asyncio
import os
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from sqlalchemy import text

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid.notify.v1.resources_pb2 import Article, Audience, Content, Selector
from onegrid_demo import district
from onegrid_demo.client import Metadata
from onegrid_kit.cipher import cipher
from onegrid_kit.testing.waiting import HANG_S, eventually_async
from onegrid_notify.deliveries import planning_id
from onegrid_notify.reach import counting_id
from onegrid_notify.tables import address, membership

from .fleet import Fleet, FleetClient
from .mail import MailSink, verified_address

PEOPLE = int(os.environ.get("ONEGRID_PEOPLE", "4000"))
KILLS = int(os.environ.get("ONEGRID_KILLS", "6"))
WITH_ADDRESS = max(200, PEOPLE // 40)
KILLS_OF_A_NOTICE = 5
PARTS = ("worker", "sender", "api", "postgres")
CITY = 220_000
READABLE_S, HANDED_S = 0.3, 10.0
TOWN = f"{district.CODE}777"
READERS = f"{TOWN}001"
COLUMN = f"columns/{district.CODE}-service-notices"
_PEOPLE = (
    "INSERT INTO membership (district, user_name, code, kind, oa_level, role, begin_time, end_time) "
    "SELECT :district, 'users/' || md5(CAST(number AS text)), :town, 2, 0, '', '2000-01-01', '9999-01-01' "
    "FROM generate_series(1, :people) AS number"
)


@dataclass
class Waits:
    """How long urgent notices took, in seconds."""

    readable: list[float] = field(default_factory=list)
    handed: list[float] = field(default_factory=list)


def p99(waits: Sequence[float]) -> float:
    """Of few values the largest one."""
    return max(waits) if len(waits) < 100 else statistics.quantiles(waits, n=100)[98]


class City:
    """The people to whom notices go, the mail that arrives, and who publishes and reads."""

    def __init__(self, fleet: Fleet, client: FleetClient, mail: MailSink) -> None:
        self.fleet = fleet
        self.client = client
        self.mail = mail
        self.waits = Waits()
        self._commander: Metadata = ()
        self._reader: Metadata = ()

    async def populate(self) -> None:
        """Everybody at home in one town; some have a verified address. A reader is alone in a community of it."""
        self._commander = await self.client.staff("commander", self.fleet.accounts["commander"]["password"])
        accounts = self.fleet.accounts["citizen"]
        self._reader = await self.client.public(accounts["phone"], district.CODE)
        seal = cipher("AES-256-GCM", self.fleet.cipher_keys)
        with self.fleet.connection("notify") as conn:
            conn.execute(text(_PEOPLE), {"district": district.CODE, "town": TOWN, "people": PEOPLE})
            some = text("SELECT user_name FROM membership WHERE code = :town ORDER BY user_name LIMIT :most")
            users = list(conn.execute(some, {"town": TOWN, "most": WITH_ADDRESS}).scalars())
            now = conn.execute(text("SELECT now()")).scalar_one()
            new = [verified_address(user, f"{user.removeprefix('users/')}@example.cn", now, seal) for user in users]
            new.append(verified_address(accounts["user"], "reader@example.cn", now, seal))
            conn.execute(address.insert(), new)
            home = {"kind": 2, "oa_level": 0, "role": "", "begin_time": now, "end_time": "9999-01-01"}
            conn.execute(
                membership.insert().values(district=district.CODE, user_name=accounts["user"], code=READERS, **home)
            )
            conn.execute(
                text(
                    "INSERT INTO place (district, code, display_name, version) "
                    "VALUES (:district, :town, '新镇', 1), (:district, :readers, '社区', 1)"
                ),
                {"district": district.CODE, "town": TOWN, "readers": READERS},
            )
            conn.commit()

    async def publish(self, title: str, place: str, **fields: Any) -> Article:
        """A notice by e-mail to who is at home there; calls are repeated while what was killed starts again."""
        draft = pb.DraftArticle(
            column=COLUMN,
            content=Content(title=title, body_html="<p>请转移。</p>"),
            audience=Audience(any_of=[Selector(places=[place])]),
            push=True,
            channels=[Channel.CHANNEL_EMAIL],
            **fields,
        )
        new = pb.CreateArticleRequest(owner=district.CODE, draft=draft, request_id=str(uuid.uuid4()))
        name = (await self._call(self.client.notify.CreateArticle, new)).article.name
        submit = pb.SubmitArticleRequest(name=name, request_id=str(uuid.uuid4()))
        await self._call(self.client.notify.SubmitArticle, submit)
        publish = pb.PublishArticleRequest(name=name, request_id=str(uuid.uuid4()))
        article: Article = (await self._call(self.client.notify.PublishArticle, publish)).article
        return article

    async def publish_urgent(self) -> None:
        """Publish an urgent notice to the reader, and note how long it takes until it is there."""
        title = f"urgent {len(self.waits.readable)}"
        article = await self.publish(title, READERS, urgent=True)
        published = time.monotonic()
        item = article.name.replace("articles/", "inboxItems/")

        async def readable() -> bool:
            request = pb.ListInboxItemsRequest()
            found = await self.client.notify.ListInboxItems(request, metadata=self._reader, timeout=HANG_S)
            return item in [each.name for each in found.items]

        await eventually_async(readable)
        self.waits.readable.append(time.monotonic() - published)

        async def handed() -> bool:
            return title in self.mail.first

        await eventually_async(handed, self._unsent)
        self.waits.handed.append(self.mail.first[title] - published)

    async def kill(self, rng: random.Random) -> None:
        """Kill one part, and have it started again as its supervisor would, while an urgent notice is published."""
        part = rng.choice(PARTS)
        if part == "postgres":
            self.fleet.kill(part)
            # By the main thread: the server ends with the thread that started it.
            self.fleet.restart(part)
        else:
            self.fleet.parts["notify", part].kill()
            self.fleet.parts["notify", part].launch()
        if part == "api":
            # Who calls meets nothing: that it is there again is the supervisor's part.
            await asyncio.to_thread(self.fleet.parts["notify", part].await_ready)
        await self.publish_urgent()

    def finished(self, article: str) -> bool:
        """Whether all that is done in steps is done."""
        query = text("SELECT count(*) FROM stepped_work WHERE id = ANY(:ids) AND state = 'DONE'")
        with self.fleet.connection("notify") as conn:
            ids = [counting_id(article), planning_id(article)]
            return bool(conn.execute(query, {"ids": ids}).scalar_one() == len(ids))

    def sendings(self, article: str) -> Counter[str]:
        """How many deliveries of the notice there are in each state."""
        query = text("SELECT state, count(*) AS n FROM sending WHERE batch = :article GROUP BY state")
        with self.fleet.connection("notify") as conn:
            return Counter({row.state: row.n for row in conn.execute(query, {"article": article})})

    def people_of(self, article: str) -> tuple[int, int, int]:
        """How many people were written down and how many different ones, and how many were counted."""
        query = text(
            """
            SELECT (SELECT count(*) FROM recipient WHERE article = :id),
                   (SELECT count(DISTINCT user_name) FROM recipient WHERE article = :id),
                   (SELECT CAST(sum(audience) AS bigint) FROM reach WHERE article = :id)
            """
        )
        with self.fleet.connection("notify") as conn:
            row = conn.execute(query, {"id": article.removeprefix("articles/")}).one()
        return row[0], row[1], row[2]

    async def _call(self, method: Any, request: Any) -> Any:
        while True:
            try:
                return await method(request, metadata=self._commander, timeout=HANG_S)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED):
                    raise
                await asyncio.sleep(0.05)

    def _unsent(self) -> Any:
        return self.fleet.rows("notify", "SELECT id, state, last_code FROM sending WHERE state = 'WAITING' LIMIT 5")


async def test_everybody_is_written_down_and_sent_to_once_whatever_is_killed(
    fleet: Fleet, client: FleetClient, mail: MailSink
) -> None:
    rng = random.Random()
    city = City(fleet, client, mail)
    await city.populate()
    audience = PEOPLE + 1
    articles: dict[str, str] = {}
    left = KILLS
    while left:
        title = f"notice {len(articles) + 1}"
        article = (await city.publish(title, TOWN, must_confirm=True)).name
        articles[title] = article
        for _ in range(min(left, KILLS_OF_A_NOTICE)):
            # Somewhere in the counting, the planning or the sending.
            await asyncio.sleep(rng.uniform(0.0, 2.0))
            await city.kill(rng)
            left -= 1
    fleet.mend()
    for title, article in articles.items():

        async def done(article: str = article) -> bool:
            return city.finished(article) and not city.sendings(article)["WAITING"]

        await eventually_async(done, lambda article=article: city.sendings(article))  # type: ignore[misc]
        assert city.people_of(article) == (audience, audience, audience)
        states = city.sendings(article)
        # What a killed sender left in the middle of a call is not sent again.
        assert states.keys() <= {"ACCEPTED", "SENDING", "UNKNOWN"}
        assert states.total() == WITH_ADDRESS + 1
        arrived = {address: count for (subject, address), count in mail.taken.items() if subject == title}
        assert set(arrived.values()) == {1}
        assert states["ACCEPTED"] <= len(arrived) <= states.total()
    print(
        f"{KILLS} kills, {len(articles)} notices to {audience}; {len(city.waits.handed)} urgent ones, p99:",
        f"readable after {p99(city.waits.readable):.3f} s, at the mail server after {p99(city.waits.handed):.2f} s",
    )
    # A promise to a city on a machine of its own; other programs may keep this one busy.
    if PEOPLE >= CITY:
        assert p99(city.waits.readable) < READABLE_S
        assert p99(city.waits.handed) < HANDED_S
