"""Groups with their members, subscriptions, and how many people an audience holds."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_notify.audience import COLUMN, Group, SelectorRow
from onegrid_notify.memberships import FOREVER
from onegrid_notify.store.matching import MEMBERS
from onegrid_notify.tables import content_column, group_member, person_group, subscription

__all__ = [
    "begin_members",
    "begin_subscription",
    "count_members",
    "count_people",
    "end_members",
    "end_subscription",
    "find_group",
    "forget_past",
    "groups_by_id",
    "groups_page",
    "save_group",
    "subscriptions_of",
]

_COUNT_PEOPLE: Final = text(
    f"""
    SELECT count(*) FROM (
      SELECT DISTINCT member.user_name
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS s (
        district text, publish_time timestamptz, code text, kinds smallint[], oa_levels smallint[], roles text[],
        groups text[], columns text[], of_party boolean, organizations text[], member_states smallint[],
        posts smallint[]
      )
      -- Apart, by OFFSET: otherwise all memberships are read, as nobody knows how many selectors there will be.
      CROSS JOIN LATERAL (SELECT m.user_name FROM membership m WHERE {MEMBERS} OFFSET 0) AS member
    ) AS people
    """
)


def count_people(conn: Connection, district: str, rows: Sequence[SelectorRow], at: datetime) -> int:
    """How many people these describe at a moment, each once."""
    described = [{**asdict(row), "district": district, "publish_time": at.isoformat()} for row in rows]
    return int(conn.execute(_COUNT_PEOPLE, {"rows": json.dumps(described)}).scalar_one())


def find_group(conn: Connection, id_: str, *, lock: bool = False) -> Group | None:
    """The group of that id."""
    g = person_group
    query = select(g).where(g.c.district == codes.district_of(id_), g.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _group(row)


def groups_by_id(conn: Connection, district: str, ids: Collection[str]) -> dict[str, Group]:
    """Those of the groups that the district has."""
    if not ids:
        return {}
    rows = conn.execute(select(person_group).where(person_group.c.district == district, person_group.c.id.in_(ids)))
    return {row.id: _group(row) for row in rows}


def groups_page(conn: Connection, district: str, after: Position, limit: int) -> list[Group]:
    """The groups of a district, by id."""
    g = person_group
    query = select(g).where(g.c.district == district, behind(after, g.c.id)).order_by(g.c.id).limit(limit)
    return [_group(row) for row in conn.execute(query)]


def save_group(conn: Connection, changed: Group) -> None:
    """Enter a group, or store what changed of it."""
    values = {
        "display_name": changed.display_name,
        "protected": changed.protected,
        "version": changed.version,
        "update_time": changed.update_time,
    }
    statement = insert(person_group).values(district=changed.district, id=changed.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[person_group.c.district, person_group.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )


def count_members(conn: Connection, group_id: str) -> int:
    """How many belong to the group."""
    m = group_member.c
    query = select(func.count()).where(
        m.district == codes.district_of(group_id), m.group_id == group_id, m.end_time == FOREVER
    )
    return conn.execute(query).scalar_one()


def begin_members(conn: Connection, group_id: str, users: Collection[str], now: datetime) -> None:
    """Have users belong to a group from now on, but for those who do already."""
    m = group_member.c
    district = codes.district_of(group_id)
    lasting = select(m.user_name).where(
        m.district == district, m.group_id == group_id, m.user_name.in_(users), m.end_time == FOREVER
    )
    present = set(conn.execute(lasting).scalars())
    new = [
        {"district": district, "group_id": group_id, "user_name": user, "begin_time": now, "end_time": FOREVER}
        for user in users
        if user not in present
    ]
    if new:
        conn.execute(group_member.insert(), new)


def end_members(conn: Connection, group_id: str, users: Collection[str], now: datetime) -> None:
    """Have users belong to a group no more."""
    m = group_member.c
    lasting = (
        m.district == codes.district_of(group_id),
        m.group_id == group_id,
        m.user_name.in_(users),
        m.end_time == FOREVER,
    )
    # Who came at this very moment never belonged to it.
    conn.execute(group_member.delete().where(*lasting, m.begin_time >= now))
    conn.execute(group_member.update().where(*lasting).values(end_time=now))


def begin_subscription(conn: Connection, column_id: str, user: str, now: datetime) -> None:
    """Subscribe a user to a column from now on; one who is subscribed stays so."""
    u = subscription.c
    district = codes.district_of(column_id)
    lasting = select(u.user_name).where(
        u.district == district, u.column_id == column_id, u.user_name == user, u.end_time == FOREVER
    )
    if conn.execute(lasting).first() is None:
        new = {"district": district, "column_id": column_id, "user_name": user, "begin_time": now, "end_time": FOREVER}
        conn.execute(insert(subscription).values(**new).on_conflict_do_nothing())


def end_subscription(conn: Connection, column_id: str, user: str, now: datetime) -> None:
    """End a user's subscription to a column."""
    u = subscription.c
    lasting = (
        u.district == codes.district_of(column_id),
        u.column_id == column_id,
        u.user_name == user,
        u.end_time == FOREVER,
    )
    conn.execute(subscription.delete().where(*lasting, u.begin_time >= now))
    conn.execute(subscription.update().where(*lasting).values(end_time=now))


def subscriptions_of(conn: Connection, user: str) -> list[str]:
    """The names of the columns that a user subscribes to, in their order."""
    c, u = content_column.c, subscription.c
    # By district and column, of which there are few: so are subscriptions keyed.
    joined = content_column.join(subscription, (u.district == c.district) & (u.column_id == c.id))
    query = select(u.column_id).distinct().select_from(joined).where(u.user_name == user, u.end_time == FOREVER)
    return [COLUMN.name(id_) for id_ in conn.execute(query.order_by(u.column_id)).scalars()]


def forget_past(conn: Connection, before: datetime) -> None:
    """Forget who left groups and columns before that moment."""
    for table in (group_member, subscription):
        conn.execute(table.delete().where(table.c.end_time < before))


def _group(row: Any) -> Group:
    return Group(
        id=row.id,
        display_name=row.display_name,
        protected=row.protected,
        version=row.version,
        update_time=row.update_time,
    )
