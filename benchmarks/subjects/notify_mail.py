"""How many e-mails a second leave by the sender, each with its attempt and outcome committed, against a bare loop over
one connection into the same mail server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import grpc
from sqlalchemy import Engine, text

from benchmarks import machine
from benchmarks.comparing import Figure, Slice, compare
from benchmarks.platform import CIPHER_KEYS, Platform, wait_until_listening
from benchmarks.subjects.notify_publish import prepare, publish
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_demo import district
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.logs import configure
from onegrid_kit.steps import StepRunner
from onegrid_notify.address import Address, Destination
from onegrid_notify.main import SERVICE
from onegrid_notify.store.addresses import insert_address

_MAILS: Final = 3_000
"""In a slice, however long it takes."""
_BAR: Final = 0.5


@dataclass(frozen=True)
class _Sink:
    """The mail server that both send to."""

    process: subprocess.Popen[str]
    port: int

    def seconds(self) -> float:
        """From the first e-mail of a slice to the last one."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{_MAILS}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())


class _Ours:
    """A notice for the district, sent by e-mail too, to so many who have verified their address."""

    def __init__(self, platform: Platform, engine: Engine, editor: grpc.Channel, sink: _Sink) -> None:
        self._platform = platform
        self._engine = engine
        self._editor = editor
        self._sink = sink
        self._runner = StepRunner("notify", engine, SERVICE.load_steps(), SystemClock())

    def slice(self, _: float) -> Slice:
        """Publish it and plan its deliveries; then let a sender send them."""
        name = prepare(self._platform, self._editor, district.CODE, [Channel.CHANNEL_EMAIL])
        publish(self._platform, self._editor, name)
        while self._runner.step():
            pass
        postgres = self._platform.postgres.pid
        used = machine.cpu_seconds(postgres)
        with self._platform.carrier("notify", "sender", "notify", self._providers()) as sender:
            seconds = self._sink.seconds()
            cpu = {"sender": machine.cpu_seconds(sender.pid), "postgres": machine.cpu_seconds(postgres) - used}
            self._wait_until_concluded()
        return Slice(_MAILS, seconds, cpu)

    def _providers(self) -> Mapping[str, str]:
        mail = {"name": "mail", "kind": "smtp", "host": "127.0.0.1", "port": self._sink.port, "security": "plain"}
        return {"PROVIDERS": json.dumps([{**mail, "from_address": "notice@example.cn"}])}

    def _wait_until_concluded(self) -> None:
        for _ in range(1000):
            with self._engine.connect() as conn:
                left = conn.execute(text("SELECT count(*) FROM sending WHERE state <> 'ACCEPTED'")).scalar_one()
            if not left:
                return
            time.sleep(0.02)
        raise SystemExit(f"{left} sendings are not ACCEPTED")


class _Bare:
    """A loop and nothing else."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink

    def slice(self, _: float) -> Slice:
        """Send as many."""
        command = [sys.executable, "-m", "benchmarks.bare_mailer", str(self._sink.port), str(_MAILS)]
        with subprocess.Popen(command):
            return Slice(_MAILS, self._sink.seconds(), {})


def measure(platform: Platform) -> Iterator[Figure]:
    """So many e-mails in each slice."""
    configure("notify", "warning")
    target = f"127.0.0.1:{platform.notify.port}"
    engine = sync_engine(platform.postgres.url("notify"))
    try:
        with engine.begin() as conn:
            conn.execute(text("TRUNCATE stepped_work"))
            sealing, now = cipher("AES-256-GCM", CIPHER_KEYS), datetime.now(UTC)
            for number in range(1, _MAILS + 1):
                destination = Destination.of_email(f"resident-{number}@example.cn")
                insert_address(
                    conn,
                    Address(
                        user=f"users/{number:020d}",
                        id=f"{number:08d}",
                        district=district.CODE,
                        channel=Channel.CHANNEL_EMAIL,
                        sealed_value=destination.sealed(sealing),
                        value_index=destination.index(sealing),
                        create_time=now,
                        verify_time=now,
                    ),
                )
        with grpc.insecure_channel(target) as editor, _listening() as sink:
            ours = _Ours(platform, engine, editor, sink)
            yield from compare("notify_mail", ours, _Bare(sink), lambda: _clear(engine)).figures("ratio", _BAR)
    finally:
        engine.dispose()


@contextmanager
def _listening() -> Iterator[_Sink]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.sink", str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            wait_until_listening(port)
            yield _Sink(process, port)
        finally:
            process.kill()


def _clear(engine: Engine) -> None:
    """Empty what fills, so that each slice begins alike."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("TRUNCATE sending, attempt, unconcluded, stepped_work"))
        conn.execute(text("CHECKPOINT"))
