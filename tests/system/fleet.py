"""The platform as it is deployed: each role of each service a process of its own, with PostgreSQL and RabbitMQ."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc.aio
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Connection, Engine, text

from onegrid import contracts
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.identity.v1.resources_pb2 import Session
from onegrid.stubs import Stubs
from onegrid_demo import district, loading
from onegrid_demo.client import Client, Deadline, Metadata, bearer, connect
from onegrid_kit.database import sync_engine
from onegrid_kit.embedded.children import lent
from onegrid_kit.embedded.ports import free_port, free_ports
from onegrid_kit.service import installed
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.rabbitmq import RabbitServer
from onegrid_kit.testing.waiting import HANG_S, eventually

from .sending import FOLDER

SERVICES = tuple(contracts.SERVICES)
DRAIN_PAUSE_S = 0.5
DRAIN_GRACE_S = 5.0
_READY = {"api": "api listens", "relay": "relay leads", "worker": "worker consumes", "sender": "sender sends"}
SENDING = frozenset(service.name for service in installed() if service.sender)
"""The services that have a sender."""
# A connection of its own for each client, and no long pauses before it looks for a server that comes back at once.
_RESERVE = timedelta(minutes=10)
"""How long a token is good for at least: longer than what a test does with it on a busy machine."""
_CHANNEL = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
)


class Part:
    """A role of a service, in a process of its own; its output goes to its log."""

    def __init__(self, service: str, role: str, environ: Mapping[str, str], log: Path) -> None:
        self.name = f"{service} {role}"
        self.log = log
        self._command = [sys.executable, "-m", f"onegrid_{service}", role]
        self._role = role
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._output_from = 0

    def launch(self) -> None:
        """Start the process without waiting for it."""
        with self.log.open("ab") as log:
            self._output_from = log.tell()
            self._process = subprocess.Popen(
                # It goes with the tests, even if those are killed.
                lent(self._command, stop_with_us=signal.SIGKILL),
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A process group of its own, so that leftover processes are found.
                start_new_session=True,
            )

    def await_ready(self) -> None:
        """Wait until it does its work."""
        assert self._process is not None
        deadline = time.monotonic() + HANG_S
        while _READY[self._role] not in self.output():
            assert self._process.poll() is None, f"{self.name} ended: {self.output()}"
            assert time.monotonic() < deadline, f"{self.name} is not ready: {self.output()}"
            time.sleep(0.02)

    def start(self) -> None:
        """Start it and wait until it does its work."""
        self.launch()
        self.await_ready()

    @property
    def runs(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        assert self._process is not None
        assert self.runs, f"{self.name} had ended: {self.output()}"
        self._process.kill()
        self._process.wait()

    def ask_to_stop(self) -> None:
        """Send SIGTERM; `output` begins here."""
        assert self._process is not None
        self._output_from = self.log.stat().st_size
        self._process.send_signal(signal.SIGTERM)

    def await_end(self, patience_s: float) -> int:
        """Wait until it has ended; its exit code."""
        assert self._process is not None
        return self._process.wait(patience_s)

    def leaves_processes(self) -> bool:
        """Whether a process that it started is still there."""
        assert self._process is not None
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def end(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()

    @property
    def metrics_port(self) -> int:
        """The URL of its metrics."""
        return int(self._environ["ONEGRID_METRICS_PORT"])

    def output(self) -> str:
        """Its log since it was started, or asked to stop, last."""
        with self.log.open("rb") as log:
            log.seek(self._output_from)
            return log.read().decode(errors="replace")

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of this name that have these labels."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=HANG_S) as answer:
            text = answer.read().decode()
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


def roles_of(service: str) -> list[str]:
    """What serves for it."""
    return [role for role in _READY if role != "sender" or service in SENDING]


class FleetClient(Client):
    """The platform as a client sees it that knows each service by its own address."""

    def __init__(self, fleet: Fleet, *interceptors: grpc.aio.ClientInterceptor, by_the_policy: bool = False) -> None:
        """`by_the_policy`: calls are retried as docs/clients.md describes; else the caller gets each failure."""
        self._fleet = fleet
        channels = {
            name: connect(fleet.target(name))
            if by_the_policy
            else grpc.aio.insecure_channel(
                fleet.target(name), options=_CHANNEL, interceptors=[*interceptors, Deadline()]
            )
            for name in SERVICES
        }
        Stubs.__init__(self, channels)

    async def staff(self, login: str, password: str) -> Metadata:
        """The metadata of a member of staff's calls, who logs in rarely: passwords are slow to check, on purpose."""
        return await self._logged_in(login, lambda: self.log_in_staff(login, password))

    async def public(self, phone: str, district: str) -> Metadata:
        """The metadata of an account's calls; it logs in rarely, since a number gets one code a minute."""

        async def log_in() -> Session:
            await self.identity.RequestOneTimeCode(identity_pb.RequestOneTimeCodeRequest(phone=phone), timeout=HANG_S)
            answer = await self.identity.LoginWithOneTimeCode(
                identity_pb.LoginWithOneTimeCodeRequest(
                    phone=phone, code=self._fleet.last_code(phone), district=district
                ),
                timeout=HANG_S,
            )
            return answer.session

        return await self._logged_in(phone, log_in)

    async def _logged_in(self, who: str, log_in: Callable[[], Awaitable[Session]]) -> Metadata:
        session = self._fleet.sessions.get(who)
        if session is None or session.access_expire_time.ToDatetime(UTC) < datetime.now(UTC) + _RESERVE:
            session = self._fleet.sessions[who] = await log_in()
        return bearer(session.access_token)


