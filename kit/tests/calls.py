"""Builders of calls and events."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, text

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_kit import outbox
from onegrid_kit.callers import Call, Caller
from onegrid_kit.cipher import AesGcmCipher

CIPHER = AesGcmCipher({"test": bytes(range(32))})
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def a_call(
    request_id: str = "",
    content: str = "the request",
    *,
    user: str = "users/alice",
    method: str = "a.v1.A/Do",
    purpose: str = "",
) -> Call:
    """A call as the pipeline would make it."""
    return Call(
        caller=Caller(user=user),
        now=datetime(2020, 11, 11, 6, 36, tzinfo=UTC),
        method=method,
        request_id=request_id,
        fingerprint=hashlib.sha256(content.encode()).digest(),
        traceparent=f"00-{TRACE}-00f067aa0ba902b7-00",
        purpose=purpose,
        resource="things/1",
    )


def a_request_id() -> str:
    """A new one."""
    return str(uuid.uuid4())


def announce(conn: Connection, subject: str, said: Sequence[str]) -> None:
    """Announce events about a subject, in this order."""
    outbox.append(conn, a_call(), [(subject, UserDisabled(user=each)) for each in said])


def count(engine: Engine, table: str) -> int:
    """How many rows the table has."""
    with engine.connect() as conn:
        return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def notes(engine: Engine) -> list[tuple[str, str]]:
    """The subject and content of what was noted, in order."""
    with engine.connect() as conn:
        return [(row.subject, row.said) for row in conn.execute(text("SELECT subject, said FROM note ORDER BY id"))]
