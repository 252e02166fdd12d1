"""What emergency serves over HTTP: messages of CAP in, and the feed of current warnings out. docs/warnings.md is for
integrators.
"""

from __future__ import annotations

from typing import Final

from onegrid_emergency.cap.reading import MAX_BYTES
from onegrid_emergency.web import feed, inbound
from onegrid_kit.http.routes import PUBLIC, Permitted, Route, get, post

__all__ = ["ROUTES"]

ROUTES: Final[tuple[Route, ...]] = (
    post(
        "/v1/districts/{district}/warnings",
        Permitted("emergency.warnings.receive", scope=lambda request: request.parameters["district"]),
        inbound.receive,
        max_body_bytes=MAX_BYTES,
    ),
    get("/v1/districts/{district}/warnings.atom", PUBLIC, feed.show),
    get("/v1/districts/{district}/warnings/{message}", PUBLIC, feed.document),
)
