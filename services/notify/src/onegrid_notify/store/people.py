"""What identity announced of people, and the memberships that follow from it."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid_kit import codes
from onegrid_notify.memberships import Grant, Membership, Version
from onegrid_notify.tables import membership, person_grant, person_version

__all__ = [
    "disabled_users",
    "forget_disabled",
    "forget_past",
    "grants_of",
    "is_disabled",
    "keep_grant",
    "keep_version",
    "lock_person",
    "memberships_of",
    "replace_memberships",
    "users_with_past",
    "versions_of",
]

_LOCK = 0x6E6F7469
_LOCK_PERSON = text("SELECT pg_advisory_xact_lock(:key, hashtext(:user))")

_DISABLED = text(
    """
    SELECT user_name FROM person_version AS newest
    WHERE NOT active AND coalesce(forget_time, time) <= :before
      AND NOT EXISTS (
        SELECT FROM person_version AS later WHERE later.user_name = newest.user_name AND later.version > newest.version
      )
    ORDER BY coalesce(forget_time, time) LIMIT :most
    """
)
# What a recipient of a notice that must be confirmed did with it is left: it is the record of whom the notice reached.
_FORGET_DISABLED = text(
    """
    WITH known AS (
      SELECT district FROM place UNION SELECT district FROM content_column
      UNION SELECT district FROM person_version WHERE user_name = :user
    ), messages AS (
      DELETE FROM message USING known WHERE message.district = known.district AND message.user_name = :user
    ), states AS (
      DELETE FROM item_state AS state USING known
      WHERE state.district = known.district AND state.user_name = :user
        AND NOT EXISTS (
          SELECT FROM recipient
          WHERE recipient.district = state.district AND recipient.article = state.item AND recipient.user_name = :user
        )
    ), subscriptions AS (
      DELETE FROM subscription USING known
      WHERE subscription.district = known.district AND subscription.user_name = :user
    ), groups AS (
      DELETE FROM group_member AS member USING known
      WHERE member.district = known.district AND member.user_name = :user
    ), of_party AS (
      DELETE FROM party_member AS member USING known
      WHERE member.district = known.district AND member.user_name = :user
    ), party_versions AS (
      UPDATE party_member_version AS member SET user_name = '' FROM known
      WHERE member.district = known.district AND member.user_name = :user
    ), decided AS (
      DELETE FROM preferences WHERE user_name = :user
    )
    UPDATE person_version SET forget_time = :now, home = '' WHERE user_name = :user AND NOT active
    """
)


def lock_person(conn: Connection, user: str) -> None:
    """Be the only one who derives this person's memberships until the transaction ends."""
    conn.execute(_LOCK_PERSON, {"key": _LOCK, "user": user})


def keep_version(conn: Connection, user: str, new: Version) -> bool:
    """Keep a version of an account; whether that is news. Announced with several times, it counts from the first on."""
    v = person_version.c
    statement = insert(person_version).values(
        user_name=user,
        version=new.version,
        time=new.time,
        kind=int(new.kind),
        district=new.district,
        home=new.home,
        active=new.active,
    )
    earlier = statement.on_conflict_do_update(
        index_elements=[v.user_name, v.version],
        set_={"time": statement.excluded.time},
        where=v.time > statement.excluded.time,
    )
    return conn.execute(earlier.returning(v.version)).one_or_none() is not None


def keep_grant(conn: Connection, user: str, new: Grant) -> bool:
    """Keep what an event says of a grant; whether that is news.

    Its end is the earliest that was announced, and only the event of the granting knows its level.
    """
    g = person_grant.c
    statement = insert(person_grant).values(
        user_name=user,
        id=new.id,
        role=new.role,
        scope=new.scope,
        oa_level=int(new.oa_level),
        begin_time=new.begin,
        end_time=new.end,
    )
    more = statement.excluded
    merged = statement.on_conflict_do_update(
        index_elements=[g.user_name, g.id],
        set_={
            "oa_level": func.greatest(g.oa_level, more.oa_level),
            "end_time": func.least(g.end_time, more.end_time),
        },
        where=(g.oa_level < more.oa_level) | (g.end_time > more.end_time),
    )
    return conn.execute(merged.returning(g.id)).one_or_none() is not None


