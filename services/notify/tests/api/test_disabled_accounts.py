"""What is kept of accounts that are disabled, and for how long."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.identity.v1.resources_pb2 import UserState
from onegrid.notify.v1.resources_pb2 import Acknowledgement
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.jobs import run_job
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import administrator
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp
from onegrid_notify.main import SERVICE

from .editors import COMMANDER, NEWS, Newsroom
from .people import CITIZEN, COMMUNITY, DISTRICT, NEIGHBOUR
from .stored import Stored

ACTIVE, DISABLED = UserState.USER_STATE_ACTIVE, UserState.USER_STATE_DISABLED
DAY = timedelta(days=1)
REGISTRY = administrator("registry", DISTRICT)
KEPT_OF = "message", "item_state", "preferences", "subscription", "group_member"


class Accounts:
    """Two people of the same community, and what notify keeps of them."""

    def __init__(self, api: Serving, newsroom: Newsroom, stored: Stored, events: Events, clock: SettableClock) -> None:
        self.api = api
        self.newsroom = newsroom
        self.stored = stored
        self.clock = clock
        self.deliver = events.deliver
        self.engine: Engine = stored.engine

    def define(self, who: Caller, version: int, state: UserState) -> None:
        """Announce an account."""
        self.deliver(
            UserDefined(
                user=who.user,
                kind=who.kind,
                district=DISTRICT,
                home=COMMUNITY,
                state=state,
                version=version,
                update_time=timestamp(self.clock.now()),
            )
        )

    async def enter(self, who: Caller) -> None:
        """Have something of every kind kept of an account."""
        self.define(who, 1, ACTIVE)
        self.stored.message(who)
        group = f"groups/{DISTRICT}-party-members"
        await self.call("ChangeGroupMembers", REGISTRY, group=group, added=[who.user])
        await self.call("SetSubscription", who, column=NEWS, subscribed=True)
        await self.call("SetPreferences", who, preferences={"language": "en"})

    async def read(self, who: Caller) -> None:
        """Have somebody read all that they have."""
        items = [{"name": item.name} for item in (await self.api.call(who, "ListInboxItems")).items]
        confirmed = Acknowledgement.ACKNOWLEDGEMENT_CONFIRMED
        await self.call("AcknowledgeInboxItems", who, items=items, acknowledgement=confirmed)

    async def call(self, method: str, by: Caller, **fields: Any) -> Any:
        return await self.api.call(by, method, request_id=str(uuid.uuid4()), **fields)

    def kept(self, of: Caller) -> dict[str, int]:
        """How much of every kind there is of somebody."""
        with self.engine.connect() as conn:
            counts = {
                table: conn.execute(
                    text(f"SELECT count(*) FROM {table} WHERE user_name = :user"), {"user": of.user}
                ).scalar_one()
                for table in KEPT_OF
            }
        return {table: count for table, count in counts.items() if count}

    def homes(self, of: Caller) -> set[str]:
        """Where somebody was at home when the account was disabled."""
        query = text("SELECT home FROM person_version WHERE user_name = :user AND NOT active")
        with self.engine.connect() as conn:
            return set(conn.execute(query, {"user": of.user}).scalars())

    def wait(self, time: timedelta) -> None:
        """Let so much time pass, and the job run then."""
        self.clock.set(self.clock.now() + time)
        job = job_of(SERVICE, "forget disabled accounts")
        assert run_job("notify", self.engine, job, self.clock.now())


@pytest.fixture
async def accounts(api: Serving, newsroom: Newsroom, stored: Stored, events: Events, clock: SettableClock) -> Accounts:
    made = Accounts(api, newsroom, stored, events, clock)
    group = {"name": f"groups/{DISTRICT}-party-members", "display_name": "党员"}
    await made.call("DefineGroup", COMMANDER, group=group)
    for who in (CITIZEN, NEIGHBOUR):
        await made.enter(who)
    clock.set(clock.now() + timedelta(minutes=1))
    await newsroom.published(push=True)
    for who in (CITIZEN, NEIGHBOUR):
        await made.read(who)
    return made


async def test_of_an_account_that_is_disabled_for_long_nothing_is_kept(accounts: Accounts) -> None:
    everything = accounts.kept(NEIGHBOUR)
    assert set(everything) == set(KEPT_OF)
    assert accounts.kept(CITIZEN) == everything
    accounts.define(CITIZEN, 2, DISABLED)
    accounts.wait(90 * DAY - timedelta(seconds=1))
    assert accounts.kept(CITIZEN) == everything
    assert accounts.homes(CITIZEN) == {COMMUNITY}
    accounts.wait(timedelta(seconds=1))
    assert accounts.kept(CITIZEN) == {}
    assert accounts.homes(CITIZEN) == {""}
    assert accounts.kept(NEIGHBOUR) == everything
    # Petitions of theirs may still go on.
    accounts.stored.message(CITIZEN)
    accounts.wait(89 * DAY)
    assert accounts.kept(CITIZEN) == {"message": 1}
    accounts.wait(DAY)
    assert accounts.kept(CITIZEN) == {}


async def test_an_account_that_is_enabled_again_loses_nothing(accounts: Accounts) -> None:
    everything = accounts.kept(CITIZEN)
    accounts.define(CITIZEN, 2, DISABLED)
    accounts.wait(60 * DAY)
    accounts.define(CITIZEN, 3, ACTIVE)
    accounts.wait(60 * DAY)
    assert accounts.kept(CITIZEN) == everything
    # It counts from the last time on.
    accounts.define(CITIZEN, 4, DISABLED)
    accounts.wait(60 * DAY)
    assert accounts.kept(CITIZEN) == everything
    accounts.wait(30 * DAY)
    assert accounts.kept(CITIZEN) == {}


async def test_whom_a_notice_reached_that_had_to_be_confirmed_is_left(accounts: Accounts) -> None:
    await accounts.newsroom.published(push=True, must_confirm=True)
    runner = StepRunner("notify", accounts.engine, SERVICE.load_steps(), accounts.clock)
    while runner.step():
        pass
    await accounts.read(CITIZEN)
    accounts.define(CITIZEN, 2, DISABLED)
    accounts.wait(90 * DAY)
    assert accounts.kept(CITIZEN) == {"item_state": 1}
