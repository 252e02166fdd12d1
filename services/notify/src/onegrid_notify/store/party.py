"""What partyedu announced of members and organizations, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from datetime import datetime
from typing import Final

from sqlalchemy import Column, ColumnElement, Connection, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_notify.party import Announced, Belonging, Line, MemberVersion, OrganizationVersion, Post, Standing
from onegrid_notify.tables import (
    party_line,
    party_member,
    party_member_version,
    party_organization_version,
    party_post,
)

__all__ = [
    "belongings_of",
    "forget_past",
    "is_dissolved",
    "keep_member_versions",
    "keep_organization_versions",
    "known_organizations",
    "lines_of",
    "lock_tree",
    "member_versions_of",
    "organization_versions_of",
    "posts_of",
    "replace_belongings",
    "replace_lines",
    "replace_posts",
    "standings_of",
]

_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('party tree'), hashtext(:district))")


def lock_tree(conn: Connection, district: str) -> None:
    """Be the only one who derives what belongs to whom in the district until the transaction ends."""
    conn.execute(_LOCK, {"district": district})


def keep_member_versions(conn: Connection, announced: Iterable[tuple[str, MemberVersion]]) -> set[str]:
    """Keep versions of members; the ids of those of whom one is news."""
    rows = [
        {
            "district": codes.district_of(id_),
            "member": id_,
            "version": new.version,
            "time": new.time,
            "user_name": new.user,
            "state": int(new.state),
            "organization": new.organization,
        }
        for id_, new in announced
    ]
    kept = insert(party_member_version).on_conflict_do_nothing().returning(party_member_version.c.member)
    return set(conn.execute(kept, rows).scalars())


def member_versions_of(conn: Connection, ids: Collection[str]) -> dict[str, list[MemberVersion]]:
    """The versions of members that are known, by the members' ids."""
    v = party_member_version
    found: dict[str, list[MemberVersion]] = {}
    for row in conn.execute(select(v).where(*_about(v.c.district, v.c.member, ids))):
        version = MemberVersion(
            version=row.version, time=row.time, user=row.user_name, state=row.state, organization=row.organization
        )
        found.setdefault(row.member, []).append(version)
    return found


def belongings_of(conn: Connection, ids: Collection[str]) -> set[tuple[str, Belonging]]:
    """What is stored of members' belonging, each with the member's id."""
    b = party_member
    rows = conn.execute(select(b).where(*_about(b.c.district, b.c.member, ids)))
    return {
        (
            row.member,
            Belonging(
                user=row.user_name,
                state=row.state,
                organization=row.organization,
                begin=row.begin_time,
                end=row.end_time,
            ),
        )
        for row in rows
    }


def replace_belongings(
    conn: Connection, gone: Collection[tuple[str, Belonging]], new: Collection[tuple[str, Belonging]]
) -> None:
    """Delete some of members' belonging, and enter other."""
    b = party_member.c
    if gone:
        keys = [(codes.district_of(id_), id_, each.begin) for id_, each in gone]
        conn.execute(party_member.delete().where(tuple_(b.district, b.member, b.begin_time).in_(keys)))
    if new:
        conn.execute(
            party_member.insert(),
            [
                {
                    "district": codes.district_of(id_),
                    "member": id_,
                    "user_name": each.user,
                    "state": int(each.state),
                    "organization": each.organization,
                    "begin_time": each.begin,
                    "end_time": each.end,
                }
                for id_, each in new
            ],
        )


def keep_organization_versions(conn: Connection, announced: Iterable[Announced]) -> set[str]:
    """Keep versions of organizations; the ids of those of which one is news."""
    rows = [
        {
            "district": codes.district_of(each.id),
            "organization": each.id,
            "version": each.version.version,
            "time": each.version.time,
            "display_name": each.display_name,
            "parent": each.parent,
            "term": each.version.term,
            "term_begin": each.version.term_begin,
            "officers": [
                {
                    "post": int(officer.post),
                    "member": officer.member,
                    "begin": officer.begin.isoformat(),
                    "end": officer.end.isoformat(),
                }
                for officer in each.version.officers
            ],
            "dissolved": each.dissolved,
        }
        for each in announced
    ]
    of = party_organization_version
    kept = insert(of).on_conflict_do_nothing().returning(of.c.organization)
    return set(conn.execute(kept, rows).scalars())