def users_with_past(conn: Connection, before: datetime, limit: int) -> list[str]:
    """People with a membership that ended before that moment; at most so many, in their order."""
    ended = select(membership.c.user_name).where(membership.c.end_time < before).limit(limit)
    return sorted(set(conn.execute(ended).scalars()))


def forget_past(conn: Connection, user: str, before: datetime) -> None:
    """Forget the versions and grants of a person that counted no more at that moment, and where a disabled one was at
    home.
    """
    v, g = person_version.c, person_grant.c
    newest = select(func.max(v.version)).where(v.user_name == user, v.time < before).scalar_subquery()
    conn.execute(person_version.delete().where(v.user_name == user, v.version < newest))
    disabled = person_version.update().where(v.user_name == user, ~v.active, v.time < before)
    conn.execute(disabled.values(home=""))
    conn.execute(person_grant.delete().where(g.user_name == user, g.end_time < before))


def disabled_users(conn: Connection, before: datetime, most: int) -> list[str]:
    """Those who have been disabled since that moment, and of whom nothing was deleted since, in the order of their
    names; of more the first ones.
    """
    return sorted(conn.execute(_DISABLED, {"before": before, "most": most}).scalars())


def forget_disabled(conn: Connection, user: str, now: datetime) -> None:
    """Delete what a disabled person was sent, did with it and decided, and where they were at home."""
    conn.execute(_FORGET_DISABLED, {"user": user, "now": now})


def is_disabled(conn: Connection, user: str) -> bool:
    """Whether the account is known, and its newest version is not active."""
    v = person_version.c
    newest = select(v.active).where(v.user_name == user).order_by(v.version.desc()).limit(1)
    return conn.execute(newest).scalar_one_or_none() is False


def versions_of(conn: Connection, user: str) -> list[Version]:
    """The versions of a person's account that are known."""
    rows = conn.execute(select(person_version).where(person_version.c.user_name == user))
    return [
        Version(
            version=row.version,
            time=row.time,
            kind=cast(AccountKind, row.kind),
            district=row.district,
            home=row.home,
            active=row.active,
        )
        for row in rows
    ]


def grants_of(conn: Connection, user: str) -> list[Grant]:
    """The grants that a person has or had."""
    rows = conn.execute(select(person_grant).where(person_grant.c.user_name == user))
    return [
        Grant(
            id=row.id,
            role=row.role,
            scope=row.scope,
            oa_level=cast(OaLevel, row.oa_level),
            begin=row.begin_time,
            end=row.end_time,
        )
        for row in rows
    ]


def memberships_of(conn: Connection, user: str) -> frozenset[Membership]:
    """The memberships that are stored of a person."""
    rows = conn.execute(select(membership).where(membership.c.user_name == user))
    return frozenset(
        Membership(
            code=row.code,
            role=row.role,
            kind=cast(AccountKind, row.kind),
            oa_level=cast(OaLevel, row.oa_level),
            begin=row.begin_time,
            end=row.end_time,
        )
        for row in rows
    )


def replace_memberships(conn: Connection, user: str, gone: Set[Membership], new: Set[Membership]) -> None:
    """Delete some memberships of a person, and enter others."""
    m = membership.c
    if gone:
        keys = [(codes.district_of(each.code), user, each.code, each.role, each.begin) for each in gone]
        conn.execute(membership.delete().where(tuple_(m.district, m.user_name, m.code, m.role, m.begin_time).in_(keys)))
    if new:
        conn.execute(membership.insert(), [_values(user, each) for each in new])


def _values(user: str, of: Membership) -> dict[str, Any]:
    return {
        "district": codes.district_of(of.code),
        "user_name": user,
        "code": of.code,
        "kind": int(of.kind),
        "oa_level": int(of.oa_level),
        "role": of.role,
        "begin_time": of.begin,
        "end_time": of.end,
    }
