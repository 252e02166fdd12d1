"""Messages of CAP: taken once, joined with those that they refer to, and announced as far as people are concerned.

Every order of the same messages ends in the same state: what they make of one another is a function of the set of them
(cap/chains.py), and is computed anew for all that are linked with the one that comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from google.protobuf.message import Message as ProtoMessage
from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2
from onegrid.emergency.v1.warnings_pb2 import WarningState
from onegrid_emergency import warning_texts
from onegrid_emergency.cap.areas import Ground, target_of
from onegrid_emergency.cap.chains import Chain, chains_of, link_of
from onegrid_emergency.cap.message import Alert, Violation
from onegrid_emergency.cap.reading import read
from onegrid_emergency.cap.warning import Content, Message, Warning, content_of, id_of
from onegrid_emergency.errors import WarningMessageChanged
from onegrid_emergency.store import warning_messages as messages
from onegrid_emergency.store import warnings as store
from onegrid_kit import outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.timestamps import timestamp

__all__ = ["Incoming", "expire_due", "take"]

_EXPIRED_AT_ONCE: Final = 100
_IN_FORCE: Final = WarningState.WARNING_STATE_IN_FORCE
_EXPIRED: Final = WarningState.WARNING_STATE_EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """A message that is to be taken: it was read, and breaks no rule for which it is refused."""

    district: str
    source: str
    """The id of its source; empty: the district sends it."""
    alert: Alert
    ground: Ground
    faults: tuple[Violation, ...]
    document: bytes


def take(conn: Connection, incoming: Incoming, lasts: timedelta, call: Call) -> Message:
    """Take a message, once, and make of the warnings what they are with it. Raises WarningMessageChanged."""
    district = incoming.district
    store_id = id_of(district, incoming.alert.key)
    messages.lock_warnings(conn, district)
    before = messages.find_message(conn, store_id)
    if before is not None:
        if before.document != incoming.document:
            raise WarningMessageChanged(before.name)
        return before
    new = Message(
        district=district,
        id=store_id,
        source=incoming.source,
        link=link_of(incoming.alert),
        note=incoming.alert.note,
        document=incoming.document,
        faults=incoming.faults,
        target=target_of(incoming.ground, district, store.cells_of(conn, district)),
        create_time=call.now,
    )
    messages.insert_message(conn, new)
    return _join(conn, new, incoming.alert, lasts, call)


def expire_due(conn: Connection, now: datetime) -> None:
    """End the warnings whose time is over, each once."""
    for before in store.warnings_to_expire(conn, now, _EXPIRED_AT_ONCE):
        after = replace(before, state=_EXPIRED, sequence=before.sequence + 1, update_time=now)
        call = Call(caller=ANONYMOUS, now=now, method="expire warnings", resource=before.name)
        store.save_warning(conn, _announced(conn, before, after, "", call))


def _join(conn: Connection, new: Message, alert: Alert, lasts: timedelta, call: Call) -> Message:
    linked = {each.link.key: each for each in messages.linked_messages(conn, new.id)}
    roots, chains = chains_of([each.link for each in linked.values()])
    for key, message in linked.items():
        warnings = tuple(id_of(new.district, root) for root in roots[key])
        if warnings != message.warnings:
            messages.join_message(conn, message, warnings)
    says = {linked[chain.says].id for chain in chains} - {new.id}
    contents = {new.id: content_of(alert, lasts)}
    for id_, document in messages.documents(conn, new.district, says).items():
        found = read(document).alert
        assert found is not None, "it was read before it was stored"
        contents[id_] = content_of(found, lasts)
    by_root = {linked[chain.root].id: chain for chain in chains}
    before = store.warnings_by_id(conn, new.district, by_root, lock=True)
    for id_, chain in by_root.items():
        old = before.get(id_)
        after = _warning(chain, {key: linked[key] for key in linked}, contents, call.now)
        if old is not None:
            after = replace(
                after,
                sequence=old.sequence,
                announced=old.announced,
                version=old.version,
                update_time=old.update_time,
            )
            if after == old:
                continue
            after = replace(after, sequence=old.sequence + 1, update_time=call.now)
        note = linked[chain.last].note if chain.cancelled else ""
        store.save_warning(conn, _announced(conn, old, after, note, call))
    return replace(new, warnings=tuple(id_of(new.district, root) for root in roots[new.link.key]))


def _warning(chain: Chain, linked: Mapping[object, Message], contents: Mapping[str, Content], now: datetime) -> Warning:
    root, says = linked[chain.root], linked[chain.says]
    content = contents[says.id]
    if chain.cancelled:
        state = WarningState.WARNING_STATE_CANCELLED
    elif chain.superseded_by:
        state = WarningState.WARNING_STATE_SUPERSEDED
    else:
        state = _IN_FORCE if content.expire_time > now else _EXPIRED
    return Warning(
        district=root.district,
        id=root.id,
        source=root.source,
        state=state,
        message=says.id,
        superseded_by=id_of(root.district, chain.superseded_by) if chain.superseded_by else "",
        status=root.link.status,
        scope=root.link.scope,
        content=content,
        target=says.target,
        faults=says.faults,
        replies=tuple(linked[key].id for key in chain.replies),
        sent_time=root.link.key.sent,
        update_time=now,
    )


def _announced(conn: Connection, before: Warning | None, after: Warning, note: str, call: Call) -> Warning:
    """The warning, of which people are to know what has changed."""
    event = next(_events(before, after, note, call), None)
    if event is None:
        return after
    outbox.append(conn, call, [(after.name, event)])
    return replace(after, announced=after.reaches_people, version=after.version + 1)


def _events(before: Warning | None, after: Warning, note: str, call: Call) -> Iterator[ProtoMessage]:
    version = after.version + 1
    if after.reaches_people:
        said = warning_texts.public(after, version, call.now)
        if not after.announced:
            yield events_pb2.WarningIssued(warning=said)
        elif before is None or (before.message, before.content, before.target) != (
            after.message,
            after.content,
            after.target,
        ):
            yield events_pb2.WarningUpdated(warning=said)
    elif after.announced and after.state == _EXPIRED:
        yield events_pb2.WarningExpired(warning=after.name, version=version, time=timestamp(call.now))
    elif after.announced:
        yield events_pb2.WarningCancelled(warning=after.name, version=version, note=note, time=timestamp(call.now))
