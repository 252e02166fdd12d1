"""What leaves the platform in these tests: the real sender, with providers that note what they are handed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import sending
from onegrid_kit.callers import Caller
from onegrid_kit.cipher import Cipher, cipher
from onegrid_kit.clock import SettableClock
from onegrid_kit.database import sync_engine
from onegrid_kit.sending import (
    Attempt,
    Context,
    Limit,
    Outcome,
    Outgoing,
    Prepared,
    Provider,
    Receipt,
    Result,
    Send,
    State,
)
from onegrid_kit.sending.runner import SendingRunner
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.api import CIPHER_KEYS
from onegrid_kit.testing.waiting import eventually_async
from onegrid_notify.address import Address, Destination
from onegrid_notify.deliveries import OF_OFFICES, OF_PERSONS, channel_name
from onegrid_notify.endpoint import Endpoint, host_of, seal_secret, seal_url
from onegrid_notify.main import SERVICE
from onegrid_notify.preferences import Preferences
from onegrid_notify.sender import SENDER
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store.addresses import insert_address
from onegrid_notify.store.endpoints import save_endpoint
from onegrid_notify.store.preferences import save_preferences

__all__ = ["Outside", "Sent"]

EMAIL, SMS, WEB_PUSH = OF_PERSONS
WECOM, DINGTALK, FEISHU, WEBHOOK = OF_OFFICES
LONG_AGO = timedelta(days=30)


@dataclass(frozen=True)
class Sent:
    """What a provider was handed."""

    outgoing: Outgoing
    address: str
    content: Any


@dataclass
class Recording:
    """A provider that takes everything, or answers as it is told."""

    channel: str
    sent: list[Sent]
    answer: Callable[[Outgoing], Result] = lambda _: Result.accepted()
    districts: Collection[str] = ()
    limits: Sequence[Limit] = ()
    concurrency: int = 8

    @property
    def name(self) -> str:
        return self.channel.lower()

    async def send(self, outgoing: Outgoing, message: Send, attempt: Attempt) -> Result:
        self.sent.append(Sent(outgoing, message.address, message.content))
        result = self.answer(outgoing)
        return result if result.outcome is not Outcome.ACCEPTED else replace(result, provider_id=attempt.key.hex)

    async def ask(self, *_: object) -> Result | None:
        return None

    async def close(self) -> None:
        pass


@dataclass
class Outside:
    """The service's database, and all that leaves it."""

    url: str
    engine: Engine
    clock: SettableClock
    sent: list[Sent] = field(default_factory=list)
    """What providers were handed, in order."""
    answer: Callable[[Outgoing], Result] = lambda _: Result.accepted()
    providers: Sequence[Provider] = ()
    """In place of those that note what they are handed."""

    @property
    def settings(self) -> NotifySettings:
        return NotifySettings(
            database_url=self.url,
            page_token_key="test" * 8,
            cipher_keys=CIPHER_KEYS,
            http_url="https://push.example.cn",
            item_url="https://app.example.cn/inbox/{item}",
        )

    @property
    def cipher(self) -> Cipher:
        return cipher(self.settings.cipher, self.settings.cipher_keys)

    @property
    def context(self) -> Context:
        return Context(self.settings, self.cipher, self.clock.now())

    # What is known of people and offices

    def address(
        self,
        of: Caller | str,
        channel: Channel = EMAIL,
        value: str = "",
        verify_time: datetime | None = None,
        *,
        verified: bool = True,
    ) -> Address:
        """Give somebody an address."""
        user = of if isinstance(of, str) else of.user
        id_ = f"{channel_name(channel).lower()}{abs(hash((value, verify_time))) % 10**9}".replace("_", "")
        destination = Destination(channel, value or _values(user)[channel])
        now = self.clock.now() - LONG_AGO
        address = Address(
            user=user,
            id=id_,
            district="210602",
            channel=channel,
            sealed_value=destination.sealed(self.cipher),
            value_index=destination.index(self.cipher),
            create_time=now,
            verify_time=(verify_time or now) if verified else None,
        )
        with self.engine.begin() as conn:
            insert_address(conn, address)
        return address

    def prefer(self, of: Caller, **preferences: Any) -> None:
        """Store what somebody decides."""
        with self.engine.begin() as conn:
            save_preferences(conn, of.user, Preferences(version=1, update_time=self.clock.now(), **preferences))

    def endpoint(self, id_: str, *topics: str, channel: Channel = DINGTALK, **fields: Any) -> str:
        """Give an office a robot or webhook; its name."""
        url = f"https://robots.example.cn/{id_}"
        endpoint = Endpoint(
            id=id_,
            channel=channel,
            display_name=id_,
            topics=topics,
            sealed_url=seal_url(url, self.cipher),
            host=host_of(url),
            sealed_secret=seal_secret("SEC0", self.cipher),
            create_time=self.clock.now(),
            update_time=self.clock.now(),
            **{"disabled": False, "version": 1, **fields},
        )
        with self.engine.begin() as conn:
            save_endpoint(conn, endpoint)
        return endpoint.name

    # What is planned and sent

    def step(self) -> None:
        """Take all steps that there are to take."""
        runner = StepRunner("notify", self.engine, SERVICE.load_steps(), self.clock)
        while runner.step():
            pass

    def planned(self) -> list[Outgoing]:
        """All that was ever planned, by id."""
        with self.engine.connect() as conn:
            ids = conn.execute(text("SELECT id FROM sending")).scalars().all()
            return list(sending.find_all(conn, ids))

    def find(self, id_: str) -> Outgoing:
        with self.engine.connect() as conn:
            found = sending.find(conn, id_)
        assert found is not None, id_
        return found

    def fates(self) -> dict[str, tuple[str, str]]:
        """State and code of all that was planned."""
        return {each.id: (each.state.value, each.last_code) for each in self.planned()}

    def prepare(self, *outgoings: Outgoing, engine: Engine | None = None) -> list[Prepared]:
        """What becomes of these now, in a transaction of its own."""
        with (engine or self.engine).begin() as conn:
            return list(SENDER.prepare(conn, outgoings, self.context))

    def receive(self, id_: str, outcome: Outcome, code: str = "", *, address_refused: bool = False) -> None:
        """The provider says this of the last attempt of the sending of this id."""
        with self.engine.begin() as conn:
            attempt = sending.attempts_of(conn, id_)[-1]
            receipt = Receipt(attempt.provider, attempt.provider_id, outcome, code, address_refused)
            SENDER.concluded(conn, sending.receive(conn, [receipt], self.clock.now()), self.context)

    async def send(self) -> list[Sent]:
        """Run the sender until nothing is due; what providers were handed meanwhile."""
        before = len(self.sent)
        providers = self.providers or [
            Recording(channel_name(channel), self.sent, self.answer) for channel in (*OF_PERSONS, *OF_OFFICES)
        ]
        sender = replace(SENDER, providers=lambda _: providers, retry_base_s=0.05)
        engine = sync_engine(self.url, pool=3, by_key=True)
        runner = SendingRunner("notify", engine, sender, self.settings, self.clock)
        stopping = asyncio.Event()
        running = asyncio.create_task(runner.run(stopping, 60.0))
        try:
            await eventually_async(self._nothing_is_due, self.fates)
        finally:
            stopping.set()
            await running
            engine.dispose()
        return self.sent[before:]

    async def _nothing_is_due(self) -> bool:
        now = self.clock.now()
        return not any(
            each.state is State.SENDING
            or (each.state is State.WAITING and each.due_time is not None and each.due_time <= now)
            for each in self.planned()
        )


def _values(user: str) -> dict[Channel, str]:
    name = user.removeprefix("users/")
    keys = '{"endpoint": "https://push.example.com/%s", "p256dh": "BA", "auth": "AA"}'
    return {
        EMAIL: f"{name}@example.cn",
        SMS: "+8613912345623",
        WEB_PUSH: keys % name,
    }
