"""What each role tells its supervisor: ready while it has what it needs, alive while its loop turns."""

from __future__ import annotations

import time

import pytest

from onegrid_kit.embedded.ports import free_port
from onegrid_kit.probes import Health
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer

from . import roles
from .calls import eventually


def test_ready_is_who_lacks_nothing() -> None:
    health = Health("broker", "database")
    assert health.lacks == ["broker", "database"]
    health.set("broker", True)
    health.set("database", True)
    assert not health.lacks
    health.set("broker", False)
    assert health.lacks == ["broker"]


def test_a_loop_that_is_silent_for_too_long_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(patience_s=30)
    assert health.alive
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 31)
    assert not health.alive
    health.beat()
    assert health.alive


def test_a_role_is_ready_while_broker_and_database_are_there(
    own_postgres: TestPostgres, own_database_url: str, empty_broker: RabbitServer
) -> None:
    ports = {"worker": free_port(), "relay": free_port()}
    environs = {
        role: roles.environment(own_database_url, empty_broker.url, METRICS_PORT=str(port))
        for role, port in ports.items()
    }

    def told(path: str) -> set[int]:
        return {roles.probe(port, path) for port in ports.values()}

    assert roles.run(environs["relay"], "migrate").returncode == 0
    with roles.running(environs["worker"], "worker"), roles.running(environs["relay"], "relay"):
        eventually(lambda: told("ready") == {200}, 30)
        for server in (own_postgres.server, empty_broker):
            server.kill()
            eventually(lambda: told("ready") == {503}, 30)
            # A restart would bring nothing back.
            assert told("live") == {200}
            server.start()
            eventually(lambda: told("ready") == {200}, 60)
