"""The api's process: health, reflection, TLS, sharing a port, and the way it ends."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from cryptography import x509
from dnslib import QTYPE, RR, A
from dnslib.server import BaseResolver, DNSLogger, DNSServer
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from prometheus_client import REGISTRY

from onegrid_kit.callers import Caller
from onegrid_kit.embedded.ports import free_port
from onegrid_kit.rpc.transport import channel
from onegrid_kit.runtime import Runtime
from onegrid_kit.server import LIVENESS, ApiServer
from onegrid_kit.testing.api import Refused, StaticKeys, serving
from onegrid_kit.testing.certificates import Authority
from onegrid_kit.testing.postgres import TestPostgres
from onegrid_kit.testing.waiting import HANG_S, eventually_async

from . import roles, toy
from .toy import SERVICE, Request, Response

LOOK = "/toy.v1.ToyService/Look"
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def health(to: grpc.aio.Channel, service: str = "") -> Any:
    """The server's health status."""
    answer = await health_pb2_grpc.HealthStub(to).Check(health_pb2.HealthCheckRequest(service=service), timeout=HANG_S)
    return answer.status


async def until_health(to: grpc.aio.Channel, wanted: Any, service: str = "") -> None:
    """Wait until it has that status."""
    async with asyncio.timeout(HANG_S):
        while True:
            try:
                if await health(to, service) == wanted:
                    return
            except grpc.aio.AioRpcError:
                pass
            await asyncio.sleep(0.05)


async def look(to: grpc.aio.Channel, text: str = "") -> str:
    """The toy's answer to a public call."""
    raw = await to.unary_unary(LOOK)(Request(text=text).SerializeToString(), timeout=HANG_S)
    return str(Response.FromString(raw).text)


async def test_health_follows_the_database(own_postgres: TestPostgres, own_database_url: str) -> None:
    async with serving(SERVICE, own_database_url) as api:
        await until_health(api.channel, SERVING)
        assert await health(api.channel, "toy.v1.ToyService") == SERVING
        own_postgres.server.kill()
        await until_health(api.channel, NOT_SERVING)
        # A restart would not bring the database back.
        assert await health(api.channel, LIVENESS) == SERVING
        assert await health(api.channel, "toy.v1.ToyService") == NOT_SERVING
        own_postgres.server.start()
        await until_health(api.channel, SERVING)


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_reflection_describes_the_contract_with_its_options_without_a_token(
    database_url: str, version: str
) -> None:
    async with serving(SERVICE, database_url) as api:
        # The messages of both versions are the same on the wire.
        info = api.channel.stream_stream(
            f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )

        async def ask(**what: str) -> Any:
            requests = iter([reflection_pb2.ServerReflectionRequest(**what)])
            async for answer in info(requests, timeout=HANG_S):
                return answer
            raise AssertionError("no answer")

        listed = (await ask(list_services="")).list_services_response.service
        assert {service.name for service in listed} == {
            "toy.v1.ToyService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
        }
        found = await ask(file_containing_symbol="toy.v1.ToyService")
        files = [
            descriptor_pb2.FileDescriptorProto.FromString(raw)
            for raw in found.file_descriptor_response.file_descriptor_proto
        ]
        toys = next(file for file in files if file.name == "toy.v1/toy.proto")
        assert all(method.options.ByteSize() for method in toys.service[0].method)
        for name in ("buf/validate/validate.proto", "onegrid/options/v1/options.proto"):
            assert (await ask(file_by_filename=name)).file_descriptor_response.file_descriptor_proto


async def test_services_that_share_a_port_keep_their_own_domains(database_url: str) -> None:
    async with serving(SERVICE, database_url) as api:
        other = replace(SERVICE, name="toybox", descriptor=toy.contract(toy.toys("toybox.v1")), http="")
        runtimes = [Runtime(each, api.runtime.settings, StaticKeys()) for each in (SERVICE, other)]
        server = ApiServer(runtimes, api.runtime.settings)
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as to:
            for runtime in runtimes:
                with pytest.raises(Refused) as refused:
                    await replace(api, channel=to, runtime=runtime).call(None, "Ask")
                assert refused.value.domain == f"onegrid.{runtime.service.name}"
                await until_health(to, SERVING, runtime.service.descriptor.full_name)
        await server.stop()


