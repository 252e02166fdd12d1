"""The statements over members, where they belonged, and what posts they held."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, false, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_kit.reads import OwnName
from onegrid_partyedu.member import ME, MEMBER, Member, Membership, PostHeld
from onegrid_partyedu.store.organizations import below
from onegrid_partyedu.tables import member, membership, officer, quiz_attempt

__all__ = [
    "OWN_NAMES",
    "Wanted",
    "add_members",
    "all_members",
    "begin_membership",
    "count_members",
    "count_probations_over",
    "end_membership",
    "ended_numbers",
    "find_by_user",
    "find_member",
    "find_member_of",
    "find_members",
    "find_taken",
    "lock_by_number",
    "lock_member",
    "members_page",
    "memberships_of",
    "posts_of",
    "save_member",
]

OWN_NAMES: Final = (
    OwnName(
        MEMBER.name(ME),
        f"""
        SELECT '{MEMBER.name("")}' || id FROM member
        WHERE district = entry.district AND "user" = entry.caller AND end_time IS NULL
        """,
    ),
)
"""Whom callers mean by ``members/me``; see `find_member_of`."""

_SHOWN: Final = 100
"""How many organizations and posts of a member are shown at most: an answer is bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which members a list is to have."""

    organization: str
    """The organization's id."""
    below: bool
    """Also those of the organizations below it."""
    state: MemberState
    """Unspecified: all whose membership goes on."""
    name_index: bytes
    """Of the whole name; empty: whatever the name is."""
    number: str
    """Empty: whatever the number is."""


def find_member(conn: Connection, id_: str) -> Member | None:
    """The member of that id."""
    return find_members(conn, [id_]).get(id_)


def find_members(conn: Connection, ids: Collection[str]) -> dict[str, Member]:
    """These members, by id, those that there are."""
    districts = {codes.district_of(each) for each in ids}
    query = select(member).where(member.c.district.in_(districts), member.c.id.in_(ids))
    return {row.id: _member(row) for row in conn.execute(query)}


def find_member_of(conn: Connection, district: str, user: str) -> Member | None:
    """The member who studies with that account, and whose membership goes on."""
    m = member.c
    query = select(member).where(m.district == district, m.user == user, m.end_time.is_(None))
    row = conn.execute(query).one_or_none()
    return None if row is None else _member(row)


def lock_member(conn: Connection, id_: str) -> Member | None:
    """The member of that id, whom nobody else changes until the transaction ends."""
    m = member.c
    query = select(member).where(m.district == codes.district_of(id_), m.id == id_)
    row = conn.execute(query.with_for_update()).one_or_none()
    return None if row is None else _member(row)


def find_taken(conn: Connection, district: str, *, number: str, user: str, besides: str) -> Member | None:
    """Another member who has the number or the account, and whose membership goes on."""
    m = member.c
    same = or_(
        false() if not number else m.number == number,
        false() if not user else m.user == user,
    )
    query = select(member).where(m.district == district, m.end_time.is_(None), m.id != besides, same)
    row = conn.execute(query.order_by(m.id).limit(1)).one_or_none()
    return None if row is None else _member(row)


def save_member(conn: Connection, changed: Member) -> bool:
    """Enter a member, or store the member as of now, whose attempts are the account's; False if another one has the
    number or the account.
    """
    values = asdict(changed)
    id_ = values.pop("id")
    statement = insert(member).values(district=changed.district, id=id_, **values)
    if changed.version == 1:
        return conn.execute(statement.on_conflict_do_nothing()).rowcount == 1
    m, a = member.c, quiz_attempt.c
    conn.execute(update(member).where(m.district == changed.district, m.id == id_).values(**values))
    others = (a.district == changed.district) & (a.member == id_) & (a.user != changed.user)
    conn.execute(update(quiz_attempt).where(others).values(user=changed.user))
    return True


def lock_by_number(conn: Connection, district: str, numbers: Collection[str]) -> dict[str, Member]:
    """The members with these numbers whose membership goes on, by number; nobody else changes them until the
    transaction ends.
    """
    m = member.c
    query = select(member).where(m.district == district, m.number.in_(numbers), m.number != "", m.end_time.is_(None))
    return {row.number: _member(row) for row in conn.execute(query.order_by(m.id).with_for_update())}


def ended_numbers(conn: Connection, district: str, numbers: Collection[str]) -> frozenset[str]:
    """Those of the numbers that members had whose membership has ended."""
    m = member.c
    query = select(m.number).where(
        m.district == district, m.number.in_(numbers), m.number != "", m.end_time.is_not(None)
    )
    return frozenset(conn.execute(query).scalars())


