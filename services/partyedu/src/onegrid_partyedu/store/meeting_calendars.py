"""The statements over the links of members' calendars."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, and_, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.identity.v1.resources_pb2 import UserState
from onegrid_kit import codes
from onegrid_partyedu.meeting import CalendarLink, Meeting
from onegrid_partyedu.tables import known_user, meeting_calendar_link, member, organization

__all__ = ["delete_link", "display_names", "find_link", "save_link"]


def save_link(conn: Connection, link: CalendarLink, digest: bytes) -> None:
    """Have a member's calendar this link, and no other one."""
    statement = insert(meeting_calendar_link).values(
        district=codes.district_of(link.member),
        member=link.member,
        digest=digest,
        reminder_minutes=link.reminder_minutes,
    )
    changed = {name: statement.excluded[name] for name in ("digest", "reminder_minutes")}
    key = list(meeting_calendar_link.primary_key)
    conn.execute(statement.on_conflict_do_update(index_elements=key, set_=changed))


def delete_link(conn: Connection, member_id: str) -> None:
    """Have a member's calendar no link any more."""
    link = meeting_calendar_link.c
    conn.execute(
        meeting_calendar_link.delete().where(link.district == codes.district_of(member_id), link.member == member_id)
    )


def find_link(conn: Connection, digest: bytes) -> CalendarLink | None:
    """The link with that digest, if its member is one still, with an account that is active."""
    link, m, u = meeting_calendar_link.c, member.c, known_user.c
    query = (
        select(link.member, link.reminder_minutes)
        .join_from(
            meeting_calendar_link,
            member,
            and_(m.district == link.district, m.id == link.member, m.end_time.is_(None)),
        )
        .join(
            known_user,
            and_(u.district == m.district, u.name == m.user, u.state == UserState.USER_STATE_ACTIVE),
        )
        .where(link.digest == digest)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None else CalendarLink(member=row.member, reminder_minutes=row.reminder_minutes)


def display_names(conn: Connection, meetings: Collection[Meeting]) -> dict[str, str]:
    """What people call the organizations of these meetings, by id."""
    o = organization.c
    districts, ids = {each.district for each in meetings}, {each.organization for each in meetings}
    query = select(o.id, o.display_name).where(o.district.in_(districts), o.id.in_(ids))
    return {row.id: row.display_name for row in conn.execute(query)}
