"""What notify serves over HTTP: receipts of providers, and links by which people unsubscribe."""

from __future__ import annotations

from typing import Final

from onegrid_kit.http.routes import PUBLIC, Route, Signed, get, post
from onegrid_notify.unsubscribing import PATH
from onegrid_notify.web import receipts, unsubscribe

__all__ = ["ROUTES"]

ROUTES: Final[tuple[Route, ...]] = (
    # Providers that sign their receipts, and those that can only call a secret address.
    post("/v1/receipts/{provider}", Signed(receipts.verify), receipts.receive, max_body_bytes=receipts.MAX_BYTES),
    post(
        "/v1/receipts/{provider}/{secret}", Signed(receipts.verify), receipts.receive, max_body_bytes=receipts.MAX_BYTES
    ),
    get(f"{PATH}/{{token}}", PUBLIC, unsubscribe.show),
    post(f"{PATH}/{{token}}", PUBLIC, unsubscribe.unsubscribe, max_body_bytes=4096),
)
