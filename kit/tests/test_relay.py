"""What the relay does with events whose subscribers are missing, and who leads."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import amqp
import pytest
from google.protobuf.message import Message
from prometheus_client import REGISTRY
from sqlalchemy import Engine, text

from onegrid.duty.v1.events_pb2 import RosterDefined
from onegrid.emergency.v1.events_pb2 import IncidentReported
from onegrid.identity.v1.events_pb2 import RoleGranted, UserDefined, UserDisabled
from onegrid_kit import outbox, relay, steps
from onegrid_kit.announcing import Current
from onegrid_kit.lease import Lease
from onegrid_kit.probes import Health
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import eventually

from . import roles
from .calls import a_call, announce, count, notes

DISABLED, GRANTED = "onegrid.identity.v1.UserDisabled", "onegrid.identity.v1.RoleGranted"


@pytest.fixture
def channel(empty_broker: RabbitServer) -> Iterator[Any]:
    """The broker as another system sees it."""
    with amqp.Connection(empty_broker.url.split("@")[1].rstrip("/")) as connection:
        channel = connection.channel()
        yield channel
        for queue in ("onegrid.grid", "onegrid.emergency", "integrator"):
            channel.queue_delete(queue)


@contextmanager
def relaying(
    engine: Engine, url: str, *left_out: str, of: str = "identity", current: Sequence[Current] = ()
) -> Iterator[None]:
    """A relay of identity, or of another service, in a thread; nobody here subscribes to grants."""
    absent = ("notify", *left_out)
    loop, stopping = asyncio.new_event_loop(), asyncio.Event()
    health = Health("broker", "database")
    thread = threading.Thread(
        target=lambda: loop.run_until_complete(relay.relay(of, engine, url, absent, stopping, health, current))
    )
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(30)
        loop.close()


def publish(engine: Engine, *events: tuple[str, Message]) -> None:
    """Announce events in one transaction."""
    with engine.begin() as conn:
        outbox.append(conn, a_call(), events)


def subjects(channel: Any, queue: str) -> list[str]:
    """What the queue holds."""
    found = []
    while (message := channel.basic_get(queue, no_ack=True)) is not None:
        found.append(message.headers["cloudEvents:subject"])
    return found


def sample(name: str, **labels: str) -> float:
    """The value of a metric of identity's relay."""
    return REGISTRY.get_sample_value(name, {"service": "identity", **labels}) or 0.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queues are looked for more often."""
    monkeypatch.setattr(relay, "_CHECK_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_an_event_is_kept_until_the_queue_of_its_subscriber_is_there(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    publish(
        engine,
        ("users/a", UserDisabled(user="users/a")),
        ("users/a", RoleGranted(user="users/a")),  # behind it, although nobody waits for it
        ("users/b", RoleGranted(user="users/b")),
    )
    with relaying(engine, empty_broker.url, "petition"):
        eventually(lambda: count(engine, "outbox") == 2)
        assert sample("onegrid_subscriber_queue_missing", subscriber="grid") == 1
        channel.queue_declare("onegrid.grid", durable=True, auto_delete=False)
        channel.queue_bind("onegrid.grid", "onegrid.identity", DISABLED)
        channel.queue_bind("onegrid.grid", "onegrid.identity", GRANTED)
        eventually(lambda: count(engine, "outbox") == 0)
        assert sample("onegrid_subscriber_queue_missing", subscriber="grid") == 0
    assert subjects(channel, "onegrid.grid") == ["users/a", "users/a"]


@pytest.mark.usefixtures("impatient")
def test_what_is_current_is_announced_to_a_subscriber_once_its_queue_is_there(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    def begun() -> int:
        with engine.connect() as conn:
            return len(steps.unfinished(conn))

    current = (Current(UserDisabled, lambda *_: ()),)
    with relaying(engine, empty_broker.url, "petition", current=current):
        eventually(lambda: sample("onegrid_subscriber_queue_missing", subscriber="grid") == 1)
        publish(engine, ("users/b", RoleGranted(user="users/b")))
        eventually(lambda: count(engine, "outbox") == 0)
        assert begun() == 0
        channel.queue_declare("onegrid.grid", durable=True, auto_delete=False)
        eventually(lambda: begun() == 1)
    with relaying(engine, empty_broker.url, "petition", current=current):
        publish(engine, ("users/b", RoleGranted(user="users/b")))
        eventually(lambda: count(engine, "outbox") == 0)
        assert begun() == 1, "once"


@pytest.mark.usefixtures("impatient")
def test_an_event_that_no_queue_takes_is_kept_although_it_has_a_subscriber(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    before = sample("onegrid_events_returned_total", type=DISABLED)
    channel.queue_declare("onegrid.grid", durable=True, auto_delete=False)
    publish(engine, ("users/a", UserDisabled(user="users/a")), ("users/b", RoleGranted(user="users/b")))
    with relaying(engine, empty_broker.url, "petition"):
        eventually(lambda: sample("onegrid_events_returned_total", type=DISABLED) > before)
        eventually(lambda: count(engine, "outbox") == 1)
        channel.queue_bind("onegrid.grid", "onegrid.identity", DISABLED)
        eventually(lambda: count(engine, "outbox") == 0)
    assert subjects(channel, "onegrid.grid") == ["users/a"]


def test_events_are_not_kept_for_a_service_that_the_installation_leaves_out(
    engine: Engine, empty_broker: RabbitServer
) -> None:
    publish(engine, ("users/a", UserDisabled(user="users/a")))
    with relaying(engine, empty_broker.url, "petition", "grid", "partyedu"):
        eventually(lambda: count(engine, "outbox") == 0)


def test_what_nobody_subscribes_to_is_no_loss_and_other_systems_may_take_it(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    publish(engine, ("users/a", RoleGranted(user="users/a")))
    with relaying(engine, empty_broker.url, "petition", "grid", "partyedu"):
        eventually(lambda: count(engine, "outbox") == 0)
        channel.queue_declare("integrator", durable=True, auto_delete=False)
        channel.queue_bind("integrator", "onegrid.identity", GRANTED)
        publish(engine, ("users/b", RoleGranted(user="users/b")))
        eventually(lambda: count(engine, "outbox") == 0)
    assert subjects(channel, "integrator") == ["users/b"]
    assert channel.queue_declare("onegrid.unrouted", passive=True).message_count == 0


def test_migrate_without_a_broker_refuses_unless_it_is_told_to(database_url: str) -> None:
    environ = roles.environment(database_url)
    refused = roles.run(environ, "migrate")
    assert (refused.returncode, refused.stderr[:24]) == (2, "ONEGRID_AMQP_URL is not ")
    assert roles.run(environ, "migrate", "--without-broker").returncode == 0
    assert roles.run(environ, "migrate", "--nonsense").returncode == 2


def test_an_installation_takes_no_queue_of_another(
    engine: Engine, database_url: str, empty_broker: RabbitServer
) -> None:
    """Each would get half of what is announced to the other."""
    environ = roles.environment(database_url, empty_broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    with engine.begin() as conn:
        first = conn.execute(text("SELECT id FROM installation")).scalar_one()
        conn.execute(text("UPDATE installation SET id = gen_random_uuid()"))
    refused = roles.run(environ, "migrate")
    assert refused.returncode == 1
    assert "the queue onegrid.identity at this virtual host is another installation's" in refused.stderr
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET id = :first"), {"first": first})
    assert roles.run(environ, "migrate").returncode == 0


def test_a_lease_goes_to_another_when_its_holder_is_silent_and_not_before(engine: Engine) -> None:
    clock = [100.0]
    leader = Lease(engine, "test", lasts_s=0.5, monotonic=lambda: clock[0])
    standby = Lease(engine, "test", lasts_s=0.5)
    assert leader.acquire()
    assert not standby.acquire()
    assert standby.holder() == leader.holder() != ""
    assert (leader.held, leader.due) == (True, False)
    clock[0] += 0.2
    assert (leader.held, leader.due) == (True, True)
    clock[0] += 0.4
    assert not leader.held
    eventually(standby.acquire)
    assert not leader.acquire()
    standby.release()
    assert leader.acquire()


def test_a_leader_that_hangs_is_replaced_and_does_no_harm_when_it_goes_on(
    engine: Engine, database_url: str, empty_broker: RabbitServer, tmp_path: Path
) -> None:
    environ = roles.environment(database_url, empty_broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    said = [str(number) for number in range(30)]

    def announce_some(some: Sequence[str]) -> None:
        with engine.begin() as conn:
            announce(conn, "users/a", some)

    one, other = tmp_path / "one", tmp_path / "other"
    with roles.running(environ, "worker"), roles.running(environ, "relay", log=one) as first:
        eventually(lambda: "relay leads" in one.read_text())
        with roles.running(environ, "relay", log=other):
            eventually(lambda: "relay stands by" in other.read_text())
            announce_some(said[:10])
            eventually(lambda: len(notes(engine)) == 10)
            first.send_signal(signal.SIGSTOP)
            announce_some(said[10:20])
            eventually(lambda: len(notes(engine)) == 20)
            assert "relay leads" in other.read_text()
            first.send_signal(signal.SIGCONT)
            eventually(lambda: "relay stands by" in one.read_text())
            announce_some(said[20:])
            eventually(lambda: len(notes(engine)) == 30)
    assert [note for _, note in notes(engine)] == said


def test_a_relay_that_loses_the_broker_says_only_that(
    engine: Engine, database_url: str, empty_broker: RabbitServer, tmp_path: Path
) -> None:
    environ = roles.environment(database_url, empty_broker.url)
    log = tmp_path / "log"
    with roles.running(environ, "relay", log=log):
        eventually(lambda: "relay leads" in log.read_text())
        empty_broker.kill()
        eventually(lambda: log.read_text().count("relay interrupted") > 2)
        empty_broker.start()
        eventually(lambda: log.read_text().count("relay leads") == 2)
    assert "never awaited" not in log.read_text()
    assert "Traceback" not in log.read_text()
    with engine.connect() as conn:
        assert conn.execute(text("SELECT expire_time <= clock_timestamp() FROM lease")).scalar_one()


@pytest.mark.usefixtures("impatient")
def test_events_wait_for_the_queue_of_the_service_that_hosts_their_subscriber(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    """duty, which has no queue of its own, subscribes to accounts."""
    publish(engine, ("users/a", UserDefined(user="users/a")))
    with relaying(engine, empty_broker.url, "petition", "grid", "partyedu"):
        eventually(lambda: sample("onegrid_subscriber_queue_missing", subscriber="duty") == 1)
        assert count(engine, "outbox") == 1
        channel.queue_declare("onegrid.emergency", durable=True, auto_delete=False)
        channel.queue_bind("onegrid.emergency", "onegrid.identity", UserDefined.DESCRIPTOR.full_name)
        eventually(lambda: count(engine, "outbox") == 0)
    assert subjects(channel, "onegrid.emergency") == ["users/a"]


def test_events_of_a_hosted_contract_go_to_an_exchange_of_its_own(
    engine: Engine, empty_broker: RabbitServer, channel: Any
) -> None:
    publish(engine, ("rosters/a", RosterDefined()))
    with relaying(engine, empty_broker.url, "border", "grid", "identity", "petition", of="emergency"):
        eventually(lambda: count(engine, "outbox") == 0)
        channel.queue_declare("integrator", durable=True, auto_delete=False)
        channel.queue_bind("integrator", "onegrid.duty", "#")
        publish(engine, ("rosters/b", RosterDefined()), ("incidents/b", IncidentReported()))
        eventually(lambda: count(engine, "outbox") == 0)
    assert subjects(channel, "integrator") == ["rosters/b"]