async def test_calls_above_the_limit_are_refused_at_once(database_url: str) -> None:
    async with serving(SERVICE, database_url, max_calls=3) as api:
        for _ in range(2):  # one crowd takes nothing from the next
            outcomes = await asyncio.gather(
                *(api.call(None, "Look", text="nap") for _ in range(10)), return_exceptions=True
            )
            refused = [error for error in outcomes if isinstance(error, Refused)]
            assert len(refused) == 7
            assert {(error.code, error.reason) for error in refused} == {
                (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            }


async def test_streams_above_their_limit_are_refused_and_calls_are_not(database_url: str) -> None:
    async with serving(SERVICE, database_url, max_streams=2, max_calls=1) as api:

        async def watch() -> AsyncGenerator[Any, None]:
            stream = api.stream(Caller(user="users/a", session="s", district="210602"), "Watch")
            await anext(stream)
            return stream

        first, _ = await watch(), await watch()
        with pytest.raises(Refused) as refused:
            await watch()
        assert refused.value.reason == "OVERLOADED"
        await api.call(None, "Look")
        assert REGISTRY.get_sample_value("onegrid_streams", {"service": "toy"}) == 2
        await first.aclose()
        async with asyncio.timeout(HANG_S):
            while True:
                try:
                    await watch()
                    break
                except Refused:
                    await asyncio.sleep(0.02)


class Names(BaseResolver):  # type: ignore[misc] # dnslib has no types
    """The addresses of a headless Service."""

    def __init__(self) -> None:
        self.addresses = ["127.0.0.1"]

    def resolve(self, request: Any, _: Any) -> Any:
        """All of them."""
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            reply.add_answer(*(RR(request.q.qname, QTYPE.A, rdata=A(each), ttl=0) for each in self.addresses))
        return reply


async def test_a_replica_that_is_new_gets_its_share_of_the_clients_that_are_there(database_url: str) -> None:
    """Its connections end after a while, and it asks for addresses then."""
    port, names = free_port(), Names()
    resolver = DNSServer(names, address="127.0.0.1", port=0, logger=DNSLogger("-request,-reply"))
    resolver.start_thread()
    target = f"dns://127.0.0.1:{resolver.server.server_address[1]}/api.test:{port}"
    brief: dict[str, Any] = {"connection_age_s": 0.5, "reuse_port": False}
    try:
        async with serving(SERVICE, database_url, listen=f"127.0.0.1:{port}", **brief) as old:
            clients = [channel(target, old.runtime.settings) for _ in range(4)]

            await asyncio.gather(*map(look, clients))
            async with serving(SERVICE, database_url, listen=f"127.0.0.2:{port}", **brief) as new:
                names.addresses.append("127.0.0.2")

                async def is_shared() -> bool:
                    before = toy.toy_of(new).calls
                    await asyncio.gather(*(look(each) for each in clients for _ in range(5)))
                    # Each client takes the replicas in turn.
                    return 8 <= toy.toy_of(new).calls - before <= 12

                await eventually_async(is_shared)
            await asyncio.gather(*(each.close() for each in clients))
    finally:
        resolver.stop()
        resolver.server.server_close()


async def test_a_task_that_fails_is_started_again_and_counted(database_url: str) -> None:
    runs = 0
    lasting = asyncio.Event()

    async def fail_twice() -> None:
        nonlocal runs
        runs += 1
        if runs < 3:
            raise ValueError("not yet")
        lasting.set()
        await asyncio.Event().wait()

    labels = {"service": "toy", "task": "fail twice"}

    async with serving(SERVICE, database_url) as api:
        runtime = Runtime(SERVICE, api.runtime.settings, StaticKeys())
        runtime.spawn("fail twice", fail_twice)
        await runtime.start()
        await asyncio.wait_for(lasting.wait(), HANG_S)
        await runtime.stop()
    assert runs == 3
    assert REGISTRY.get_sample_value("onegrid_background_restarts_total", labels) == 2


def trusting(authority: str, certificate: str = "", key: str = "") -> grpc.ChannelCredentials:
    """A client's credentials, with a certificate of its own or without one."""
    own = (Path(key).read_bytes(), Path(certificate).read_bytes()) if key else ()
    return grpc.ssl_channel_credentials(Path(authority).read_bytes(), *own)


async def test_with_tls_only_certified_callers_come_in_and_health_is_asked_without(
    database_url: str, tmp_path: Path
) -> None:
    ours = Authority(tmp_path)
    certificate, key = ours.issue("server")
    health_port = free_port()
    tls = {"tls_certificate": certificate, "tls_key": key, "tls_ca": ours.file, "tls_client_ca": ours.file}
    async with serving(SERVICE, database_url, health_listen=f"127.0.0.1:{health_port}", **tls) as api:
        async with channel(f"localhost:{api.port}", api.runtime.settings) as to:
            assert await look(to)
        with pytest.raises(grpc.aio.AioRpcError):
            await look(api.channel)
        (tmp_path / "other").mkdir()
        foreign = Authority(tmp_path / "other").issue("client")
        for credentials in (trusting(ours.file), trusting(ours.file, *foreign)):
            async with grpc.aio.secure_channel(f"localhost:{api.port}", credentials) as to:
                with pytest.raises(grpc.aio.AioRpcError):
                    await look(to)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{health_port}") as to:
            await until_health(to, SERVING)
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await look(to)
            assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_renewed_certificate_is_shown_to_the_next_caller(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    first, second = Authority(tmp_path), Authority(tmp_path / "new")
    certificate, key = first.issue("server")
    async with serving(SERVICE, database_url, tls_certificate=certificate, tls_key=key) as api:

        async def trusted(authority: Authority) -> bool:
            options = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.secure_channel(f"localhost:{api.port}", trusting(authority.file), options) as to:
                try:
                    return bool(await look(to))
                except grpc.aio.AioRpcError:
                    return False

        assert (await trusted(first), await trusted(second)) == (True, False)
        for old, new in zip((certificate, key), second.issue("server"), strict=True):
            shutil.copy(new, old)
        assert (await trusted(first), await trusted(second)) == (False, True)


async def test_the_end_of_the_certificate_is_exported_and_follows_a_renewal(database_url: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")

    def end(file: str) -> float:
        return x509.load_pem_x509_certificate(Path(file).read_bytes()).not_valid_after_utc.timestamp()

    def exported() -> float | None:
        return REGISTRY.get_sample_value("onegrid_certificate_expiry_timestamp_seconds", {"service": SERVICE.name})

    async with serving(SERVICE, database_url, tls_certificate=certificate, tls_key=key):
        first = end(certificate)
        assert exported() == first
        authority.issue("server", days=90)
        assert exported() == end(certificate) > first
        shutil.copy(key, certificate)
        assert exported() == 0


def start(environ: dict[str, str]) -> subprocess.Popen[bytes]:
    """The toy's api as a process of its own."""
    program = (
        'import sys; from kit.tests import toy; from onegrid_kit.main import run; sys.exit(run(toy.SERVICE, ["api"]))'
    )
    return subprocess.Popen([sys.executable, "-c", program], env=environ)


@asynccontextmanager
async def processes(database_url: str, count: int, **settings: str) -> AsyncIterator[tuple[int, list[Any]]]:
    """Processes of the toy's api that share a port; they must end in order."""
    port = free_port()
    environ = roles.environment(database_url, **{"LISTEN": f"127.0.0.1:{port}", "DRAIN_PAUSE_S": "0", **settings})
    started = [start(environ) for _ in range(count)]
    try:
        yield port, started
    finally:
        for process in started:
            process.terminate()
        codes = [process.wait(HANG_S) for process in started]
    assert codes == [0] * count


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[grpc.aio.Channel]:
    """A connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as to:
        yield to


async def test_two_processes_behind_one_port_share_the_work(database_url: str) -> None:
    async with processes(database_url, 2) as (port, started):
        answered: set[str] = set()
        async with asyncio.timeout(HANG_S):
            while len(answered) < 2:
                async with connected(port) as to:
                    await until_health(to, SERVING)
                    answered.add(await look(to, "pid"))
        assert answered == {str(process.pid) for process in started}


async def test_a_stopping_server_reports_it_then_answers_running_calls(database_url: str) -> None:
    metrics_port = free_port()
    async with (
        processes(database_url, 1, DRAIN_PAUSE_S="4", METRICS_PORT=str(metrics_port)) as (port, (process,)),
        connected(port) as to,
        connected(port) as watching,
    ):
        await until_health(to, SERVING)
        await look(to)
        url = f"http://127.0.0.1:{metrics_port}/metrics"

        async def scrape() -> str:
            return await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=HANG_S).read().decode())

        scraped = await scrape()
        assert 'onegrid_rpc_duration_seconds_count{code="OK",method="Look",service="toy"} 1.0' in scraped
        assert "onegrid_event_loop_lag_seconds" in scraped
        assert [roles.probe(metrics_port, path) for path in ("ready", "live", "other")] == [200, 200, 404]
        under_way = asyncio.create_task(look(to, "long nap"))

        async def runs() -> bool:
            return 'onegrid_rpc_in_flight{service="toy"} 1.0' in await scrape()

        await eventually_async(runs)
        os.kill(process.pid, signal.SIGTERM)
        await until_health(watching, NOT_SERVING)
        # Balancers need a moment to notice; until then it answers.
        assert await look(to)
        assert await under_way
        assert await asyncio.to_thread(process.wait, HANG_S) == 0
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await look(to)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
