"""How many events a second become messages, from petition's outbox to notify's inboxes, against a bare consumer that
does the same inserts and has its events in its queue already.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Final

import aio_pika
import psycopg

from benchmarks import machine
from benchmarks.comparing import Figure, Slice, compare
from benchmarks.platform import Platform
from onegrid.petition.v1.events_pb2 import Step, TaskTaken
from onegrid.petition.v1.resources_pb2 import Actor, Kind, Part, State, Task
from onegrid_demo import district
from onegrid_kit import amqp, ids
from onegrid_kit.events import Delivery
from onegrid_kit.topology import connected, declare_consumer
from onegrid_notify.main import SERVICE

_EVENTS: Final = 5_000
"""In a slice, however long it takes."""
_BAR: Final = 0.6
_QUEUE: Final = "bench.bare"
_TYPE: Final = TaskTaken.DESCRIPTOR.full_name
_PATIENCE_S: Final = 120
_APPEND: Final = "COPY outbox (id, type, subject, time, traceparent, body) FROM STDIN"


class _Platform:
    """Petition's relay, RabbitMQ and notify's worker."""

    def __init__(self, platform: Platform, parts: dict[str, int]) -> None:
        self._petition = platform.postgres.url("petition")
        self._notify = platform.postgres.url("notify")
        self._parts = parts

    def slice(self, _: float) -> Slice:
        """Announce the events at once, and wait until the last one has become a message."""
        used = {part: machine.cpu_seconds(pid) for part, pid in self._parts.items()}
        with psycopg.connect(self._petition) as conn, conn.cursor() as cursor:
            with cursor.copy(_APPEND) as copy:
                for delivery, body in _events():
                    copy.write_row((delivery.id, delivery.type, delivery.subject, delivery.time, "", body))
            began = time.perf_counter()
        with psycopg.connect(self._notify, autocommit=True) as conn:
            _wait_until_handled(conn)
        seconds = time.perf_counter() - began
        cpu = {part: machine.cpu_seconds(pid) - used[part] for part, pid in self._parts.items()}
        return Slice(_EVENTS, seconds, cpu)


class _Bare:
    """A consumer and nothing else."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def slice(self, _: float) -> Slice:
        """Put the events into its queue, and let it consume them."""
        asyncio.run(_publish(self._platform.broker.url))
        used = machine.cpu_seconds(self._platform.postgres.pid)
        given = (self._platform.broker.url, _QUEUE, self._platform.postgres.url("notify"), str(_EVENTS))
        command = [sys.executable, "-m", "benchmarks.bare_consumer", *given]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return Slice(_EVENTS, float(done.stdout), {"postgres": machine.cpu_seconds(self._platform.postgres.pid) - used})


def measure(platform: Platform) -> Iterator[Figure]:
    """So many events in each slice."""
    _, _ = platform.petition, platform.notify
    asyncio.run(
        declare_consumer(platform.broker.url, "notify", sorted({each.type for each in SERVICE.load_handlers()}))
    )
    with ExitStack() as stack:
        # border follows petitions, too, and does not run here: the relay would keep the events for it.
        absent = {"ABSENT_SERVICES": "border"}
        relay = stack.enter_context(platform.carrier("petition", "relay", "petition", absent))
        worker = stack.enter_context(platform.carrier("notify", "worker", "notify"))
        ours = _Platform(platform, {"relay": relay.pid, "worker": worker.pid, "postgres": platform.postgres.pid})
        yield from compare("notify_events", ours, _Bare(platform), lambda: _clear(platform)).figures("ratio", _BAR)


def _events() -> Iterator[tuple[Delivery, bytes]]:
    now = datetime.now(UTC)
    for number in range(_EVENTS):
        petition = f"petitions/{district.CODE}-20201111-{number:08d}"
        step = Step(
            petition=petition,
            sequence=4,
            place=f"{district.CODE}003007",
            kind=Kind.KIND_HELP,
            actor=Actor.ACTOR_LEAD,
            state=State.STATE_HANDLING,
            petitioner=f"users/{number:020d}",
            assignees=[f"{district.CODE}D07"],
            office=f"{district.CODE}D07",
        )
        step.time.FromDatetime(now)
        task = Task(name=f"{petition}/tasks/1", assignee=f"{district.CODE}D07", part=Part.PART_LEAD)
        delivery = Delivery(id=str(ids.new_event_id()), type=_TYPE, subject=petition, time=now)
        yield delivery, TaskTaken(step=step, task=task).SerializeToString()


def _wait_until_handled(conn: psycopg.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        row = conn.execute("SELECT count(*) FROM message").fetchone()
        if row and row[0] == _EVENTS:
            return
        time.sleep(0.02)
    raise SystemExit(f"{row} of {_EVENTS} events have become messages within {_PATIENCE_S} s")


async def _publish(url: str) -> None:
    async with connected(url) as connection:
        channel = await connection.channel()
        await channel.declare_queue(_QUEUE, durable=True, arguments=dict(amqp.QUEUE_ARGUMENTS))
        messages = (
            aio_pika.Message(
                body, headers=dict(amqp.headers(delivery, "")), delivery_mode=aio_pika.DeliveryMode.PERSISTENT
            )
            for delivery, body in _events()
        )
        await asyncio.gather(*(channel.default_exchange.publish(message, _QUEUE) for message in messages))


def _clear(platform: Platform) -> None:
    """Empty what both fill, so that each slice begins alike."""
    with psycopg.connect(platform.postgres.url("notify"), autocommit=True) as conn:
        row = conn.execute("SELECT count(*) FROM message").fetchone()
        if row != (_EVENTS,):
            raise SystemExit(f"{row} messages, not {_EVENTS}")
        conn.execute("TRUNCATE message, message_source, signal, inbox")
        conn.execute("CHECKPOINT")
