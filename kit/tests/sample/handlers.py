"""Events in, notes out. A row in `fault` makes the handler fail, one in `pause` makes it slow."""

from sqlalchemy import Connection, text

from onegrid.identity.v1.events_pb2 import UserDisabled
from onegrid_kit import tracing
from onegrid_kit.events import Delivery, on


class Faulty(Exception):
    """The handler was told to fail."""


def note_user(conn: Connection, event: UserDisabled, delivery: Delivery) -> None:
    """Note the event."""
    conn.execute(
        text("INSERT INTO note (event_id, subject, said, trace) VALUES (:id, :subject, :said, :trace)"),
        {"id": delivery.id, "subject": delivery.subject, "said": event.user, "trace": tracing.current_trace_id()},
    )
    conn.execute(text("SELECT pg_sleep(seconds) FROM pause"))
    if conn.execute(text("SELECT 1 FROM fault WHERE said = :said"), {"said": event.user}).first():
        raise Faulty(event.user)


HANDLERS = (on("note_user", UserDisabled, note_user),)
