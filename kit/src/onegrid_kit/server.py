"""The api's process: one gRPC server for one service, or for several that share a process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from typing import Any

import grpc
import grpc.aio
import uvloop
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from onegrid_kit import collector, metrics, probes, tracing
from onegrid_kit.http.listener import HttpListener
from onegrid_kit.logs import log
from onegrid_kit.rpc.keys import RemoteKeys
from onegrid_kit.rpc.pipeline import service_handler
from onegrid_kit.rpc.transport import bind, export_expiry, server_options
from onegrid_kit.runtime import Runtime
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

__all__ = ["LIVENESS", "ApiServer", "serve"]

LIVENESS = "liveness"
"""What the health service calls the process itself: it serves as long as it answers, whatever it lacks."""

_REFLECTION_V1 = "grpc.reflection.v1.ServerReflection"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class ApiServer:
    """Serves the apis of these runtimes on one port, with health and reflection, and their HTTP routes on another."""

    def __init__(self, runtimes: Sequence[Runtime[Any]], settings: ServiceSettings) -> None:
        self._runtimes = runtimes
        self._settings = settings
        self._health = health.aio.HealthServicer()
        self.probe_health = probes.Health("database", patience_s=30)
        """Its HTTP endpoints, if it has them."""
        self._plain: grpc.aio.Server | None = None
        self._watch: asyncio.Task[None] | None = None
        self.port = 0
        """Where it listens, once it is started."""
        self._server = grpc.aio.server(options=server_options(settings))
        self.http = HttpListener(runtimes, settings)
        """What listens for HTTP, if it does."""
        self.servicers: dict[str, Sequence[object]] = {}
        """What each contract is implemented by."""
        for runtime in runtimes:
            _require_distinct(runtime.service)
            for service in runtime.service.served:
                self.servicers[service.name] = service.load_api()(runtime)
                handler = service_handler(runtime, service, self.servicers[service.name])
                self._server.add_generic_rpc_handlers([handler])
        names = [service.descriptor.full_name for runtime in runtimes for service in runtime.service.served]
        self._names = ["", *names]
        _serve_reflection(self._server, [*names, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(self) -> None:
        """Listen, and serve as soon as the databases answer."""
        for runtime in self._runtimes:
            await runtime.start()
            export_expiry(runtime.service.name, self._settings)
        self.port = bind(self._server, self._settings.listen, self._settings)
        if self._settings.health_listen:
            self._plain = grpc.aio.server()
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._plain)
            self._plain.add_insecure_port(self._settings.health_listen)
            await self._plain.start()
        await self._health.set(LIVENESS, _SERVING)
        await self._server.start()
        await self.http.start()
        self._watch = asyncio.create_task(self._report_health())

    async def stop(self) -> None:
        """Drain: say NOT_SERVING, wait until no new calls arrive, let running ones finish, end streams."""
        if self._watch is not None:
            self._watch.cancel()
        for name in self._names:
            await self._health.set(name, _NOT_SERVING)
        self.http.drain()
        await asyncio.sleep(self._settings.drain_pause_s)
        for runtime in self._runtimes:
            runtime.closing.set()
        grace_s = self._settings.drain_grace_s
        await asyncio.gather(self._server.stop(grace_s), self.http.stop(grace_s))
        if self._plain is not None:
            await self._plain.stop(None)
        for runtime in self._runtimes:
            await runtime.stop()

    async def _report_health(self) -> None:
        loop = asyncio.get_running_loop()
        lags = [metrics.LOOP_LAG.labels(runtime.service.name) for runtime in self._runtimes]
        while True:
            for runtime in self._runtimes:
                status = _SERVING if runtime.ready else _NOT_SERVING
                for service in runtime.service.served:
                    await self._health.set(service.descriptor.full_name, status)
            ready = all(runtime.ready for runtime in self._runtimes)
            await self._health.set("", _SERVING if ready else _NOT_SERVING)
            self.probe_health.set("database", ready)
            self.probe_health.beat()
            before = loop.time()
            await asyncio.sleep(0.25)
            late = max(0.0, loop.time() - before - 0.25)
            for lag in lags:
                lag.observe(late)


def _require_distinct(service: Service) -> None:
    """Raise TypeError if methods of several contracts have one name: metrics and objectives know them by it."""
    names = [method.name for each in service.served for method in each.descriptor.methods]
    for name in names:
        if names.count(name) > 1:
            raise TypeError(f"{service.name} serves two contracts with a method {name}")


def _serve_reflection(server: grpc.aio.Server, names: Sequence[str]) -> None:
    """Describe these services, under both names that clients ask for reflection by."""
    servicer = reflection.aio.ReflectionServicer([*names, _REFLECTION_V1, reflection.SERVICE_NAME])
    # grpcio-reflection has v1alpha alone; v1 is the same messages in another package (grpc/grpc-proto).
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in (_REFLECTION_V1, reflection.SERVICE_NAME):
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})])


def serve(service: Service, settings: ServiceSettings) -> int:
    """Serve until SIGTERM or SIGINT."""
    tracing.configure(service.name, settings)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(service, settings))
    return 0


async def _serve(service: Service, settings: ServiceSettings) -> None:
    server = ApiServer([Runtime(service, settings, RemoteKeys(settings))], settings)
    probes.serve(settings.metrics_port, server.probe_health, service.name, "api")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await server.start()
    collector.spare()
    log.info("api listens", service=service.name, port=server.port, http_port=server.http.port)
    await stopping.wait()
    log.info("api drains", service=service.name)
    await server.stop()
