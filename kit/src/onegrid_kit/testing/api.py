"""One service's api in this process, on a port of its own, with tokens for any caller."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2
from sqlalchemy import text

from onegrid_kit import tokens
from onegrid_kit.callers import Caller
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import Clock, SystemClock
from onegrid_kit.runtime import Runtime
from onegrid_kit.server import ApiServer
from onegrid_kit.service import Service
from onegrid_kit.testing.waiting import HANG_S, eventually_async

__all__ = ["CIPHER_KEYS", "TEST_CIPHER", "Refused", "Serving", "StaticKeys", "serving"]

CIPHER_KEYS = "test:" + "5a" * 32
"""The keys of the cipher of personal fields."""
TEST_CIPHER = cipher("AES-256-GCM", CIPHER_KEYS)
"""That cipher."""
_KID = "test"
_END_SESSION = text("INSERT INTO revoked_session VALUES (:session, now() + interval '1 hour')")


class StaticKeys:
    """A key source with one key."""

    def __init__(self) -> None:
        self.private = Ed25519PrivateKey.generate()

    async def key(self, kid: str) -> Ed25519PublicKey | None:
        """The key, if it is asked for."""
        return self.private.public_key() if kid == _KID else None


class Refused(Exception):
    """What a call was refused with: its code, and what the details of its status say."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__(error.details())
        self.code: grpc.StatusCode = error.code()
        raw = dict(tuple(error.trailing_metadata() or ()))["grpc-status-details-bin"]
        self.details = {
            packed.TypeName().rsplit(".", 1)[1]: packed for packed in status_pb2.Status.FromString(raw).details
        }
        """The packed details, by the names of their messages."""
        info = error_details_pb2.ErrorInfo()
        self.details["ErrorInfo"].Unpack(info)
        self.reason: str = info.reason
        self.domain: str = info.domain
        self.metadata = dict(info.metadata)

    @property
    def violations(self) -> Sequence[error_details_pb2.BadRequest.FieldViolation]:
        """The rules that were broken."""
        bad = error_details_pb2.BadRequest()
        if "BadRequest" in self.details:
            self.details["BadRequest"].Unpack(bad)
        return tuple(bad.field_violations)

    @property
    def fields(self) -> list[str]:
        """The paths of the fields that broke a rule."""
        return [violation.field for violation in self.violations]


@dataclass(frozen=True)
class Serving:
    """A running api."""

    channel: grpc.aio.Channel
    runtime: Runtime[Any]
    keys: StaticKeys
    server: ApiServer

    @property
    def port(self) -> int:
        """Where it serves gRPC."""
        return self.server.port

    @property
    def http_port(self) -> int:
        """Where it serves its HTTP routes, if it has some."""
        return self.server.http.port

    @property
    def http_url(self) -> str:
        """The same as a URL."""
        scheme = "https" if self.runtime.settings.tls_certificate else "http"
        return f"{scheme}://127.0.0.1:{self.http_port}"

    @property
    def servicers(self) -> Sequence[object]:
        """What implements the contract."""
        return self.server.servicers[self.runtime.service.name]

    def token(self, caller: Caller, lasts: timedelta = timedelta(minutes=15)) -> Sequence[tuple[str, str]]:
        """The metadata that makes a call this caller's."""
        now = self.runtime.clock.now()
        token = tokens.encode(caller, self.keys.private, _KID, now, now + lasts)
        return (("authorization", f"Bearer {token}"),)

    async def end_session(self, session: str) -> None:
        """Refuse its access tokens from now on, as SessionRevoked does in every service."""
        await self.runtime.db.write(lambda conn: conn.execute(_END_SESSION, {"session": session}) and None)

        async def is_known() -> bool:
            return session in self.runtime.tokens.revoked

        await eventually_async(is_known)

    async def call(self, caller: Caller | None, method: str, **fields: Any) -> Any:
        """The answer to a request with these fields, as this caller, or without a token. Raises Refused."""
        return await self.call_with(self.token(caller) if caller else (), method, **fields)

    async def call_with(self, metadata: Sequence[tuple[str, str | bytes]], method: str, **fields: Any) -> Any:
        """The same with any metadata."""
        request, answer_type, path = self._prepared(method, fields)
        stub: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.channel.unary_unary(path)
        try:
            return answer_type.FromString(await stub(request.SerializeToString(), metadata=metadata, timeout=HANG_S))
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from None

    async def stream(self, caller: Caller, method: str, **fields: Any) -> AsyncGenerator[Any, None]:
        """The messages of a streaming method; closing it ends the call. Raises Refused."""
        request, answer_type, path = self._prepared(method, fields)
        stub: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self.channel.unary_stream(path)
        call = stub(request.SerializeToString(), metadata=self.token(caller), timeout=HANG_S)
        try:
            async for raw in call:
                yield answer_type.FromString(raw)
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from None
        finally:
            call.cancel()

    async def exchange(
        self, caller: Caller, method: str, requests: AsyncIterable[Message]
    ) -> AsyncGenerator[Any, None]:
        """The answers to a stream of requests; closing it ends the call. Raises Refused."""
        _, answer_type, path = self._prepared(method, {})
        stub: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self.channel.stream_stream(path)
        sent = (request.SerializeToString() async for request in requests)
        call = stub(sent, metadata=self.token(caller), timeout=HANG_S)
        try:
            async for raw in call:
                yield answer_type.FromString(raw)
        except grpc.aio.AioRpcError as error:
            raise Refused(error) from None
        finally:
            call.cancel()

    def _prepared(self, method: str, fields: dict[str, Any]) -> tuple[Message, type[Message], str]:
        contract = next(
            each.descriptor for each in self.runtime.service.served if method in each.descriptor.methods_by_name
        )
        found = contract.methods_by_name[method]
        request = GetMessageClass(found.input_type)(**fields)
        return request, GetMessageClass(found.output_type), f"/{contract.full_name}/{method}"


@asynccontextmanager
async def serving(
    service: Service, database_url: str, *, clock: Clock | None = None, **settings: Any
) -> AsyncIterator[Serving]:
    """Serve until the block ends."""
    given = {
        "database_url": database_url,
        "page_token_key": "test" * 8,
        "cipher_keys": CIPHER_KEYS,
        "listen": "127.0.0.1:0",
        "http_listen": "127.0.0.1:0",
        "drain_pause_s": 0.0,
        "drain_grace_s": 2.0,
        **settings,
    }
    keys = StaticKeys()
    runtime: Runtime[Any] = Runtime(service, service.settings(**given), keys, clock or SystemClock())
    server = ApiServer([runtime], runtime.settings)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield Serving(channel, runtime, keys, server)
    finally:
        await server.stop()
