"""Whatever is killed in the middle: every event that was announced is handled, once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import amqp
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.pump import Member, Pump
from onegrid_kit.settings import ServiceSettings, load
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import HANG_S, eventually

from . import roles
from .calls import announce, count, notes
from .sample.main import SERVICE


class Load:
    """Announces an event each few milliseconds; what was committed is known."""

    def __init__(self, database_url: str) -> None:
        self.announced: list[tuple[str, str]] = []
        self._engine = sync_engine(database_url)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        number = 0
        while not self._stopping.is_set():
            number += 1
            about, said = f"users/{number % 5}", str(number)
            try:
                with self._engine.begin() as conn:
                    announce(conn, about, [said])
            except OperationalError:
                time.sleep(0.02)
                continue
            self.announced.append((about, said))
            time.sleep(0.002)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While in here."""
        self._thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            self._thread.join()
            self._engine.dispose()


def assert_all_handled_once(load: Load, engine: Engine) -> None:
    """Nothing lost, nothing doubled."""
    eventually(lambda: count(engine, "outbox") == 0)
    eventually(lambda: set(load.announced) <= set(notes(engine)))
    noted = Counter(notes(engine))
    assert set(noted.values()) == {1}
    # A commit that was not answered may have been one nevertheless; never more than those.
    assert len(noted) - len(load.announced) <= 5
    assert len(load.announced) > 50


