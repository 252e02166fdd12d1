"""`/ready` and `/live` of each role: ready while its dependencies are there, live while its loop runs."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from onegrid_kit.embedded.ports import free_port
from onegrid_kit.probes import Health, serve
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import HANG_S, eventually

from . import roles
from .loopback import LOOPBACK


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


def test_an_answer_is_as_long_as_it_says_whatever_was_answered_before() -> None:
    port, health = free_port(), Health("database")
    serve(port, health, "sample", "relay")
    bodies = []
    for ready in (False, True, False):
        health.set("database", ready)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=HANG_S) as answer:
                bodies.append(answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                bodies.append(refused.read())
    lacking = b"lacks database\n"
    assert bodies == [lacking, b"ready\n", lacking]


@pytest.mark.parametrize("address", LOOPBACK)
def test_it_answers_by_either_version_of_ip(address: str) -> None:
    port = free_port()
    serve(port, Health(), "sample", "relay")
    with urllib.request.urlopen(f"http://{address}:{port}/ready", timeout=HANG_S) as answer:
        assert answer.status == 200


def test_a_role_is_ready_while_broker_and_database_are_there(
    own_postgres: TestPostgres, own_database_url: str, empty_broker: RabbitServer
) -> None:
    ports = {"worker": free_port(), "relay": free_port()}
    environs = {
        role: roles.environment(own_database_url, empty_broker.url, METRICS_PORT=str(port))
        for role, port in ports.items()
    }

    def statuses(path: str) -> set[int]:
        return {roles.probe(port, path) for port in ports.values()}

    assert roles.run(environs["relay"], "migrate").returncode == 0
    with roles.running(environs["worker"], "worker"), roles.running(environs["relay"], "relay"):
        eventually(lambda: statuses("ready") == {200})
        for server in (own_postgres.server, empty_broker):
            server.kill()
            eventually(lambda: statuses("ready") == {503})
            # A restart would bring nothing back.
            assert statuses("live") == {200}
            server.start()
            eventually(lambda: statuses("ready") == {200})


@pytest.mark.parametrize("role", ["relay", "worker"])
def test_a_metrics_port_that_is_taken_is_named(role: str, database_url: str) -> None:
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        environ = roles.environment(database_url, "amqp://guest:guest@127.0.0.1:1/", METRICS_PORT=str(port))
        ended = roles.run(environ, role)
    assert ended.returncode == 2
    assert f"ONEGRID_METRICS_PORT: port {port} can't be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "role", [("migrate", "--without-broker"), ("parked", "list"), ("steps", "list"), ("audit", "verify")]
)
def test_a_database_that_refuses_is_told_in_a_line(role: tuple[str, ...]) -> None:
    nowhere = "postgresql://user:secret@127.0.0.1:1/nothing"
    ended = roles.run(roles.environment(nowhere), *role)
    assert ended.returncode == 1
    assert "database or broker refuse or do not answer" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secret" not in ended.stderr


def test_a_broker_that_refuses_migrate_is_told_in_a_line(database_url: str, empty_broker: RabbitServer) -> None:
    wrong = empty_broker.url.replace("guest:guest", "guest:wrong")
    ended = roles.run(roles.environment(database_url, wrong), "migrate")
    assert ended.returncode == 1
    assert "database or broker refuse or do not answer" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("role", ["relay", "worker"])
@pytest.mark.parametrize("later_s", [0, 0.1, 0.3, 0.6, 1, 2])
def test_a_role_that_is_stopped_while_it_starts_ends_with_success(role: str, later_s: float, database_url: str) -> None:
    def listens_for_sigterm(process: subprocess.Popen[bytes]) -> bool:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        return bool((int(status["SigCgt"], 16) | int(status["SigBlk"], 16)) & 1 << (signal.SIGTERM - 1))

    with roles.running(roles.environment(database_url, "amqp://guest:guest@127.0.0.1:1/"), role) as process:
        eventually(lambda: listens_for_sigterm(process))
        time.sleep(later_s)
