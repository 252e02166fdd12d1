"""A kubelet's probes: asked from the host, but for those that are commands."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

__all__ = ["Probe"]


class Probe:
    """One probe of a container, and how often in a row it went well or badly."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        address: Callable[[], str],
        ports: Mapping[str, int],
        execute: Callable[[list[str], float], int],
    ) -> None:
        self.period_s = float(spec.get("periodSeconds", 10))
        self.delay_s = float(spec.get("initialDelaySeconds", 0))
        self._timeout_s = float(spec.get("timeoutSeconds", 1))
        self._failures = int(spec.get("failureThreshold", 3))
        self._successes = int(spec.get("successThreshold", 1))
        self._spec = spec
        self._address = address
        self._ports = ports
        self._execute = execute
        self._in_a_row = 0
        self.due = 0.0
        """When it is to be asked next, by the monotonic clock."""

    def reset(self, now: float) -> None:
        """The container was started now."""
        self._in_a_row = 0
        self.due = now + self.delay_s

    def ask(self, now: float) -> bool | None:
        """Whether it has succeeded or failed often enough to count; None while it has not."""
        self.due = now + self.period_s
        good = self._good()
        self._in_a_row = max(self._in_a_row, 0) + 1 if good else min(self._in_a_row, 0) - 1
        if self._in_a_row >= self._successes:
            return True
        return False if -self._in_a_row >= self._failures else None

    def _good(self) -> bool:
        match self._spec:
            case {"grpc": asked}:
                return self._grpc(asked["port"], asked.get("service") or "")
            case {"httpGet": asked}:
                return self._http(self._port(asked["port"]), asked.get("path") or "/")
            case {"tcpSocket": asked}:
                return self._tcp(self._port(asked["port"]))
            case {"exec": asked}:
                return self._execute(asked["command"], self._timeout_s) == 0
        raise ValueError(f"a probe that asks nothing: {self._spec}")

    def _port(self, port: int | str) -> int:
        return port if isinstance(port, int) else self._ports[port]

    def _grpc(self, port: int, service: str) -> bool:
        # As a kubelet does, connect again each time.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"{self._address()}:{port}", options) as channel:
            try:
                request = health_pb2.HealthCheckRequest(service=service)
                answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=self._timeout_s)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def _http(self, port: int, path: str) -> bool:
        try:
            with _DIRECT.open(f"http://{self._address()}:{port}{path}", timeout=self._timeout_s) as answer:
                return 200 <= int(answer.status) < 400
        except (urllib.error.URLError, OSError):
            return False

    def _tcp(self, port: int) -> bool:
        try:
            with socket.create_connection((self._address(), port), self._timeout_s):
                return True
        except OSError:
            return False


_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
