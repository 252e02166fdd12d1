"""What grid does when others announce something."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_grid import commands
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS"]


def end_posts_of_disabled(conn: Connection, event: UserDisabled, delivery: Delivery) -> None:
    """Somebody who acts no more looks after no cell; what they were given since they act again is theirs."""
    call = Call(caller=ANONYMOUS, now=delivery.time, method=delivery.type, traceparent=delivery.traceparent)
    commands.end_posts(conn, event.user, call)


HANDLERS = (on(UserDisabled, end_posts_of_disabled),)
