"""The statements over the keys of devices, and over their enrolments."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.identity.v1.devices_pb2 import DeviceKeyState
from onegrid_identity.attempts import OneTimeCode
from onegrid_identity.devices import DeviceKey, Enrolment
from onegrid_identity.tables import device_enrolment, device_key
from onegrid_kit import codes
from onegrid_kit.one_time_codes import CODE_TRIES
from onegrid_kit.paging import Position, behind

__all__ = [
    "all_device_keys",
    "count_wrong_code",
    "device_keys_page",
    "find_device_key",
    "forget_expired_enrolments",
    "insert_device_key",
    "insert_enrolment",
    "lock_enrolment",
    "save_device_key",
    "use_enrolment",
]


def insert_enrolment(conn: Connection, new: Enrolment) -> None:
    """Enter an enrolment."""
    conn.execute(
        device_enrolment.insert().values(
            id=new.id,
            place=new.place,
            display_name=new.display_name,
            code_index=new.code.index,
            create_time=new.code.sent_time,
            expire_time=new.code.expire_time,
            tries=new.code.tries,
            used=new.used,
        )
    )


def count_wrong_code(conn: Connection, enrolment: str, code_index: bytes) -> None:
    """Count a code that was given for the enrolment, if it is another one than its own."""
    e = device_enrolment.c
    wrong = (e.id == enrolment) & (e.code_index != code_index) & (e.tries < CODE_TRIES)
    conn.execute(device_enrolment.update().where(wrong).values(tries=e.tries + 1))


def lock_enrolment(conn: Connection, enrolment: str) -> Enrolment | None:
    """The enrolment of that id, locked until this transaction ends."""
    row = conn.execute(
        select(device_enrolment).where(device_enrolment.c.id == enrolment).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    return Enrolment(
        id=row.id,
        place=row.place,
        display_name=row.display_name,
        code=OneTimeCode(bytes(row.code_index), row.create_time, row.expire_time, row.tries),
        used=row.used,
    )


def use_enrolment(conn: Connection, enrolment: str) -> None:
    """The enrolment, which is locked, was used."""
    conn.execute(device_enrolment.update().where(device_enrolment.c.id == enrolment).values(used=True))


def forget_expired_enrolments(conn: Connection, now: datetime) -> None:
    """Delete expired enrolments."""
    conn.execute(device_enrolment.delete().where(device_enrolment.c.expire_time < now))


def insert_device_key(conn: Connection, new: DeviceKey) -> bool:
    """Enter a key; whether no device has, or had, the same."""
    statement = insert(device_key).values(
        id=new.id,
        district=codes.district_of(new.place),
        place=new.place,
        display_name=new.display_name,
        public_key=new.public_key,
        create_time=new.create_time,
        **_changing(new),
    )
    done = conn.execute(statement.on_conflict_do_nothing(index_elements=[device_key.c.public_key]))
    return done.rowcount == 1


def find_device_key(conn: Connection, key: str, *, lock: bool = False) -> DeviceKey | None:
    """The key of that id."""
    query = select(device_key).where(device_key.c.id == key)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _device_key(row)


def save_device_key(conn: Connection, changed: DeviceKey) -> None:
    """Store a key as it is now."""
    conn.execute(device_key.update().where(device_key.c.id == changed.id).values(**_changing(changed)))


def device_keys_page(
    conn: Connection, place: str, states: Collection[DeviceKeyState], after: Position, limit: int
) -> list[DeviceKey]:
    """The keys of a place and of those in it, by place and id, which is the order they were made in; in one of these
    states, or in any.
    """
    k = device_key.c
    query = select(device_key).where(*_in(place), behind(after, k.place, k.id))
    if states:
        query = query.where(k.state.in_([int(state) for state in states]))
    return [_device_key(row) for row in conn.execute(query.order_by(k.place, k.id).limit(limit))]


def all_device_keys(conn: Connection, after: Position, limit: int) -> list[DeviceKey]:
    """The keys of every district, by id."""
    query = select(device_key).where(behind(after, device_key.c.id)).order_by(device_key.c.id).limit(limit)
    return [_device_key(row) for row in conn.execute(query)]


def _in(place: str) -> tuple[ColumnElement[bool], ...]:
    """A range of codes, whose index also gives their order."""
    k = device_key.c
    within = () if codes.is_district(place) else (k.place >= place, k.place < place + "~")
    return (k.district == codes.district_of(place), *within)


def _changing(of: DeviceKey) -> dict[str, Any]:
    return {
        "state": int(of.state),
        "lost_time": of.lost_time,
        "revoke_time": of.revoke_time,
        "revoke_reason": of.revoke_reason,
        "version": of.version,
        "update_time": of.update_time,
    }


def _device_key(row: Any) -> DeviceKey:
    return DeviceKey(
        id=row.id,
        place=row.place,
        display_name=row.display_name,
        public_key=bytes(row.public_key),
        state=cast(DeviceKeyState, row.state),
        lost_time=row.lost_time,
        revoke_time=row.revoke_time,
        revoke_reason=row.revoke_reason,
        version=row.version,
        create_time=row.create_time,
        update_time=row.update_time,
    )
