"""How large a message may be."""

from __future__ import annotations

from typing import Final

from onegrid_kit.errors import ResponseTooLarge
from onegrid_kit.logs import log

__all__ = ["MAX_RESPONSE_BYTES", "require_sendable"]

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""What gRPC clients accept unless they are configured otherwise."""


def require_sendable(size: int) -> None:
    """Raise ResponseTooLarge for a response of more bytes than clients accept."""
    if size > MAX_RESPONSE_BYTES:
        # What a resource holds is not bounded as it should be, or a list does not use Pages.
        log.error("response is too large", bytes=size, limit=MAX_RESPONSE_BYTES)
        raise ResponseTooLarge(size, MAX_RESPONSE_BYTES)
