"""The statements over pages and the handover book."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid_duty.escalation import Cause, Handover, Page
from onegrid_duty.store.rungs import rungs_json, rungs_of
from onegrid_duty.tables import handover, page
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "handovers_page",
    "insert_handover",
    "insert_page",
    "lock_handover",
    "lock_page",
    "lock_page_of",
    "open_pages",
    "pages_page",
    "save_handover",
    "save_page",
]


def insert_page(conn: Connection, new: Page) -> bool:
    """Enter a page; whether what raised it has none of the roster yet."""
    statement = insert(page).values(
        district=codes.district_of(new.id),
        id=new.id,
        roster=new.roster,
        title=new.title,
        author=new.author,
        escalation=rungs_json(new.escalation),
        supervisors=list(new.supervisors),
        paged=list(new.paged),
        acknowledger=new.acknowledger,
        create_time=new.create_time,
        end_time=new.end_time,
        **asdict(new.cause),
    )
    stored = conn.execute(statement.on_conflict_do_nothing().returning(page.c.id))
    return stored.one_or_none() is not None


def lock_page(conn: Connection, id_: str) -> Page | None:
    """The page of that id, which nobody else changes until the transaction ends."""
    query = select(page).where(page.c.district == codes.district_of(id_), page.c.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _page(row)


def lock_page_of(conn: Connection, cause: Cause, roster_id: str) -> Page:
    """The page of a roster that a plan or an alarm raised, locked as well."""
    p = page.c
    # In the words of the indexes' conditions, which leave out what nothing raised.
    if cause.alarm:
        mine = and_(p.alarm == cause.alarm, p.alarm_raise_time == cause.alarm_raise_time, p.alarm != "")
    else:
        mine = and_(p.plan_activation == cause.plan_activation, p.plan_activation != "")
    these = p.district == codes.district_of(roster_id), p.roster == roster_id, mine
    return _page(conn.execute(select(page).where(*these).with_for_update()).one())


def save_page(conn: Connection, changed: Page) -> None:
    """Store who was paged, who took it, and that it has ended."""
    these = page.c.district == codes.district_of(changed.id), page.c.id == changed.id
    conn.execute(
        page.update()
        .where(*these)
        .values(
            paged=list(changed.paged),
            acknowledger=changed.acknowledger,
            acknowledge_time=changed.acknowledge_time,
            end_time=changed.end_time,
        )
    )


def pages_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Page]:
    """The pages of a roster, the newest first."""
    p = page.c
    these = p.district == codes.district_of(roster_id), p.roster == roster_id, behind(after, p.id, descending=True)
    return [_page(row) for row in conn.execute(select(page).where(*these).order_by(p.id.desc()).limit(limit))]


def open_pages(conn: Connection, since: datetime) -> tuple[int, datetime | None]:
    """How many pages raised since then are still to be taken, and when the first of them was raised."""
    these = text("acknowledger = ''"), page.c.end_time.is_(None), page.c.create_time >= since
    count, first = conn.execute(select(func.count(), func.min(page.c.create_time)).where(*these)).one()
    return count, first


def insert_handover(conn: Connection, new: Handover) -> bool:
    """Enter a handover; whether there was none of its shift."""
    values = {
        "district": codes.district_of(new.id),
        "id": new.id,
        "roster": new.roster,
        "author": new.author,
        "text": new.text,
        "following_shift": new.following_shift,
        "acknowledger": new.acknowledger,
        "create_time": new.create_time,
    }
    return conn.execute(insert(handover).values(values).on_conflict_do_nothing()).rowcount == 1


def lock_handover(conn: Connection, id_: str) -> Handover | None:
    """The handover of that id, which nobody else changes until the transaction ends."""
    query = select(handover).where(handover.c.district == codes.district_of(id_), handover.c.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _handover(row)


def save_handover(conn: Connection, changed: Handover) -> None:
    """Store who has taken over."""
    these = handover.c.district == codes.district_of(changed.id), handover.c.id == changed.id
    conn.execute(
        handover.update()
        .where(*these)
        .values(acknowledger=changed.acknowledger, acknowledge_time=changed.acknowledge_time)
    )


def handovers_page(conn: Connection, roster_id: str, after: Position, limit: int) -> list[Handover]:
    """The handover book of a roster, the newest entry first."""
    h = handover.c
    query = select(handover).where(
        h.district == codes.district_of(roster_id),
        h.roster == roster_id,
        behind(after, h.create_time, h.id, descending=True),
    )
    rows = conn.execute(query.order_by(h.create_time.desc(), h.id.desc()).limit(limit))
    return [_handover(row) for row in rows]


def _page(row: Any) -> Page:
    return Page(
        id=row.id,
        roster=row.roster,
        title=row.title,
        author=row.author,
        escalation=rungs_of(row.escalation),
        supervisors=tuple(row.supervisors),
        paged=tuple(row.paged),
        acknowledger=row.acknowledger,
        create_time=row.create_time,
        acknowledge_time=row.acknowledge_time,
        cause=Cause(plan_activation=row.plan_activation, alarm=row.alarm, alarm_raise_time=row.alarm_raise_time),
        end_time=row.end_time,
    )


def _handover(row: Any) -> Handover:
    return Handover(
        id=row.id,
        roster=row.roster,
        author=row.author,
        text=row.text,
        following_shift=row.following_shift,
        acknowledger=row.acknowledger,
        create_time=row.create_time,
        acknowledge_time=row.acknowledge_time,
    )