class Fleet:
    """Every process of the platform. Start it from the main thread."""

    def __init__(self, folder: Path, otlp_endpoint: str, **environment: str) -> None:
        self.admin_password = secrets.token_urlsafe(12)
        self.accounts: dict[str, Any] = {}
        """The accounts, as `onegrid_demo.loading` returns them."""
        self.sessions: dict[str, Session] = {}
        """Members of the public by their numbers, of staff by their names."""
        self.parts: dict[tuple[str, str], Part] = {}
        """By service and role."""
        self._postgres = TestPostgres()
        self._rabbitmq = RabbitServer(metrics=True)
        self._folder = folder
        self._extra = {"OTLP_ENDPOINT": otlp_endpoint, **environment}
        self._ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self._http_ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
        self._keys = {"PAGE_TOKEN_KEY": secrets.token_hex(16), "CIPHER_KEYS": f"k1:{secrets.token_hex(32)}"}
        self._engines: dict[str, Engine] = {}

    def target(self, service: str) -> str:
        """Where its api listens, in one process or several."""
        return f"127.0.0.1:{self._ports[service]}"

    def http_url(self, service: str) -> str:
        """Where its HTTP routes are, if it has some."""
        return f"http://127.0.0.1:{self._http_ports[service]}"

    @property
    def cipher_keys(self) -> str:
        """What personal fields are sealed with."""
        return self._keys["CIPHER_KEYS"]

    def metrics_ports(self, service: str) -> list[int]:
        """Where Prometheus finds its roles."""
        return [part.metrics_port for (of, _), part in self.parts.items() if of == service]

    @property
    def broker(self) -> str:
        """The broker's host and port."""
        return self._rabbitmq.url.split("@")[1].rstrip("/")

    @property
    def broker_metrics_port(self) -> int:
        """Where it finds the broker."""
        return self._rabbitmq.metrics_port

    def last_code(self, phone: str) -> str:
        """The one-time code that was sent to the number last."""
        return (self._codes / phone).read_text()

    def start(self) -> None:
        """Start everything and load the demonstration district."""
        self.start_empty()
        self.accounts = asyncio.run(self._load(self.admin_password))
        # petition hears of cells, and of who looks after them, by events.
        cells = "SELECT count(boundary), count(nullif(grid_worker, '')) FROM place"
        eventually(lambda: tuple(self.rows("petition", cells)[0]) == (district.CELLS, 1))

    def start_empty(self) -> None:
        """Start all processes; the only account is the administrator's."""
        self._codes.mkdir()
        self._postgres.server.start()
        self._rabbitmq.start()
        for service in SERVICES:
            self._engines[service] = sync_engine(self._postgres.server.create_database(service), pool=2)
        self.run_for_each_service("migrate")
        password = {"ONEGRID_BOOTSTRAP_PASSWORD": self.admin_password}
        self.run("identity", "bootstrap", "--district", district.CODE, **password)
        for service in SERVICES:
            for role in roles_of(service):
                self.parts[service, role] = self._part(service, role)
        for part in self.parts.values():
            part.launch()
        for part in self.parts.values():
            part.await_ready()

    def close(self) -> None:
        """End everything, and remove its data."""
        for part in self.parts.values():
            part.end()
        for engine in self._engines.values():
            engine.dispose()
        self._rabbitmq.close()
        self._postgres.__exit__()

    def run(self, service: str, *role: str, **environ: str) -> str:
        """Run a role that ends by itself, and well; what it prints."""
        ended = subprocess.run(
            [sys.executable, "-m", f"onegrid_{service}", *role],
            env={**self._environ(service), **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=HANG_S,
        )
        assert ended.returncode == 0, f"{service} {role} ended with {ended.returncode}: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def run_for_each_service(self, *role: str) -> Sequence[str]:
        """Run a role that ends by itself, and well, for all services at once; what each prints."""

        async def all_of_them() -> list[str]:
            return await asyncio.gather(*(asyncio.to_thread(self.run, service, *role) for service in SERVICES))

        return asyncio.run(all_of_them())

    @contextmanager
    def second_api(self, service: str) -> Iterator[Part]:
        """Another process of its api, behind the same port."""
        part = self._part(service, "api", "-2")
        part.start()
        try:
            yield part
        finally:
            part.end()

    def kill(self, what: str) -> None:
        """Kill PostgreSQL, RabbitMQ, or a role of petition's, as `kill -9` does."""
        if what == "postgres":
            self._postgres.server.kill()
        elif what == "rabbitmq":
            self._rabbitmq.kill()
        else:
            self.parts["petition", what].kill()

    def restart(self, what: str) -> None:
        """Start what was killed, and wait until it does its work."""
        if what == "postgres":
            self._postgres.server.start()
            for engine in self._engines.values():
                engine.dispose()
        elif what == "rabbitmq":
            self._rabbitmq.start()
        else:
            self.parts["petition", what].start()

    def mend(self) -> None:
        """Start again whichever role of a service does not run."""
        for part in self.parts.values():
            if not part.runs:
                part.start()

    def connection(self, service: str) -> Connection:
        """To its database."""
        return self._engines[service].connect()

    def rows(self, service: str, query: str) -> Sequence[Any]:
        """What its database answers."""
        with self.connection(service) as conn:
            return conn.execute(text(query)).all()

    def count(self, service: str, table: str) -> int:
        """How many rows the table has."""
        return int(self.rows(service, f"SELECT count(*) FROM {table}")[0][0])

    @property
    def _codes(self) -> Path:
        return self._folder / "codes"

    async def _load(self, password: str) -> dict[str, Any]:
        client = FleetClient(self)
        try:
            return await loading.load(client, password)
        finally:
            await client.close()

    def _part(self, service: str, role: str, suffix: str = "") -> Part:
        environ = {**self._environ(service), "ONEGRID_METRICS_PORT": str(free_port())}
        return Part(service, role, environ, self._folder / f"{service}-{role}{suffix}.log")

    def _environ(self, service: str) -> dict[str, str]:
        given = {
            "DATABASE_URL": self._postgres.server.url(service),
            "AMQP_URL": self._rabbitmq.url,
            "LISTEN": self.target(service),
            "HTTP_LISTEN": f"127.0.0.1:{self._http_ports[service]}",
            "IDENTITY_TARGET": self.target("identity"),
            "DRAIN_PAUSE_S": str(DRAIN_PAUSE_S),
            "DRAIN_GRACE_S": str(DRAIN_GRACE_S),
            "TRACE_RATIO": "0",
            "CODE_SENDER": "tests.system.sending:FolderSender",
            "PROVIDERS": json.dumps([{"name": "hooks", "kind": "webhook"}]),
            **self._keys,
            **self._extra,
        }
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        return {
            **inherited,
            "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
            # Compiled once for all of them; a role would take two seconds to start each time.
            "PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / "onegrid-tests-pycache"),
            "OTEL_BSP_SCHEDULE_DELAY": "200",
            FOLDER: str(self._codes),
            **{f"ONEGRID_{name}": value for name, value in given.items()},
        }
