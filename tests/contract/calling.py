"""The running district as its callers see it: bytes in, an outcome back; and what its databases hold."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import Engine, TextClause, text

from onegrid.common.v1 import error_reason_pb2 as common_reasons
from onegrid.options.v1 import options_pb2
from onegrid_demo.platform import SERVICES
from onegrid_kit.database import sync_engine
from onegrid_kit.testing.waiting import HANG_S

M = TypeVar("M", bound=Message)
_WAITING = (
    "outbox",
    "stepped_work WHERE state = 'RUNNING'",
    "sending WHERE state = 'WAITING' AND due_time <= now() OR state = 'SENDING'",
)
"""What background processes are about to change."""
_ANYTHING_WAITS = text("SELECT " + " OR ".join(f"EXISTS (SELECT FROM {waiting})" for waiting in _WAITING))

SERVED = [served for service in SERVICES for served in service.served]
"""The services, and those that they host."""
METHODS: Sequence[MethodDescriptor] = [method for service in SERVED for method in service.descriptor.methods]
OF_REQUEST = {method.input_type.full_name: method for method in METHODS}
REASON_ENUMS = {
    service.domain: (
        common_reasons.ErrorReason,
        import_module(f"onegrid.{service.name}.v1.error_reason_pb2").ErrorReason,
    )
    for service in SERVED
}
REASONS = {
    domain: {key.removeprefix("ERROR_REASON_") for enum in enums for key, number in enum.items() if number}
    for domain, enums in REASON_ENUMS.items()
}
ROOT = Path(__file__).resolve().parents[2]


def access(method: MethodDescriptor) -> options_pb2.Access:
    return method.GetOptions().Extensions[options_pb2.access]


def path(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def domain(method: MethodDescriptor) -> str:
    return "onegrid." + method.containing_service.full_name.split(".")[1]


def request_of(method: MethodDescriptor) -> type[Message]:
    return GetMessageClass(method.input_type)


def documented_metadata() -> dict[tuple[str, str], set[str]]:
    """For each domain and reason the keys of its metadata, as the example in the reason's comment has them."""
    example = re.compile(r'"reason": "(\w+)".*?"metadata": \{(.*?)\} \}')
    return {
        (service.domain, reason): set(re.findall(r'"(\w+)":', metadata))
        for service in SERVED
        for package in ("common", service.name)
        for reason, metadata in example.findall((ROOT / f"protos/onegrid/{package}/v1/error_reason.proto").read_text())
    }


DOCUMENTED_METADATA = documented_metadata()


@dataclass(frozen=True)
class Outcome:
    """The answer that a caller gets: a message or an error."""

    method: MethodDescriptor = field(compare=False)
    code: grpc.StatusCode
    message: str = ""
    details: bytes = b""
    """The serialized `google.rpc.Status`."""
    answer: bytes = field(default=b"", compare=False)

    @property
    def ok(self) -> bool:
        return self.code is grpc.StatusCode.OK

    @cached_property
    def status(self) -> status_pb2.Status:
        return status_pb2.Status.FromString(self.details)

    def detail(self, kind: type[M]) -> M | None:
        for packed in self.status.details:
            if packed.Is(kind.DESCRIPTOR):
                found = kind()
                packed.Unpack(found)
                return found
        return None

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        info = self.detail(error_details_pb2.ErrorInfo)
        assert info is not None, self
        return info

    @property
    def reason(self) -> str:
        return "" if self.ok else self.info.reason

    def keeps_the_contract(self) -> Outcome:
        """Itself, after checking that code, reason and details are those that the contract allows."""
        if self.ok:
            return self
        assert self.code not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), self
        assert self.code not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), self
        assert self.details, f"without details: {self}"
        assert (self.status.code, self.status.message) == (self.code.value[0], self.message)
        info = self.info
        assert info.domain == domain(self.method), self
        assert info.reason in REASONS[info.domain], self
        assert set(info.metadata) <= DOCUMENTED_METADATA[info.domain, info.reason], f"undocumented metadata: {self}"
        if self.code is grpc.StatusCode.INVALID_ARGUMENT and info.reason != "MALFORMED_REQUEST":
            bad = self.detail(error_details_pb2.BadRequest)
            assert bad is not None, self
            assert bad.field_violations, self
            assert all(violation.description for violation in bad.field_violations), self
        if self.code is grpc.StatusCode.RESOURCE_EXHAUSTED and not info.reason.endswith("_TOO_LARGE"):
            assert self.detail(error_details_pb2.RetryInfo) is not None, self
        return self


