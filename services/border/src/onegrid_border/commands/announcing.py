"""Announcing what came of deadlines, of many together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import TypeAlias

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.ladder import Climb

__all__ = ["News", "announce"]

News: TypeAlias = tuple[str, Message]
"""An event, and the name of what it is about."""


def announce(conn: Connection, now: datetime, news: Iterable[tuple[Climb, News]]) -> None:
    """Announce the events that came of these climbs, each in the trace of its climb, those of one in their order."""
    of_traces: defaultdict[tuple[str, str], list[News]] = defaultdict(list)
    for climb, each in news:
        of_traces[climb.kind, climb.traceparent].append(each)
    for (kind, traceparent), events in of_traces.items():
        outbox.append(conn, Call(caller=ANONYMOUS, now=now, method=kind, traceparent=traceparent), events)
