"""The HTTP endpoints of a process: its metrics, `/ready` and `/live`."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from onegrid_kit import metrics
from onegrid_kit.settings import SettingsError

__all__ = ["Health", "serve"]

_HEADERS = (("Content-Type", "text/plain; charset=utf-8"),)


class Health:
    """The health of a process: which dependencies it lacks, and whether its event loop still runs."""

    def __init__(self, *needs: str, patience_s: float | None = None) -> None:
        """`patience_s`: how long the loop may be silent; None where answering at all is a sign of life."""
        self._met = dict.fromkeys(needs, False)
        self._patience_s = patience_s
        self._beat = time.monotonic()

    @property
    def needs(self) -> list[str]:
        """What it can lack."""
        return list(self._met)

    def has(self, need: str) -> bool:
        """Whether this need is met."""
        return self._met[need]

    def set(self, need: str, met: bool) -> None:
        """This need is met now, or not."""
        self._met[need] = met

    def beat(self) -> None:
        """The loop turned once more."""
        self._beat = time.monotonic()

    @property
    def lacks(self) -> list[str]:
        """Needs that are not met; with none, the process is ready."""
        return [need for need, met in self._met.items() if not met]

    @property
    def alive(self) -> bool:
        """Whether the loop turned lately; one that hangs is helped by a restart, one that lacks something isn't."""
        return self._patience_s is None or time.monotonic() - self._beat < self._patience_s


def serve(port: int, health: Health, service: str, role: str) -> None:
    """Serve `/metrics`, `/ready` and `/live` of this service's role in a thread, unless the port is 0.

    Raises SettingsError if the port is taken.
    """
    metrics.BUILD.labels(service, role, version("onegrid-kit")).set(1)
    for need in health.needs:
        metrics.NEEDS_MET.labels(service, role, need).set_function(partial(health.has, need))
    if port:
        try:
            server = make_server("", port, _application(health), _Server, handler_class=_Silent)
        except OSError as error:
            raise SettingsError(f"ONEGRID_METRICS_PORT: port {port} can't be listened on: {error.strerror}") from None
        threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """Reached by IPv6 and IPv4, or by IPv4 where there is nothing else."""

    daemon_threads = True
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def server_bind(self) -> None:
        """Listen for both."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


class _Silent(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing: it is asked every few seconds."""


def _application(health: Health) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    scrape: Callable[[dict[str, Any], Any], Iterable[bytes]] = make_wsgi_app()

    def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        match environ["PATH_INFO"]:
            case "/metrics":
                return scrape(environ, start)
            case "/ready":
                lacks = health.lacks
                good, text = not lacks, "lacks " + ", ".join(lacks) if lacks else "ready"
            case "/live":
                good, text = health.alive, "lives" if health.alive else "the loop hangs"
            case _:
                start("404 Not Found", list(_HEADERS))
                return [b"/metrics, /ready, /live\n"]
        start("200 OK" if good else "503 Service Unavailable", list(_HEADERS))
        return [text.encode() + b"\n"]

    return answer
