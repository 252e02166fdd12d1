"""People move, come and go, while notices are published; what is known of them comes late and in any order."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid.identity.v1.events_pb2 import RoleGranted, RoleRevoked, UserDefined
from onegrid.identity.v1.resources_pb2 import Grant, UserState
from onegrid_kit.callers import Call
from onegrid_kit.testing.callers import administrator
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp
from onegrid_notify.article import Article, Content, Draft
from onegrid_notify.audience import Audience, Group, Selector, selector_rows
from onegrid_notify.columns import Column
from onegrid_notify.commands import articles, audiences, columns
from onegrid_notify.store import audiences as audience_store
from onegrid_notify.store import places
from onegrid_notify.store.articles import is_for_reader

START = datetime.fromisoformat("2020-11-11T06:00:00+00:00")
KINDS = (AccountKind.ACCOUNT_KIND_CITIZEN, AccountKind.ACCOUNT_KIND_ENTERPRISE)
LEVELS = {"roles/clerk": OaLevel.OA_LEVEL_DEPARTMENT, "roles/worker": OaLevel.OA_LEVEL_GRID}
_examples = itertools.count(210700)


@dataclass
class Person:
    """What is so of a person now."""

    name: str
    kind: AccountKind
    version: int = 1
    home: str = ""
    active: bool = True
    grants: dict[str, tuple[Grant, datetime, datetime]] = field(default_factory=dict)
    """With the first moment, and the first one after, by name."""


class District:
    """A district of its own, in which something happens every minute."""

    def __init__(self, engine: Engine, random: Random) -> None:
        self.code = str(next(_examples))
        self.now = START
        self.people: list[Person] = []
        self.events: list[tuple[Message, datetime]] = []
        self.published: list[tuple[Article, set[str]]] = []
        self.members: set[str] = set()
        self.subscribers: set[str] = set()
        self.group, self.column = f"{self.code}-party", f"{self.code}-news"
        self.codes = [self.code, *(self.code + end for end in ("003", "004", "003007", "003008", "003007001", "D07"))]
        self._engine = engine
        self._random = random
        with engine.begin() as conn:
            self._enter(conn)

    def _enter(self, conn: Connection) -> None:
        for code in self.codes:
            places.keep_place(conn, code, 1, code)
        columns.define(conn, Column(id=f"{self.code}-section", display_name="便民服务"), "", self.call)
        news = Column(id=self.column, display_name="通知公告", parent=f"{self.code}-section")
        columns.define(conn, news, "", self.call)
        audiences.define_group(conn, Group(id=self.group, display_name="党员", protected=False), "", self.call)

    @property
    def call(self) -> Call:
        return Call(
            caller=administrator("editor", self.code), now=self.now, method="m", permission="notify.articles.publish"
        )

    def live(self, minutes: int) -> None:
        """Let something happen in each of them."""
        acts = [self.move, self.disable_or_enable, self.grant, self.revoke, self.join_or_leave, self.subscribe_or_not]
        for _ in range(minutes):
            self.now += timedelta(minutes=1)
            if len(self.people) < 3 or self._random.random() < 0.1:
                self.arrive()
            elif self._random.random() < 0.3:
                self.publish()
            else:
                self._random.choice(acts)(self._random.choice(self.people))

    def arrive(self) -> None:
        person = Person(f"users/{self.code}p{len(self.people)}", self._random.choice(KINDS))
        self.people.append(person)
        self._announce(person)

    def move(self, person: Person) -> None:
        person.home = self._random.choice(["", *(code for code in self.codes if "D" not in code)])
        self._next_version(person)

    def disable_or_enable(self, person: Person) -> None:
        person.active = not person.active
        self._next_version(person)

    def grant(self, person: Person) -> None:
        role = self._random.choice(sorted(LEVELS))
        begin, expire = (
            self.now + timedelta(minutes=self._random.randint(*span)) if self._random.random() < 0.3 else None
            for span in ((0, 4), (5, 9))
        )
        grant = Grant(
            name=f"{person.name}/grants/{len(person.grants):04}",
            role=role,
            scope=self._random.choice(self.codes),
            create_time=timestamp(self.now),
            begin_time=timestamp(begin),
            expire_time=timestamp(expire),
        )
        person.grants[grant.name] = grant, begin or self.now, expire or datetime.max.replace(tzinfo=START.tzinfo)
        event = RoleGranted(user=person.name, role=role, scope=grant.scope, oa_level=LEVELS[role], grant=grant)
        self.events.append((event, self.now))

    def revoke(self, person: Person) -> None:
        if person.grants:
            name = self._random.choice(sorted(person.grants))
            grant, begin, end = person.grants[name]
            if end > self.now:
                person.grants[name] = grant, begin, self.now
                event = RoleRevoked(user=person.name, role=grant.role, scope=grant.scope, grant=grant)
                self.events.append((event, self.now))

    def join_or_leave(self, person: Person) -> None:
        self.members ^= {person.name}
        change: tuple[list[str], list[str]] = (
            ([person.name], []) if person.name in self.members else ([], [person.name])
        )
        with self._engine.begin() as conn:
            assert audiences.change_members(conn, self.group, *change, self.call) == len(self.members)

    def subscribe_or_not(self, person: Person) -> None:
        self.subscribers ^= {person.name}
        with self._engine.begin() as conn:
            subscribed = person.name in self.subscribers
            audiences.set_subscription(conn, self.column, subscribed, person.name, self.now)

    def publish(self) -> None:
        audience = self._audience()
        content = Content(title="通知", summary="", body_html="<p>正文</p>")
        draft = Draft(column=f"columns/{self.column}", content=content, audience=audience, push=True)
        with self._engine.begin() as conn:
            article = articles.create(conn, self.code, draft, self.call)
            articles.submit(conn, article.id, "", self.call)
            article = articles.publish(conn, article.id, None, "", self.call)
        self.published.append((article, {person.name for person in self.people if self._is_for(audience, person)}))

    def _audience(self) -> Audience | None:
        def some(values: list[str], share: float = 0.3) -> tuple[str, ...]:
            return tuple(self._random.sample(values, 1)) if self._random.random() < share else ()

        if self._random.random() < 0.1:
            return None
        return Audience(
            tuple(
                Selector(
                    places=tuple(self._random.sample(self.codes, self._random.randint(1, 2))),
                    kinds=tuple(self._random.sample(KINDS, 1)) if self._random.random() < 0.2 else (),
                    oa_levels=tuple(LEVELS[role] for role in some(sorted(LEVELS))),
                    roles=some(sorted(LEVELS)),
                    groups=some([f"groups/{self.group}"]),
                    subscribed_columns=some([f"columns/{self.column}"], 0.2),
                )
                for _ in range(self._random.randint(1, 3))
            )
        )

    def _is_for(self, audience: Audience | None, person: Person) -> bool:
        """By looking at what is so now."""
        if not person.active:
            return False
        belongs = [(person.home or self.code, "", OaLevel.OA_LEVEL_UNSPECIFIED)]
        for grant, begin, end in person.grants.values():
            if begin <= self.now < end:
                belongs.append((grant.scope, grant.role, LEVELS[grant.role]))
        return any(
            any(code.startswith(place) for place in one.places)
            and (not one.kinds or person.kind in one.kinds)
            and bool(role) == bool(one.oa_levels or one.roles)
            and (not one.oa_levels or level in one.oa_levels)
            and (not one.roles or role in one.roles)
            and (not one.groups or person.name in self.members)
            and (not one.subscribed_columns or person.name in self.subscribers)
            for one in (audience.any_of if audience else (Selector(places=(self.code,)),))
            for code, role, level in belongs
        )

    def _next_version(self, person: Person) -> None:
        person.version += 1
        self._announce(person)

    def _announce(self, person: Person) -> None:
        event = UserDefined(
            user=person.name,
            kind=person.kind,
            district=self.code,
            state=UserState.USER_STATE_ACTIVE if person.active else UserState.USER_STATE_DISABLED,
            home=person.home,
            version=person.version,
            update_time=timestamp(self.now),
        )
        self.events.append((event, self.now))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(random=st.randoms(use_true_random=False), minutes=st.integers(10, 50))
def test_who_is_counted_finds_the_article_and_is_who_belonged_to_the_audience_when_it_was_published(
    engine: Engine, events: Events, random: Random, minutes: int
) -> None:
    district = District(engine, random)
    district.live(minutes)
    late = random.sample(district.events, len(district.events))
    for event, time in late + random.sample(late, len(late) // 4):
        events.deliver(event, time=time)
    with engine.connect() as conn:
        for article, expected in district.published:
            assert article.publish_time is not None
            rows = selector_rows(district.code, article.draft.audience)
            assert audience_store.count_people(conn, district.code, rows, article.publish_time) == len(expected)
            found = {person.name for person in district.people if is_for_reader(conn, article, person.name)}
            assert found == expected
