"""Messages that events make."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.contracts import events_of
from onegrid_kit.events import Delivery
from onegrid_kit.names import code_in
from onegrid_notify import templates
from onegrid_notify.notifications import PetitionEvent, notifications, offices_in
from onegrid_notify.store import messages as store
from onegrid_notify.store import places
from onegrid_notify.templates import Recipient

__all__ = ["delete_expired", "write_messages"]

# A template that is not valid is found when a worker starts.
_TEMPLATES: Final = templates.load()
_DELETED_AT_ONCE: Final = 10_000
_RETENTION: Final = {
    event_type: event.personal_data_retention.ToTimedelta() for event_type, event in events_of("petition").items()
}


def write_messages(conn: Connection, event: PetitionEvent, delivery: Delivery) -> None:
    """Write to everybody whom a petition's event concerns. They keep it as long as the contract allows."""
    district = codes.district_of(code_in(event.step.petition))
    origin = store.Origin(
        district=district,
        item=f"m-{uuid.UUID(delivery.id).hex}",
        subject=event.step.petition,
        time=delivery.time,
        expire_time=delivery.time + _RETENTION[delivery.type],
    )
    users: list[store.Addressed] = []
    offices: list[store.Addressed] = []
    for each in notifications(event, places.display_names(conn, offices_in(event))):
        title, text = _TEMPLATES.render(event.DESCRIPTOR.name, each.recipient, each.facts)
        addressed = store.Addressed(each.address, title, text)
        (offices if each.recipient is Recipient.OFFICE else users).append(addressed)
    store.write(conn, origin, users, offices)


def delete_expired(conn: Connection, now: datetime) -> None:
    """Delete messages that may not be kept any longer."""
    store.delete_expired(conn, now, _DELETED_AT_ONCE)
