"""A gateway for one-time codes, as `ONEGRID_CODE_WEBHOOK_URL` names one, for the demonstration and the tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

__all__ = ["CodeGateway"]


class CodeGateway:
    """Takes the codes that identity's `WebhookSender` posts, over HTTP on a free port, and keeps them."""

    def __init__(self, on_code: Callable[[dict[str, str]], None] = lambda _: None) -> None:
        """`on_code` is called with each message, in a thread of the gateway's own."""
        self.status = 204
        """What it answers."""
        self.posted: list[dict[str, str]] = []
        """The messages, in order."""
        self.paths: list[str] = []
        """To which paths they were posted."""
        self._on_code = on_code
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it listens; empty unless it is started."""
        return f"http://127.0.0.1:{self._server.server_port}/codes" if self._server else ""

    def last_code(self, phone: str) -> str:
        """The code that was sent to the number last. Raises LookupError if there is none."""
        for message in reversed(self.posted):
            if message["phone"] == phone:
                return message["code"]
        raise LookupError(f"no code was sent to {phone}")

    def start(self) -> None:
        """Listen."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, name="code gateway", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def __enter__(self) -> Self:
        """Started, until the block ends."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["content-length"])))
                gateway.paths.append(self.path)
                gateway.posted.append(message)
                gateway._on_code(message)
                self.send_response(gateway.status)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Codes and numbers are not for logs."""

        return Handler