class District:
    """The platform, its callers' tokens, and its databases."""

    def __init__(self, port: int, callers: dict[str, Any], folder: Path) -> None:
        self.port = port
        self.accounts: dict[str, Any] = callers["accounts"]
        self.tokens: dict[str, str] = callers["tokens"]
        self.cipher_keys: str = callers["cipher_keys"]
        self.folder = folder
        self.engines: dict[str, Engine] = {name: sync_engine(url) for name, url in sorted(callers["databases"].items())}
        # Looked at thousands of times: without a transaction, that is one round trip each, not three.
        self._looking = {
            name: engine.execution_options(isolation_level="AUTOCOMMIT") for name, engine in self.engines.items()
        }
        self._queries: dict[str, TextClause] = {}
        self.channel = self.connect()
        self.small_pages_channel = self.connect(callers["small_pages_port"])
        """The same platform, but that its lists end their pages after a hundred bytes."""

    def connect(self, port: int = 0, **options: int) -> grpc.Channel:
        given = {"grpc.max_send_message_length": -1, "grpc.use_local_subchannel_pool": 1} | {
            f"grpc.{name}": value for name, value in options.items()
        }
        return grpc.insecure_channel(f"127.0.0.1:{port or self.port}", options=list(given.items()))

    def close(self) -> None:
        self.channel.close()
        self.small_pages_channel.close()
        for engine in self.engines.values():
            engine.dispose()

    def send(
        self,
        method: MethodDescriptor,
        raw: bytes,
        caller: str = "",
        *,
        token: str | None = None,
        metadata: Sequence[tuple[str, str]] = (),
        compression: grpc.Compression | None = None,
    ) -> Outcome:
        """Call with these bytes, as a named caller, with a token, or without one; of a stream, take the first one."""
        token = self.tokens[caller] if caller else token
        if token is not None:
            metadata = (*metadata, ("authorization", f"Bearer {token}"))
        try:
            if method.client_streaming:
                exchange = self.channel.stream_stream(path(method))(
                    iter((raw,)), metadata=metadata, timeout=HANG_S, compression=compression
                )
                answer = next(iter(exchange), b"")
                exchange.cancel()
            elif method.server_streaming:
                stream = self.channel.unary_stream(path(method))(
                    raw, metadata=metadata, timeout=HANG_S, compression=compression
                )
                answer = next(iter(stream), b"")
                stream.cancel()
            else:
                answer = self.channel.unary_unary(path(method))(
                    raw, metadata=metadata, timeout=HANG_S, compression=compression
                )
        except grpc.RpcError as error:
            details = dict(tuple(error.trailing_metadata() or ())).get("grpc-status-details-bin", b"")
            return Outcome(method, error.code(), error.details() or "", bytes(details))
        return Outcome(method, grpc.StatusCode.OK, answer=answer)

    def attempt(self, request: Message, caller: str = "", *, token: str | None = None) -> Outcome:
        """Call the method whose request this is."""
        method = OF_REQUEST[request.DESCRIPTOR.full_name]
        return self.send(method, request.SerializeToString(), caller, token=token).keeps_the_contract()

    def do(self, request: Message, caller: str, answer: type[M]) -> M:
        """Call it; it must succeed."""
        outcome = self.attempt(request, caller)
        assert outcome.ok, outcome
        return answer.FromString(outcome.answer)

    def serving(self) -> bool:
        """Whether the health service reports SERVING, on a connection of its own."""
        with self.connect() as channel:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=HANG_S)
            return answer.status == health_pb2.HealthCheckResponse.SERVING

    def settle(self) -> None:
        """Wait until every event has been carried and handled, work in steps is done, and what is due to be sent was
        taken up."""
        deadline = time.monotonic() + HANG_S
        quiet = 0
        while quiet < 3:
            assert time.monotonic() < deadline, "events are not carried"
            quiet = 0 if any(map(self._waits, self._looking.values())) else quiet + 1
            time.sleep(0.005)

    def count(self, database: str, table: str) -> int:
        with self.engines[database].connect() as conn:
            return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    def content(self) -> dict[str, tuple[int, str]]:
        """The number of rows of every table of every database, and a digest of which transactions wrote them; but for
        the leases and notes of background processes, which are renewed all the time.
        """
        found = {}
        for name, engine in self._looking.items():
            with engine.connect() as conn:
                for table, rows, digest in conn.execute(self._digests(name)):
                    found[f"{name}.{table}"] = (rows, str(digest))
        return found

    def _digests(self, name: str) -> TextClause:
        """Asks for all tables of a database at once: many tests look before and after."""
        if name not in self._queries:
            tables = text(
                "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
                "WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relispartition "
                "AND relname NOT IN ('lease', 'receiver') ORDER BY relname"
            )
            with self.engines[name].connect() as conn:
                parts = [
                    f"SELECT '{table}', count(*), sum(hashint8(xmin::text::bigint)) FROM \"{table}\" t"
                    for table in conn.execute(tables).scalars()
                ]
            self._queries[name] = text(" UNION ALL ".join(parts).replace(":", "\\:"))
        return self._queries[name]

    @staticmethod
    def _waits(engine: Engine) -> bool:
        with engine.connect() as conn:
            return bool(conn.execute(_ANYTHING_WAITS).scalar_one())
