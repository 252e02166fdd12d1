"""What partyedu announced of members and organizations, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Set
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_notify.party import Belonging, Line, MemberVersion, OrganizationVersion, Post, Standing
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
    "keep_member_version",
    "keep_organization_version",
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


def keep_member_version(conn: Connection, id_: str, new: MemberVersion) -> bool:
    """Keep a version of a member; whether that is news."""
    statement = insert(party_member_version).values(
        district=codes.district_of(id_),
        member=id_,
        version=new.version,
        time=new.time,
        user_name=new.user,
        state=int(new.state),
        organization=new.organization,
    )
    new_row = statement.on_conflict_do_nothing().returning(party_member_version.c.version)
    return conn.execute(new_row).one_or_none() is not None


def member_versions_of(conn: Connection, id_: str) -> list[MemberVersion]:
    """The versions of a member that are known."""
    v = party_member_version
    rows = conn.execute(select(v).where(v.c.district == codes.district_of(id_), v.c.member == id_))
    return [
        MemberVersion(
            version=row.version, time=row.time, user=row.user_name, state=row.state, organization=row.organization
        )
        for row in rows
    ]


def belongings_of(conn: Connection, id_: str) -> frozenset[Belonging]:
    """What is stored of a member's belonging."""
    b = party_member
    rows = conn.execute(select(b).where(b.c.district == codes.district_of(id_), b.c.member == id_))
    return frozenset(
        Belonging(
            user=row.user_name,
            state=row.state,
            organization=row.organization,
            begin=row.begin_time,
            end=row.end_time,
        )
        for row in rows
    )


def replace_belongings(conn: Connection, id_: str, gone: Set[Belonging], new: Set[Belonging]) -> None:
    """Delete some of a member's belonging, and enter other."""
    b, key = party_member, {"district": codes.district_of(id_), "member": id_}
    if gone:
        conn.execute(
            b.delete().where(
                b.c.district == key["district"], b.c.member == id_, b.c.begin_time.in_([each.begin for each in gone])
            )
        )
    if new:
        conn.execute(
            b.insert(),
            [
                {
                    **key,
                    "user_name": each.user,
                    "state": int(each.state),
                    "organization": each.organization,
                    "begin_time": each.begin,
                    "end_time": each.end,
                }
                for each in new
            ],
        )


def keep_organization_version(
    conn: Connection, id_: str, new: OrganizationVersion, parent: str, display_name: str, *, dissolved: bool
) -> bool:
    """Keep a version of an organization; whether that is news."""
    statement = insert(party_organization_version).values(
        district=codes.district_of(id_),
        organization=id_,
        version=new.version,
        time=new.time,
        display_name=display_name,
        parent=parent,
        term=new.term,
        term_begin=new.term_begin,
        officers=[
            {
                "post": int(each.post),
                "member": each.member,
                "begin": each.begin.isoformat(),
                "end": each.end.isoformat(),
            }
            for each in new.officers
        ],
        dissolved=dissolved,
    )
    new_row = statement.on_conflict_do_nothing().returning(party_organization_version.c.version)
    return conn.execute(new_row).one_or_none() is not None


def organization_versions_of(conn: Connection, id_: str) -> list[OrganizationVersion]:
    """The versions of an organization that are known."""
    v = party_organization_version
    rows = conn.execute(select(v).where(v.c.district == codes.district_of(id_), v.c.organization == id_))
    return [
        OrganizationVersion(
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
        for row in rows
    ]


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


def posts_of(conn: Connection, id_: str) -> frozenset[Post]:
    """What is stored of the posts in an organization."""
    p = party_post
    rows = conn.execute(select(p).where(p.c.district == codes.district_of(id_), p.c.organization == id_))
    return frozenset(Post(post=row.post, member=row.member, begin=row.begin_time, end=row.end_time) for row in rows)


def replace_posts(conn: Connection, id_: str, gone: Set[Post], new: Set[Post]) -> None:
    """Delete some posts in an organization, and enter others."""
    p, key = party_post.c, {"district": codes.district_of(id_), "organization": id_}
    if gone:
        keys = [(key["district"], id_, int(each.post), each.member, each.begin) for each in gone]
        row = tuple_(p.district, p.organization, p.post, p.member, p.begin_time)
        conn.execute(party_post.delete().where(row.in_(keys)))
    if new:
        conn.execute(
            party_post.insert(),
            [
                {
                    **key,
                    "post": int(each.post),
                    "member": each.member,
                    "begin_time": each.begin,
                    "end_time": each.end,
                }
                for each in new
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
