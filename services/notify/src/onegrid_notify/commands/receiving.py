"""Receipts of providers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid_kit import sending
from onegrid_kit.sending import Context, Receipt

__all__ = ["receive"]


def receive(conn: Connection, receipts: Sequence[Receipt], context: Context) -> None:
    """Store what providers say."""
    sending.receive(conn, receipts, context.now)