@pytest.fixture
def environ(database_url: str, empty_broker: RabbitServer) -> dict[str, str]:
    """The settings of roles, their topology declared."""
    environ = roles.environment(database_url, empty_broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    return environ


def test_a_killed_broker(
    environ: dict[str, str], database_url: str, engine: Engine, empty_broker: RabbitServer
) -> None:
    load = Load(database_url)
    with roles.running(environ, "relay"), roles.running(environ, "worker"), load.running():
        eventually(lambda: count(engine, "note") > 20)
        empty_broker.restart()
        handled = count(engine, "note")
        eventually(lambda: count(engine, "note") > handled + 20)
    with roles.running(environ, "relay"), roles.running(environ, "worker"):
        assert_all_handled_once(load, engine)


def test_killed_relays_and_workers(environ: dict[str, str], database_url: str, engine: Engine) -> None:
    load = Load(database_url)
    with load.running():
        for _ in range(3):
            with roles.running(environ, "relay") as relay, roles.running(environ, "worker") as worker:
                handled = count(engine, "note")
                eventually(lambda handled=handled: count(engine, "note") > handled + 20)
                relay.kill()
                worker.kill()
    with roles.running(environ, "relay"), roles.running(environ, "worker"):
        assert_all_handled_once(load, engine)


@pytest.mark.parametrize("carried_by", ["pump", "rabbitmq"])
def test_a_killed_database(
    own_postgres: TestPostgres, own_database_url: str, empty_broker: RabbitServer, carried_by: str
) -> None:
    environ = roles.environment(own_database_url, empty_broker.url)
    assert roles.run(environ, "migrate").returncode == 0
    engine, load = sync_engine(own_database_url), Load(own_database_url)

    @contextmanager
    def carrying() -> Iterator[None]:
        if carried_by == "rabbitmq":
            with roles.running(environ, "relay"), roles.running(environ, "worker"):
                yield
            return
        settings: ServiceSettings = load_settings(environ)
        own = sync_engine(own_database_url)
        pump = Pump([Member(SERVICE, settings, own, SystemClock())])
        pump.start()
        try:
            yield
        finally:
            pump.stop()
            own.dispose()

    with carrying():
        with load.running():
            eventually(lambda: count(engine, "note") > 20)
            for end in (own_postgres.server.kill, own_postgres.server.stop):
                end()
                time.sleep(1)
                own_postgres.server.start()
                engine.dispose()
                handled = count(engine, "note")
                eventually(lambda handled=handled: count(engine, "note") > handled + 20)
        assert_all_handled_once(load, engine)
    assert count(engine, "parked_event") == 0
    engine.dispose()


def load_settings(environ: dict[str, str]) -> ServiceSettings:
    """The settings as a role reads them."""
    return load(ServiceSettings, environ)


def test_a_standby_relay_takes_over(environ: dict[str, str], database_url: str, engine: Engine) -> None:
    with roles.running(environ, "worker"), roles.running(environ, "relay") as first:
        with engine.begin() as conn:
            announce(conn, "users/a", ["by the first"])
        eventually(lambda: len(notes(engine)) == 1)
        with roles.running(environ, "relay"):
            first.kill()
            with engine.begin() as conn:
                announce(conn, "users/a", ["by the second"])
            eventually(lambda: len(notes(engine)) == 2)


@pytest.mark.parametrize("role", ["worker", "relay"])
def test_a_role_waits_for_a_broker_that_is_not_there_yet_and_ends_in_order(
    database_url: str, role: str, tmp_path: Path
) -> None:
    nowhere = roles.environment(database_url, "amqp://guest:guest@127.0.0.1:1/")
    log = tmp_path / "log"
    with roles.running(nowhere, role, log=log) as process:
        # It has tried for the second time.
        eventually(lambda: log.read_text().count("127.0.0.1:1/") + log.read_text().count("Connect call failed") >= 2)
        assert process.poll() is None


@contextmanager
def away(broker: RabbitServer) -> Iterator[None]:
    """The broker was killed, while in here."""
    broker.kill()
    try:
        yield
    finally:
        broker.start()


@contextmanager
def out_of_order(broker: RabbitServer) -> Iterator[None]:
    """The broker has the queue and not its process, while in here."""
    queue = "quorum_queues, {'%2F_onegrid.identity', node()}"
    broker.control("eval", f"ra:stop_server({queue}).")
    try:
        broker.control("close_all_connections", "so that it asks for its queue")
        yield
    finally:
        broker.control("eval", f"ra:restart_server({queue}).")


@pytest.mark.parametrize("fault", [away, out_of_order])
def test_a_worker_ends_in_order_while_its_queue_is(
    fault: Callable[[RabbitServer], AbstractContextManager[None]],
    environ: dict[str, str],
    engine: Engine,
    empty_broker: RabbitServer,
    tmp_path: Path,
) -> None:
    log = tmp_path / "log"
    with ExitStack() as stack, roles.running(environ, "relay"), roles.running(environ, "worker", log=log):
        with engine.begin() as conn:
            announce(conn, "users/a", ["heard"])
        eventually(lambda: len(notes(engine)) == 1)
        # Until after both have ended.
        stack.enter_context(fault(empty_broker))
        # It has tried for the second time.
        eventually(lambda: log.read_text().count("Retrying in") + log.read_text().count("to broker lost") >= 2)


def test_roles_that_need_a_broker_refuse_to_start_without_one(database_url: str) -> None:
    for role in ("worker", "relay"):
        ended = roles.run(roles.environment(database_url), role)
        assert (ended.returncode, ended.stderr[:24]) == (2, "ONEGRID_AMQP_URL is not ")


def test_what_is_no_event_is_set_aside_and_the_worker_lives_on(
    environ: dict[str, str], engine: Engine, empty_broker: RabbitServer
) -> None:
    with (
        amqp.Connection(empty_broker.url.split("@")[1].rstrip("/")) as connection,
        roles.running(environ, "relay"),
        roles.running(environ, "worker"),
    ):
        channel = connection.channel()
        for message in (
            amqp.Message("not ours", content_type="text/plain"),
            amqp.Message(b"no headers", content_type="application/protobuf"),
            amqp.Message(b"bad id", content_type="application/protobuf", application_headers={"cloudEvents:id": "7"}),
        ):
            channel.basic_publish(message, exchange="onegrid.identity", routing_key="onegrid.identity.v1.UserDisabled")
        channel.basic_publish(amqp.Message(b""), exchange="onegrid.identity", routing_key="onegrid.identity.v1.Unheard")
        with engine.begin() as conn:
            announce(conn, "users/a", ["wholesome"])
        eventually(lambda: len(notes(engine)) == 1)
        eventually(lambda: channel.queue_declare("onegrid.unrouted", passive=True).message_count == 4)


def test_a_worker_refuses_handlers_that_load_grpc(database_url: str, tmp_path: Path) -> None:
    package = tmp_path / "wayward"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "handlers.py").write_text("import grpc\nHANDLERS = ()\n")
    (package / "main.py").write_text(
        "from dataclasses import replace\nfrom kit.tests.sample import main\n"
        "SERVICE = replace(main.SERVICE, handlers='wayward.handlers:HANDLERS')\n"
    )
    environ = roles.environment(database_url, "amqp://guest:guest@127.0.0.1:1/")
    environ["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    ended = subprocess.run(
        [sys.executable, "-m", "onegrid_kit.worker.launcher", "wayward.main:SERVICE"],
        env=environ, capture_output=True, text=True, check=False, timeout=HANG_S,
    )  # fmt: skip
    assert ended.returncode != 0
    assert "a worker must not load grpc" in ended.stderr


def test_a_parked_event_survives_a_killed_worker(environ: dict[str, str], engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("INSERT INTO fault VALUES ('poison')"))
        announce(conn, "users/a", ["poison"])
    with roles.running(environ, "relay"), roles.running(environ, "worker") as worker:
        eventually(lambda: count(engine, "parked_event") == 1)
        worker.kill()
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM fault"))
    assert roles.run(environ, "parked", "replay", "--all").returncode == 0
    with roles.running(environ, "worker"):
        eventually(lambda: notes(engine) == [("users/a", "poison")])
