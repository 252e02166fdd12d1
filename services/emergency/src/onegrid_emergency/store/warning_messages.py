"""The statements over messages of CAP and who sends them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from onegrid_emergency.cap.areas import Target
from onegrid_emergency.cap.chains import Link
from onegrid_emergency.cap.message import Key, Violation
from onegrid_emergency.cap.warning import Message, Source, id_of
from onegrid_emergency.tables import warning_message, warning_reference, warning_source
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "documents",
    "faults_json",
    "faults_of",
    "find_message",
    "find_source",
    "held_messages",
    "insert_message",
    "join_message",
    "linked_messages",
    "lock_warnings",
    "messages_by_id",
    "messages_page",
    "save_source",
    "source_of_sender",
    "sources_page",
]

_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('warnings'), hashtext(:district))")
_LINKED = text(
    """
    WITH RECURSIVE linked (id) AS (
      SELECT CAST(:id AS text) COLLATE "C"
      UNION
      SELECT near.id FROM linked CROSS JOIN LATERAL (
        SELECT refers_to AS id FROM warning_reference WHERE district = :district AND message = linked.id
        UNION ALL
        SELECT message FROM warning_reference WHERE district = :district AND refers_to = linked.id
      ) AS near
    )
    SELECT id FROM linked
    """
)
_PLACE_AMONG_OTHERS = [each for each in warning_message.c if each.name != "document"]


def lock_warnings(conn: Connection, district: str) -> None:
    """Have the warnings of a district to oneself until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def find_message(conn: Connection, id_: str) -> Message | None:
    """The message of that id, with its document."""
    m = warning_message
    row = conn.execute(select(m).where(m.c.district == codes.district_of(id_), m.c.id == id_)).one_or_none()
    return None if row is None else _messages(conn, [row])[0]


def insert_message(conn: Connection, new: Message) -> None:
    """Store a new message, which is held until it is joined."""
    key = new.link.key
    conn.execute(
        warning_message.insert().values(
            district=new.district,
            id=new.id,
            source=new.source,
            sender=key.sender,
            identifier=key.identifier,
            sent=key.sent,
            message_type=new.link.message_type,
            status=new.link.status,
            scope=new.link.scope,
            note=new.note,
            document=new.document,
            held=True,
            warnings=[],
            faults=faults_json(new.faults),
            cells=list(new.target.cells),
            places=list(new.target.places),
            create_time=new.create_time,
        )
    )
    references = [
        {"district": new.district, "message": new.id, "refers_to": id_of(new.district, each), **asdict(each)}
        for each in new.link.references
    ]
    if references:
        conn.execute(warning_reference.insert(), references)


def join_message(conn: Connection, joined: Message, warnings: Sequence[str]) -> None:
    """Store which warnings a message belongs to; it is held if there are none."""
    m = warning_message
    conn.execute(
        update(m)
        .where(m.c.district == joined.district, m.c.id == joined.id)
        .values(held=not warnings, warnings=list(warnings))
    )


def linked_messages(conn: Connection, id_: str) -> list[Message]:
    """The message of that id, and all that are linked with it by references, in either direction and through others,
    also through some that are not here; without their documents.
    """
    district = codes.district_of(id_)
    ids = conn.execute(_LINKED, {"district": district, "id": id_}).scalars().all()
    return list(messages_by_id(conn, district, ids).values())


def messages_by_id(conn: Connection, district: str, ids: Collection[str]) -> Mapping[str, Message]:
    """The messages of these ids, without their documents."""
    m = warning_message
    rows = conn.execute(select(*_PLACE_AMONG_OTHERS).where(m.c.district == district, m.c.id.in_(ids))).all()
    return {each.id: each for each in _messages(conn, rows)}


def documents(conn: Connection, district: str, ids: Collection[str]) -> Mapping[str, bytes]:
    """The documents of the messages of these ids."""
    m = warning_message
    rows = conn.execute(select(m.c.id, m.c.document).where(m.c.district == district, m.c.id.in_(ids)))
    return {row.id: row.document for row in rows}


def held_messages(conn: Connection) -> tuple[int, datetime | None]:
    """How many messages are held, and when the first of them came."""
    m = warning_message
    count, first = conn.execute(select(func.count(), func.min(m.c.create_time)).where(m.c.held)).one()
    return count, first


def messages_page(
    conn: Connection, district: str, held: bool, warning: str, after: Position, limit: int
) -> list[Message]:
    """The messages of a district, the last sent first: those that are held or all, of one warning or of all; without
    their documents.
    """
    m = warning_message
    order = (m.c.sent, m.c.id)
    query = select(*_PLACE_AMONG_OTHERS).where(m.c.district == district, behind(after, *order, descending=True))
    if held:
        query = query.where(m.c.held)
    if warning:
        query = query.where(m.c.warnings.contains([warning]))
    return _messages(conn, conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit)).all())


def save_source(conn: Connection, changed: Source) -> None:
    """Enter a source, or store what changed of it."""
    values = asdict(changed)
    statement = insert(warning_source).values(values)
    key = [warning_source.c.district, warning_source.c.id]
    changes = {name: statement.excluded[name] for name in values if name not in ("district", "id")}
    conn.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))


def find_source(conn: Connection, id_: str) -> Source | None:
    """The source of that id."""
    s = warning_source
    row = conn.execute(select(s).where(s.c.district == codes.district_of(id_), s.c.id == id_)).one_or_none()
    return None if row is None else Source(**row._mapping)


def source_of_sender(conn: Connection, district: str, sender: str) -> Source | None:
    """The source whose messages have that sender."""
    s = warning_source
    row = conn.execute(select(s).where(s.c.district == district, s.c.sender == sender)).one_or_none()
    return None if row is None else Source(**row._mapping)


def sources_page(conn: Connection, district: str, after: Position, limit: int) -> list[Source]:
    """The sources of a district, by their ids."""
    s = warning_source
    query = select(s).where(s.c.district == district, behind(after, s.c.id)).order_by(s.c.id).limit(limit)
    return [Source(**row._mapping) for row in conn.execute(query)]


def faults_json(faults: Sequence[Violation]) -> list[dict[str, Any]]:
    """Faults to be stored."""
    return [{**asdict(each), "rule": int(each.rule)} for each in faults]


def faults_of(stored: Sequence[Mapping[str, Any]]) -> tuple[Violation, ...]:
    """Faults as they are stored."""
    return tuple(Violation(**each) for each in stored)


def _messages(conn: Connection, rows: Sequence[Any]) -> list[Message]:
    r = warning_reference
    references: dict[str, list[Key]] = {}
    query = select(r).where(r.c.district.in_({row.district for row in rows}), r.c.message.in_([row.id for row in rows]))
    for found in conn.execute(query.order_by(r.c.sent, r.c.sender, r.c.identifier)):
        references.setdefault(found.message, []).append(Key(found.sent, found.sender, found.identifier))
    return [_message(row, references.get(row.id, ())) for row in rows]


def _message(row: Any, references: Sequence[Key]) -> Message:
    return Message(
        district=row.district,
        id=row.id,
        source=row.source,
        link=Link(
            key=Key(row.sent, row.sender, row.identifier),
            message_type=row.message_type,
            status=row.status,
            scope=row.scope,
            references=tuple(references),
        ),
        note=row.note,
        document=getattr(row, "document", b""),
        warnings=tuple(row.warnings),
        faults=faults_of(row.faults),
        target=Target(tuple(row.cells), tuple(row.places)),
        create_time=row.create_time,
    )
