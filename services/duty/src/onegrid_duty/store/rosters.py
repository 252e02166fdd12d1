"""The statements over rosters and overrides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, cast

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.duty.v1.resources_pb2 import LengthUnit, RosterKind
from onegrid_duty.roster import LONGEST_TURN, Override, Roster
from onegrid_duty.schedule import Rotation, Window
from onegrid_duty.store.rungs import rungs_json, rungs_of
from onegrid_duty.tables import override, roster, shift
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "count_overrides",
    "delete_override",
    "find_override",
    "find_roster",
    "insert_override",
    "lock_rosters",
    "lock_rosters_of",
    "overrides_of",
    "overrides_page",
    "rosters_page",
    "rosters_to_extend",
    "save_roster",
]


def find_roster(conn: Connection, id_: str, *, lock: bool = False) -> Roster | None:
    """The roster of that id."""
    query = select(roster).where(roster.c.district == codes.district_of(id_), roster.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _roster(row)


def rosters_page(conn: Connection, scope: str, after: Position, limit: int) -> list[Roster]:
    """The rosters of a place or department and of those inside it that are not retired, by id."""
    r = roster.c
    query = select(roster).where(r.district == codes.district_of(scope), r.scope.startswith(scope), ~r.retired)
    return [_roster(row) for row in conn.execute(query.where(behind(after, r.id)).order_by(r.id).limit(limit))]


def rosters_to_extend(conn: Connection, until: datetime, most: int) -> list[Roster]:
    """Rosters whose shifts are fixed for less long, locked; without those that others have locked."""
    query = select(roster).where(~roster.c.retired, roster.c.scheduled_until < until)
    ordered = query.order_by(roster.c.scheduled_until).limit(most).with_for_update(skip_locked=True)
    return [_roster(row) for row in conn.execute(ordered)]


def lock_rosters(conn: Connection) -> list[Roster]:
    """All rosters that are not retired, locked; without those that others have locked."""
    query = select(roster).where(~roster.c.retired).order_by(roster.c.district, roster.c.id)
    return [_roster(row) for row in conn.execute(query.with_for_update(skip_locked=True))]


def lock_rosters_of(conn: Connection, user: str, now: datetime) -> list[Roster]:
    """The rosters in which somebody has shifts that have not ended, locked."""
    r, s = roster.c, shift.c
    theirs = select(s.roster).where(s.user == user, s.end_time > now, s.district == r.district)
    query = select(roster).where(~r.retired, r.id.in_(theirs)).order_by(r.district, r.id).with_for_update()
    return [_roster(row) for row in conn.execute(query)]


def save_roster(conn: Connection, changed: Roster) -> None:
    """Enter a roster, or store it as it is now."""
    values = {
        "scope": changed.scope,
        "kind": int(changed.kind),
        "display_name": changed.display_name,
        "time_zone": changed.time_zone,
        "role": changed.role,
        "rotations": [_encode_rotation(each) for each in changed.rotations],
        "coverage": _encode_window(changed.coverage),
        "supervisors": list(changed.supervisors),
        "escalation": rungs_json(changed.escalation),
        "retired": changed.retired,
        "definer": changed.definer,
        "scheduled_until": changed.scheduled_until,
        "version": changed.version,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
    }
    statement = insert(roster).values(district=codes.district_of(changed.id), id=changed.id, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[roster.c.district, roster.c.id],
            set_={name: statement.excluded[name] for name in values},
        )
    )


def overrides_of(conn: Connection, roster_id: str, since: datetime) -> list[Override]:
    """The overrides of a roster that can matter to its schedule since then, in the order they were made."""
    o = override.c
    # A turn that began before them may still last.
    mattering = o.end_time > since - LONGEST_TURN
    query = select(override).where(o.district == codes.district_of(roster_id), o.roster == roster_id, mattering)
    return [_override(row) for row in conn.execute(query.order_by(o.create_time, o.id))]


def overrides_page(conn: Connection, roster_id: str, since: datetime, after: Position, limit: int) -> list[Override]:
    """The overrides of a roster that have not ended by then, by id, which is the order they were made in."""
    o = override.c
    query = select(override).where(
        o.district == codes.district_of(roster_id), o.roster == roster_id, o.end_time > since, behind(after, o.id)
    )
    return [_override(row) for row in conn.execute(query.order_by(o.id).limit(limit))]


def count_overrides(conn: Connection, roster_id: str, since: datetime) -> int:
    """How many there are that have not ended by then."""
    o = override.c
    query = select(func.count()).where(
        o.district == codes.district_of(roster_id), o.roster == roster_id, o.end_time > since
    )
    return int(conn.execute(query).scalar_one())


def find_override(conn: Connection, id_: str) -> Override | None:
    """The override of that id."""
    query = select(override).where(override.c.district == codes.district_of(id_), override.c.id == id_)
    row = conn.execute(query).one_or_none()
    return None if row is None else _override(row)


def insert_override(conn: Connection, new: Override) -> None:
    """Enter an override."""
    conn.execute(
        insert(override).values(
            district=codes.district_of(new.id),
            id=new.id,
            roster=new.roster,
            begin_time=new.begin,
            end_time=new.end,
            user=new.user,
            rotations=[_encode_rotation(each) for each in new.rotations],
            reason=new.reason,
            author=new.author,
            swap=new.swap,
            create_time=new.create_time,
        )
    )


def delete_override(conn: Connection, id_: str) -> bool:
    """Remove an override; whether it was there."""
    o = override.c
    done = override.delete().where(o.district == codes.district_of(id_), o.id == id_)
    return conn.execute(done).rowcount == 1


def _roster(row: Any) -> Roster:
    return Roster(
        id=row.id,
        scope=row.scope,
        kind=cast(RosterKind, row.kind),
        display_name=row.display_name,
        time_zone=row.time_zone,
        role=row.role,
        rotations=tuple(_rotation(each) for each in row.rotations),
        coverage=_window(row.coverage),
        supervisors=tuple(row.supervisors),
        escalation=rungs_of(row.escalation),
        retired=row.retired,
        definer=row.definer,
        scheduled_until=row.scheduled_until,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def _override(row: Any) -> Override:
    return Override(
        id=row.id,
        roster=row.roster,
        begin=row.begin_time,
        end=row.end_time,
        user=row.user,
        rotations=tuple(_rotation(each) for each in row.rotations),
        reason=row.reason,
        author=row.author,
        swap=row.swap,
        create_time=row.create_time,
    )


def _encode_rotation(of: Rotation) -> Mapping[str, Any]:
    return {
        "users": list(of.users),
        "first_date": of.first_date.isoformat(),
        "handoff": of.handoff.isoformat("minutes"),
        "unit": int(of.unit),
        "length": of.length,
        "end_date": of.end_date.isoformat() if of.end_date else None,
        "window": _encode_window(of.window),
    }


def _rotation(of: Mapping[str, Any]) -> Rotation:
    return Rotation(
        users=tuple(of["users"]),
        first_date=date.fromisoformat(of["first_date"]),
        handoff=time.fromisoformat(of["handoff"]),
        unit=cast(LengthUnit, of["unit"]),
        length=of["length"],
        end_date=date.fromisoformat(of["end_date"]) if of["end_date"] else None,
        window=_window(of["window"]),
    )


def _encode_window(of: Window | None) -> Sequence[str] | None:
    return None if of is None else [of.begin.isoformat("minutes"), of.end.isoformat("minutes")]


def _window(of: Sequence[str] | None) -> Window | None:
    return None if of is None else Window(time.fromisoformat(of[0]), time.fromisoformat(of[1]))
