"""What each role tells its supervisor: ready while it has what it needs, alive while its loop turns."""

from __future__ import annotations

import time

import pytest

import roles
from calls import eventually
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.probes import Health
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer


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


@pytest.mark.parametrize("role", ["worker", "relay"])
def test_a_role_is_ready_while_broker_and_database_are_there(
    role: str, own_postgres: TestPostgres, own_database_url: str, empty_broker: RabbitServer
) -> None:
    port = free_port()
    environ = roles.environment(own_database_url, empty_broker.url, METRICS_PORT=str(port))
    assert roles.run(environ, "migrate").returncode == 0
    with roles.running(environ, role):
        eventually(lambda: roles.probe(port, "ready") == 200, 30)
        for server in (own_postgres.server, empty_broker):
            server.kill()
            eventually(lambda: roles.probe(port, "ready") == 503, 30)
            # A restart would bring nothing back.
            assert roles.probe(port, "live") == 200
            server.start()
            eventually(lambda: roles.probe(port, "ready") == 200, 60)
