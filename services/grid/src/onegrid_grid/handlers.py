"""What grid does when others announce something."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_grid import commands
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS"]


def end_posts_of_disabled(conn: Connection, event: UserDisabled, delivery: Delivery) -> None:
    """End the appointments of a disabled user; those that began after it was enabled again stay."""
    commands.end_posts(conn, event.user, delivery.call())


HANDLERS = (on("end_posts_of_disabled", UserDisabled, end_posts_of_disabled),)
