"""The statements over calendars and their links."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_duty.calendars import Entry, Link
from onegrid_duty.tables import calendar_link, person, roster, shift
from onegrid_kit import codes

__all__ = ["delete_link", "entries", "find_link", "save_link"]


def save_link(conn: Connection, link: Link, digest: bytes) -> None:
    """Have a calendar this link, and no other one of the same user."""
    statement = insert(calendar_link).values(
        user=link.user,
        roster=link.roster,
        digest=digest,
        reminder_minutes=link.reminder_minutes,
        expire_time=link.expire_time,
    )
    changed = {name: statement.excluded[name] for name in ("digest", "reminder_minutes", "expire_time")}
    key = [calendar_link.c.user, calendar_link.c.roster]
    conn.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def delete_link(conn: Connection, user: str, roster_id: str) -> None:
    """Have a calendar no link of the user's any more."""
    link = calendar_link.c
    conn.execute(calendar_link.delete().where(link.user == user, link.roster == roster_id))


def find_link(conn: Connection, digest: bytes, now: datetime) -> Link | None:
    """The link with that digest, if it works still, and whoever made it is on the staff still."""
    link = calendar_link.c
    query = (
        select(calendar_link)
        .join_from(calendar_link, person, and_(person.c.user == link.user, person.c.active, person.c.staff))
        .where(link.digest == digest, or_(link.expire_time.is_(None), link.expire_time > now))
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return Link(user=row.user, roster=row.roster, reminder_minutes=row.reminder_minutes, expire_time=row.expire_time)


def entries(conn: Connection, link: Link, since: datetime, most: int) -> list[Entry]:
    """The fixed shifts in the link's calendar that end after that, in order."""
    s, r = shift.c, roster.c
    these = (
        and_(s.district == codes.district_of(link.roster), s.roster == link.roster)
        if link.roster
        else s.user == link.user
    )
    query = (
        select(s.id, s.begin_time, s.end_time, s.user, s.revision, s.update_time, r.display_name, r.time_zone)
        .join_from(shift, roster, and_(r.district == s.district, r.id == s.roster))
        .where(these, s.end_time > since)
        .order_by(s.begin_time, s.id)
        .limit(most)
    )
    return [
        Entry(
            id=row.id,
            begin=row.begin_time,
            end=row.end_time,
            user=row.user,
            revision=row.revision,
            update_time=row.update_time,
            roster_display_name=row.display_name,
            zone=ZoneInfo(row.time_zone),
        )
        for row in conn.execute(query)
    ]
