"""What grid does when others announce something."""

from __future__ import annotations

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import UserDefined, UserDisabled
from onegrid_grid import commands
from onegrid_grid.registry import User
from onegrid_kit.events import Delivery, on

__all__ = ["HANDLERS", "end_posts_of_disabled"]


def end_posts_of_disabled(conn: Connection, event: UserDisabled, delivery: Delivery) -> None:
    """End the appointments of a disabled user; those that began after it was enabled again stay."""
    commands.end_posts(conn, event.user, delivery.call())


def keep_user(conn: Connection, event: UserDefined, delivery: Delivery) -> None:
    """Know who can be appointed, and end the appointments of who no longer can."""
    user = User(district=event.district, name=event.user, state=event.state, version=event.version)
    commands.keep_user(conn, user, delivery.call())


HANDLERS = (
    on("keep_user", UserDefined, keep_user),
    # The release before announces this alone; the next one may leave it out.
    on("end_posts_of_disabled", UserDisabled, end_posts_of_disabled),
)
