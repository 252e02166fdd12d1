"""The statement over who looked at a member's record."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, select

from onegrid_kit.accesses import Access, Accesses
from onegrid_kit.paging import Position
from onegrid_partyedu.member import Member, PostHeld
from onegrid_partyedu.tables import member, officer

__all__ = ["accesses_page", "posts_of_accounts"]

_ACCESSES: Final = Accesses(
    """
    SELECT 'members/' || CAST(:member AS text), timestamptz '-infinity', timestamptz 'infinity' WHERE :record
    UNION ALL
    SELECT 'attempts/' || id, '-infinity', 'infinity' FROM quiz_attempt
    WHERE :record AND district = :district AND member = :member
    UNION ALL
    SELECT 'certificates/' || id, '-infinity', 'infinity' FROM certificate
    WHERE :record AND district = :district AND member = :member
    UNION ALL
    SELECT 'organizations/' || organization, begin_time, coalesce(end_time, 'infinity') FROM membership
    WHERE :lists AND district = :district AND member = :member
    """
)


def accesses_page(
    conn: Connection, of: Member, after: Position, limit: int, *, record: bool, lists: bool, own: bool
) -> list[Access]:
    """Who looked at the record itself, at lists of the member's organizations, or both, the latest first; also the
    member, if that is asked for.
    """
    values = {"district": of.district, "member": of.id, "record": record, "lists": lists}
    return _ACCESSES.page(conn, values, after, limit, besides="" if own else of.user)


def posts_of_accounts(conn: Connection, district: str, users: Collection[str]) -> dict[str, list[PostHeld]]:
    """The posts that members with these accounts hold or held, the highest first, by account."""
    m, f = member.c, officer.c
    query = (
        select(m.user, f.organization, f.term, f.post, f.begin_time, f.end_time)
        .join(officer, (f.district == m.district) & (f.member == m.id))
        .where(m.district == district, m.user.in_(users), m.user != "", m.end_time.is_(None))
        .order_by(f.post, f.organization, f.begin_time)
    )
    found: dict[str, list[PostHeld]] = {}
    for user, organization, term, post, begin, end in conn.execute(query):
        held = PostHeld(organization=organization, term=term, post=post, begin_time=begin, end_time=end)
        found.setdefault(user, []).append(held)
    return found