def organization_versions_of(conn: Connection, ids: Collection[str]) -> dict[str, list[OrganizationVersion]]:
    """The versions of organizations that are known, by the organizations' ids."""
    v = party_organization_version
    found: dict[str, list[OrganizationVersion]] = {}
    for row in conn.execute(select(v).where(*_about(v.c.district, v.c.organization, ids))):
        version = OrganizationVersion(
            version=row.version,
            time=row.time,
            term=row.term,
            term_begin=row.term_begin,
            officers=tuple(
                Post(
                    post=each["post"],
                    member=each["member"],
                    begin=datetime.fromisoformat(each["begin"]),
                    end=datetime.fromisoformat(each["end"]),
                )
                for each in row.officers
            ),
        )
        found.setdefault(row.organization, []).append(version)
    return found


def standings_of(conn: Connection, district: str) -> dict[str, list[Standing]]:
    """Where the organizations of a district stand and stood, by their ids."""
    v = party_organization_version.c
    found: dict[str, list[Standing]] = {}
    query = select(v.organization, v.version, v.time, v.parent).where(v.district == district)
    for row in conn.execute(query):
        standing = Standing(version=row.version, time=row.time, parent=row.parent)
        found.setdefault(row.organization, []).append(standing)
    return found


def lines_of(conn: Connection, district: str) -> frozenset[Line]:
    """What is stored of the lines in a district."""
    rows = conn.execute(select(party_line).where(party_line.c.district == district))
    return frozenset(
        Line(organization=row.organization, above=row.above, begin=row.begin_time, end=row.end_time) for row in rows
    )


def replace_lines(conn: Connection, district: str, gone: Set[Line], new: Set[Line]) -> None:
    """Delete some lines of a district, and enter others."""
    line = party_line.c
    if gone:
        keys = [(district, each.organization, each.above, each.begin) for each in gone]
        key = tuple_(line.district, line.organization, line.above, line.begin_time)
        conn.execute(party_line.delete().where(key.in_(keys)))
    if new:
        conn.execute(
            party_line.insert(),
            [
                {
                    "district": district,
                    "organization": each.organization,
                    "above": each.above,
                    "begin_time": each.begin,
                    "end_time": each.end,
                }
                for each in new
            ],
        )


def posts_of(conn: Connection, ids: Collection[str]) -> set[tuple[str, Post]]:
    """What is stored of the posts in organizations, each with the organization's id."""
    p = party_post
    rows = conn.execute(select(p).where(*_about(p.c.district, p.c.organization, ids)))
    return {
        (row.organization, Post(post=row.post, member=row.member, begin=row.begin_time, end=row.end_time))
        for row in rows
    }


def replace_posts(conn: Connection, gone: Collection[tuple[str, Post]], new: Collection[tuple[str, Post]]) -> None:
    """Delete some posts in organizations, and enter others."""
    p = party_post.c
    if gone:
        keys = [(codes.district_of(id_), id_, int(each.post), each.member, each.begin) for id_, each in gone]
        row = tuple_(p.district, p.organization, p.post, p.member, p.begin_time)
        conn.execute(party_post.delete().where(row.in_(keys)))
    if new:
        conn.execute(
            party_post.insert(),
            [
                {
                    "district": codes.district_of(id_),
                    "organization": id_,
                    "post": int(each.post),
                    "member": each.member,
                    "begin_time": each.begin,
                    "end_time": each.end,
                }
                for id_, each in new
            ],
        )


def known_organizations(conn: Connection, district: str, ids: Collection[str]) -> dict[str, str]:
    """The names of those of the organizations that the district has, by their ids."""
    v = party_organization_version.c
    query = (
        select(v.organization, v.display_name)
        .where(v.district == district, v.organization.in_(ids))
        .order_by(v.organization, v.version)
    )
    return {row.organization: row.display_name for row in conn.execute(query)}


def is_dissolved(conn: Connection, id_: str) -> bool:
    """Whether an organization that is known was dissolved."""
    v = party_organization_version.c
    query = select(v.dissolved).where(v.district == codes.district_of(id_), v.organization == id_)
    return bool(conn.execute(query.order_by(v.version.desc()).limit(1)).scalar())


def forget_past(conn: Connection, before: datetime) -> None:
    """Forget what counted no more at that moment."""
    for table in (party_member, party_line, party_post):
        conn.execute(table.delete().where(table.c.end_time < before))
    for versions, key in ((party_member_version, "member"), (party_organization_version, "organization")):
        later = versions.alias("later")
        newer = select(func.max(later.c.version)).where(
            later.c.district == versions.c.district, later.c[key] == versions.c[key], later.c.time < before
        )
        conn.execute(versions.delete().where(versions.c.version < newer.scalar_subquery()))


def _about(district: Column[str], id_: Column[str], ids: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """That a row is about one of these."""
    return district.in_({codes.district_of(each) for each in ids}), id_.in_(ids)
