"""What is measured: PostgreSQL and the services' apis, processes of their own with their default settings."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final

import grpc
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks import exam, hundred_thousand, readings, residents, statements
from onegrid.common.v1.common_pb2 import AccountKind, OaLevel, Point
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_demo import district
from onegrid_emergency.main import SERVICE as EMERGENCY
from onegrid_identity.main import SERVICE as IDENTITY
from onegrid_kit import tokens
from onegrid_kit.callers import Caller, Grant
from onegrid_kit.cipher import cipher
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.embedded.postgres import PostgresServer
from onegrid_kit.embedded.rabbitmq import RabbitServer
from onegrid_kit.migrations import migrate
from onegrid_notify.main import SERVICE as NOTIFY
from onegrid_partyedu.main import SERVICE as PARTYEDU
from onegrid_petition.main import SERVICE as PETITION

__all__ = ["COMMUNITY", "LEAD", "Api", "Platform", "platform", "process", "wait_until_listening", "wait_until_serving"]

CIPHER_KEYS: Final = "bench:" + "ab" * 32
LEAD: Final = f"{district.CODE}D07"
COMMUNITY: Final = district.cells()[0].code[:12]
_PETITION: Final = "petition.petitions.", "petition.tasks."
_PERMISSIONS: Final = frozenset(
    {
        *(_PETITION[0] + verb for verb in ("file", "get", "list", "accept", "dispatch", "rate", "verify")),
        *(_PETITION[1] + verb for verb in ("take", "conclude")),
        "petition.summaries.get",
        "emergency.readings.ingest",
        *(f"notify.{verb}" for verb in ("articles.edit", "articles.publish", "inbox.read")),
        "emergency.resources.reserve",
        "emergency.warnings.receive",
        *(f"partyedu.{verb}" for verb in ("attempts.take", "progress.list", "reports.read")),
        *(f"partyedu.statements.{verb}" for verb in ("read", "write")),
    }
)
_SERVICE: Final = "/onegrid.petition.v1.PetitionService/"
_SOURCE: Final = """
    INSERT INTO warning_source
      (district, id, sequence, display_name, sender, account, certificate, suspended, update_time)
    VALUES (%(district)s, %(district)s || '-bench', 1, '气象台', 'bench@example.cn', %(account)s, '', false, now())
    """
_CELL: Final = """
    INSERT INTO place (district, code, version, display_name, grid_worker, boundary, west, south, east, north)
    VALUES (%(district)s, %(code)s, 1, '', '', CAST(%(corners)s AS jsonb), %(west)s, %(south)s, %(east)s, %(north)s)
    """


@dataclass(frozen=True, slots=True)
class Api:
    """One api that listens."""

    port: int
    pid: int
    http_url: str = ""
    """Where it serves HTTP; empty: nowhere."""


class Platform:
    """PostgreSQL, identity's api and petition's: over an empty database, and over a full one where it is asked for."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self._stack = stack
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres", settings={"shared_buffers": "512MB"})
        self.postgres.start()
        stack.callback(self.postgres.stop)
        migrate(IDENTITY, self.postgres.create_database("identity"))
        self._key = Ed25519PrivateKey.generate()
        self._keep_signing_key()
        self.identity = self.start_api("identity", "identity")

    @cached_property
    def petition(self) -> Api:
        """petition's api over a database that holds the district and no petitions."""
        self._new_petition_database("petition")
        return self.start_api("petition", "petition")

    @cached_property
    def full_petition(self) -> Api:
        """petition's api over a database with 100,000 petitions."""
        self._new_petition_database("petition_full")
        print("==> storing 100,000 petitions", flush=True)
        hundred_thousand.store(self.postgres.url("petition_full"))
        return self.start_api("petition", "petition_full")

    @cached_property
    def notify(self) -> Api:
        """notify's api over a database with 220,000 residents, the petitioner among them, and 2,000 notices."""
        url = self.postgres.create_database("notify")
        migrate(NOTIFY, url)
        print("==> storing 220,000 residents", flush=True)
        residents.store(url, _user("petitioner"))
        return self.start_api("notify", "notify")

    @cached_property
    def emergency(self) -> Api:
        """emergency's api over a database that holds nothing."""
        migrate(EMERGENCY, self.postgres.create_database("emergency"))
        return self.start_api("emergency", "emergency")

    @cached_property
    def sensors(self) -> Api:
        """emergency's api over a database with 5,000 sensors of the gateway's."""
        migrate(EMERGENCY, self.postgres.create_database("sensors"))
        readings.store(self.postgres.url("sensors"), _user("gateway"))
        return self.start_api("emergency", "sensors")

    @cached_property
    def warnings(self) -> Api:
        """emergency's api over a database with the district's cells, and a source of warnings that is the gateway's."""
        migrate(EMERGENCY, self.postgres.create_database("warnings"))
        with psycopg.connect(self.postgres.url("warnings"), autocommit=True) as conn:
            conn.execute(_SOURCE, {"district": district.CODE, "account": _user("gateway")})
            for cell in district.cells():
                east, north = zip(*cell.corners, strict=True)
                box = {"west": min(east), "east": max(east), "south": min(north), "north": max(north)}
                corners = json.dumps(cell.corners)
                conn.execute(_CELL, {"district": district.CODE, "code": cell.code, "corners": corners, **box})
            conn.execute("VACUUM ANALYZE place")
        return self.start_api("emergency", "warnings")

    @cached_property
    def partyedu(self) -> Api:
        """partyedu's api over a database with an exam that all members are at."""
        url = self.postgres.create_database("partyedu")
        migrate(PARTYEDU, url)
        print(f"==> storing {exam.MEMBERS:,} attempts", flush=True)
        exam.store(url)
        return self.start_api("partyedu", "partyedu")

    @cached_property
    def statements(self) -> Api:
        """partyedu's api over a database with 1,000,000 statements of the gateway's."""
        url = self.postgres.create_database("statements")
        migrate(PARTYEDU, url)
        print(f"==> storing {statements.COUNT:,} statements", flush=True)
        statements.store(url, cipher("AES-256-GCM", CIPHER_KEYS))
        listen = f"127.0.0.1:{free_port()}"
        api = self.start_api("partyedu", "statements", {"HTTP_LISTEN": listen})
        return replace(api, http_url=f"http://{listen}")

    @cached_property
    def filing(self) -> Path:
        """The bytes of a FilePetitionRequest."""
        path = self.folder / "file.bin"
        path.write_bytes(
            pb.FilePetitionRequest(
                district=district.CODE,
                kind=Kind.KIND_HELP,
                text="儿童中心近期招不到保育员和教师，影响开班，请帮忙协调用工。",
                location=Point(longitude=124.4, latitude=40.14),
                address="朝凤社区儿童中心",
                request_id="00000000-0000-4000-8000-000000000000",
            ).SerializeToString()
        )
        return path

    @cached_property
    def lifecycle(self) -> Path:
        """What the generator of whole lifecycles needs."""
        path = self.folder / "lifecycle.json"
        path.write_text(json.dumps({"tokens": self.tokens, "filing": self.filing.read_bytes().hex(), "lead": LEAD}))
        return path

    @cached_property
    def tokens(self) -> Mapping[str, str]:
        """An access token for each who acts."""
        staff = Caller(user="users/", session="bench", kind=AccountKind.ACCOUNT_KIND_STAFF, district=district.CODE)

        def holding(user: str, level: OaLevel, scope: str, caller: Caller = staff) -> Caller:
            return replace(caller, user=_user(user), grants=(*caller.grants, Grant(scope, level, _PERMISSIONS)))

        own = Grant("self", OaLevel.OA_LEVEL_UNSPECIFIED, _PERMISSIONS)
        citizen = replace(staff, kind=AccountKind.ACCOUNT_KIND_CITIZEN, grants=(own,))
        callers = {
            "petitioner": holding("petitioner", OaLevel.OA_LEVEL_UNSPECIFIED, district.CODE, citizen),
            "gateway": holding("gateway", OaLevel.OA_LEVEL_UNSPECIFIED, district.CODE),
            "commander": holding("commander", OaLevel.OA_LEVEL_DISTRICT, district.CODE),
            "clerk": holding("clerk", OaLevel.OA_LEVEL_DEPARTMENT, LEAD),
            "community": holding("community", OaLevel.OA_LEVEL_COMMUNITY, district.CODE),
        }
        return {name: self._sign(caller) for name, caller in callers.items()}

    def residents_tokens(self, count: int) -> Sequence[str]:
        """An access token for each of the first so many residents."""
        grant = Grant("self", OaLevel.OA_LEVEL_UNSPECIFIED, _PERMISSIONS)
        kind = AccountKind.ACCOUNT_KIND_CITIZEN
        one = Caller(user="", session="bench", kind=kind, district=district.CODE, grants=(grant,))
        return [self._sign(replace(one, user=_user(str(number)))) for number in range(1, count + 1)]

    def file_one(self) -> str:
        """The name of a new petition."""
        with grpc.insecure_channel(f"127.0.0.1:{self.petition.port}") as channel:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"{_SERVICE}FilePetition")
            metadata = (("authorization", f"Bearer {self.tokens['petitioner']}"),)
            answer = call(self.filing.read_bytes(), metadata=metadata, timeout=10)
        return pb.FilePetitionResponse.FromString(answer).petition.name

    def clear_filings(self) -> None:
        """Empty what filings fill, so that each slice begins alike."""
        with psycopg.connect(self.postgres.url("petition"), autocommit=True) as conn:
            conn.execute("TRUNCATE petition, task, timeline, outbox, idempotency, audit_entry, audit_block")
            conn.execute("CHECKPOINT")

    def start_api(self, service: str, database: str, settings: Mapping[str, str] = MappingProxyType({})) -> Api:
        """An api that ends with the run."""
        port = free_port()
        started = self._stack.enter_context(self.api(service, database, port, settings))
        wait_until_serving(port)
        return Api(port, started.pid)

    @cached_property
    def broker(self) -> RabbitServer:
        """RabbitMQ."""
        broker = RabbitServer()
        self._stack.callback(broker.close)
        broker.start()
        return broker

    @contextmanager
    def api(
        self, service: str, database: str, port: int, settings: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[subprocess.Popen[bytes]]:
        """One api process with its default settings, but for those given."""
        identity = port if service == "identity" else self.identity.port
        own = {"LISTEN": f"127.0.0.1:{port}", "IDENTITY_TARGET": f"127.0.0.1:{identity}", "DRAIN_PAUSE_S": "0"}
        with self._role(service, "api", database, {**own, **settings}) as started:
            yield started

    @contextmanager
    def carrier(
        self, service: str, role: str, database: str, settings: Mapping[str, str] = MappingProxyType({})
    ) -> Iterator[subprocess.Popen[bytes]]:
        """One worker, relay or sender with its default settings, but for those given."""
        own = {} if role == "sender" else {"AMQP_URL": self.broker.url}
        with self._role(service, role, database, {**own, **settings}) as started:
            yield started

    @contextmanager
    def _role(
        self, service: str, role: str, database: str, settings: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[bytes]]:
        given = {
            "DATABASE_URL": self.postgres.url(database),
            "PAGE_TOKEN_KEY": "bench" * 8,
            "CIPHER_KEYS": CIPHER_KEYS,
            "METRICS_PORT": str(free_port()),
            "LOG_LEVEL": "warning",
            **settings,
        }
        environment = {**os.environ, **{f"ONEGRID_{name}": value for name, value in given.items()}}
        with process([sys.executable, "-m", f"onegrid_{service}", role], environment) as started:
            yield started

    def _sign(self, caller: Caller) -> str:
        now = datetime.now(UTC)
        return tokens.encode(caller, self._key, "bench", now, now + timedelta(hours=2))

    def _keep_signing_key(self) -> None:
        sealed = cipher("AES-256-GCM", CIPHER_KEYS).encrypt(self._key.private_bytes_raw().hex(), "identity.signing_key")
        with psycopg.connect(self.postgres.url("identity")) as conn:
            conn.execute(
                "INSERT INTO signing_key VALUES ('bench', %s, %s, now())",
                [self._key.public_key().public_bytes_raw(), sealed],
            )

    def _new_petition_database(self, name: str) -> None:
        migrate(PETITION, self.postgres.create_database(name))
        places = [
            (district.CODE, each.code, each.name, json.dumps(each.corners) if each.corners else None)
            for each in district.cells()
        ]
        with psycopg.connect(self.postgres.url(name)) as conn, conn.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO place (district, code, display_name, version, boundary, grid_worker) "
                "VALUES (%s, %s, %s, 1, %s, '')",
                places,
            )
            cursor.execute(
                "INSERT INTO department (district, code, display_name, version) VALUES (%s, %s, %s, 1)",
                [district.CODE, LEAD, "人社中心"],
            )
            cursor.execute("UPDATE ground_version SET version = 1")


def _user(name: str) -> str:
    return f"users/{name:0>20}"


@contextmanager
def platform() -> Iterator[Platform]:
    """A platform of its own, below a temporary folder."""
    import tempfile

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onegrid-bench-", dir="/var/tmp")))
        folder.chmod(0o755)
        yield Platform(stack, folder)


@contextmanager
def process(
    command: list[str], environment: Mapping[str, str] | None = None, *, quiet: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended with the block."""
    started = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL if quiet else None)
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()


def wait_until_listening(port: int) -> None:
    """Until something listens there."""
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nothing listens on port {port}")


def wait_until_serving(port: int) -> None:
    """Until the health service says SERVING."""
    for _ in range(600):
        # A channel of its own each time: one that has failed waits for seconds before it tries again.
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.RpcError:
                pass
        time.sleep(0.05)
    raise SystemExit("the platform does not serve")