def find_by_user(conn: Connection, district: str, users: Collection[str]) -> dict[str, Member]:
    """The members who study with these accounts, and whose membership goes on, by account."""
    m = member.c
    query = select(member).where(m.district == district, m.user.in_(users), m.user != "", m.end_time.is_(None))
    return {row.user: _member(row) for row in conn.execute(query)}


def add_members(conn: Connection, new: Sequence[Member]) -> list[Member]:
    """Enter members and where they belong; those whose number and account nobody has."""
    if not new:
        return []
    rows = [{"district": each.district, **asdict(each)} for each in new]
    entered = insert(member).on_conflict_do_nothing().returning(member.c.id)
    ids = set(conn.execute(entered, rows).scalars())
    added = [each for each in new if each.id in ids]
    if added:
        belonging = [
            {
                "district": each.district,
                "member": each.id,
                "begin_time": each.organization_time,
                "organization": each.organization,
            }
            for each in added
        ]
        conn.execute(insert(membership), belonging)
    return added


def begin_membership(conn: Connection, of: Member) -> None:
    """Record that the member belongs to an organization from now on."""
    conn.execute(
        insert(membership).values(
            district=of.district, member=of.id, begin_time=of.organization_time, organization=of.organization
        )
    )


def end_membership(conn: Connection, of: Member, now: datetime) -> None:
    """Record that the member belongs to it no more."""
    s = membership.c
    open_ = (s.district == of.district) & (s.member == of.id) & s.end_time.is_(None)
    conn.execute(update(membership).where(open_).values(end_time=now))


def memberships_of(conn: Connection, id_: str) -> list[Membership]:
    """Where the member belonged, the latest first; the last hundred."""
    s = membership.c
    query = select(membership).where(s.district == codes.district_of(id_), s.member == id_)
    return [
        Membership(organization=row.organization, begin_time=row.begin_time, end_time=row.end_time)
        for row in conn.execute(query.order_by(s.number.desc()).limit(_SHOWN))
    ]


def posts_of(conn: Connection, id_: str) -> list[PostHeld]:
    """The posts of a member, those of now first, then the one that began last first; a hundred at most."""
    f = officer.c
    query = select(officer).where(f.district == codes.district_of(id_), f.member == id_)
    return [
        PostHeld(
            organization=row.organization,
            term=row.term,
            post=row.post,
            begin_time=row.begin_time,
            end_time=row.end_time,
        )
        for row in conn.execute(
            query.order_by(f.end_time.is_not(None), f.begin_time.desc(), f.organization, f.term, f.post).limit(_SHOWN)
        )
    ]


def members_page(conn: Connection, wanted: Wanted, after: Position, limit: int) -> list[Member]:
    """The members of an organization, by id."""
    m = member.c
    query = select(member).where(m.district == codes.district_of(wanted.organization), behind(after, m.id))
    if wanted.below:
        query = query.where(m.organization.in_(below(wanted.organization)))
    else:
        query = query.where(m.organization == wanted.organization)
    query = query.where(m.state == wanted.state if wanted.state else m.end_time.is_(None))
    if wanted.name_index:
        query = query.where(m.name_index == wanted.name_index)
    if wanted.number:
        query = query.where(m.number == wanted.number)
    return [_member(row) for row in conn.execute(query.order_by(m.id).limit(limit))]


def all_members(conn: Connection, after: Position, limit: int) -> list[Member]:
    """The members of every district whose membership goes on, by district and id."""
    m = member.c
    query = select(member).where(m.end_time.is_(None), behind(after, m.district, m.id))
    return [_member(row) for row in conn.execute(query.order_by(m.district, m.id).limit(limit))]


def count_members(conn: Connection, organization: str) -> int:
    """How many belong to the organization itself."""
    m = member.c
    query = select(func.count()).where(
        m.district == codes.district_of(organization), m.organization == organization, m.end_time.is_(None)
    )
    return conn.execute(query).scalar_one()


def count_probations_over(conn: Connection, before: datetime) -> int:
    """How many are on probation that ended before that moment."""
    m = member.c
    probationary = MemberState.MEMBER_STATE_PROBATIONARY
    query = select(func.count()).where(m.state == probationary, m.probation_end_time < before)
    return conn.execute(query).scalar_one()


def _member(row: Any) -> Member:
    return Member(
        id=row.id,
        version=row.version,
        organization=row.organization,
        organization_time=row.organization_time,
        state=row.state,
        sealed_name=bytes(row.sealed_name),
        name_index=bytes(row.name_index),
        number=row.number,
        user=row.user,
        join_time=row.join_time,
        probation_end_time=row.probation_end_time,
        probation_extended=row.probation_extended,
        confirm_time=row.confirm_time,
        end_time=row.end_time,
        end_reason=row.end_reason,
        create_time=row.create_time,
        update_time=row.update_time,
    )
