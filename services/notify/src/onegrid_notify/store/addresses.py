"""The statements over addresses, and over the codes that were sent to them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.one_time_codes import CODE_TRIES
from onegrid_notify.address import CODES_COUNTED, Address, CodeRequests, OneTimeCode
from onegrid_notify.tables import address, code_request

__all__ = [
    "addresses_of",
    "addresses_of_users",
    "count_guess",
    "delete_address",
    "delete_addresses",
    "delete_unverified",
    "find_address",
    "forget_code_requests",
    "insert_address",
    "lock_code_requests",
    "save_address",
    "save_code_requests",
]


def addresses_of(conn: Connection, user: str) -> list[Address]:
    """The addresses of a person, the first added first."""
    return list(addresses_of_users(conn, [user]).get(user, ()))


def addresses_of_users(conn: Connection, users: Collection[str]) -> Mapping[str, Sequence[Address]]:
    """The addresses of these people, by person, the first added first; who has none is not in it."""
    found: dict[str, list[Address]] = {}
    query = select(address).where(address.c.user_name.in_(users)).order_by(address.c.create_time, address.c.id)
    for row in conn.execute(query):
        found.setdefault(row.user_name, []).append(_address(row))
    return found


def find_address(conn: Connection, user: str, id_: str, *, lock: bool = False) -> Address | None:
    """The person's address of that id."""
    query = select(address).where(address.c.user_name == user, address.c.id == id_)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _address(row)


def insert_address(conn: Connection, new: Address) -> None:
    """Enter an address that its person does not have yet."""
    conn.execute(
        address.insert().values(
            user_name=new.user,
            id=new.id,
            district=new.district,
            channel=int(new.channel),
            sealed_value=new.sealed_value,
            value_index=new.value_index,
            create_time=new.create_time,
            **_changing(new),
        )
    )


def save_address(conn: Connection, changed: Address) -> None:
    """Store whether an address is verified, and its code."""
    conn.execute(_one(changed.user, changed.id).values(**_changing(changed)))


def count_guess(conn: Connection, user: str, id_: str) -> bool:
    """Count a guess of the code that was sent to an address last; False if there is none, or there were too many."""
    a = address.c
    counted = _one(user, id_).where(a.code_index.is_not(None), a.code_tries < CODE_TRIES)
    done = counted.values(code_tries=a.code_tries + 1).returning(a.id)
    return conn.execute(done).one_or_none() is not None


def delete_address(conn: Connection, user: str, id_: str) -> bool:
    """Delete an address; whether there was one."""
    done = address.delete().where(address.c.user_name == user, address.c.id == id_).returning(address.c.id)
    return conn.execute(done).one_or_none() is not None


def delete_addresses(conn: Connection, user: str, until: datetime) -> None:
    """Delete what a person added until that moment."""
    conn.execute(address.delete().where(address.c.user_name == user, address.c.create_time <= until))


def delete_unverified(conn: Connection, before: datetime) -> None:
    """Delete addresses that were added before that moment and are not verified."""
    conn.execute(address.delete().where(address.c.verify_time.is_(None), address.c.create_time < before))


def lock_code_requests(conn: Connection, asker: bytes, now: datetime) -> CodeRequests:
    """The codes that were asked for by a person, or for an address; locked until this transaction ends."""
    r = code_request.c
    statement = insert(code_request).values(asker=asker, count=0, begin_time=now)
    locked = statement.on_conflict_do_update(index_elements=[r.asker], set_={"asker": statement.excluded.asker})
    row = conn.execute(locked.returning(r["count"], r.begin_time, r.last_time)).one()
    return CodeRequests(row[0], row[1], row[2])


def save_code_requests(conn: Connection, asker: bytes, requests: CodeRequests) -> None:
    """Store how many there were."""
    changed = code_request.update().where(code_request.c.asker == asker)
    conn.execute(changed.values(count=requests.count, begin_time=requests.begin, last_time=requests.last))


def forget_code_requests(conn: Connection, now: datetime) -> None:
    """Delete what is not counted any more."""
    conn.execute(code_request.delete().where(code_request.c.begin_time < now - CODES_COUNTED))


def _one(user: str, id_: str) -> Any:
    return address.update().where(address.c.user_name == user, address.c.id == id_)


def _changing(of: Address) -> dict[str, Any]:
    return {
        "verify_time": of.verify_time,
        "code_index": None if of.code is None else of.code.index,
        "code_expire_time": None if of.code is None else of.code.expire_time,
        "code_tries": 0 if of.code is None else of.code.tries,
    }


def _address(row: Any) -> Address:
    code = None
    if row.code_index is not None:
        code = OneTimeCode(bytes(row.code_index), row.code_expire_time, row.code_tries)
    return Address(
        user=row.user_name,
        id=row.id,
        district=row.district,
        channel=cast(Channel, row.channel),
        sealed_value=bytes(row.sealed_value),
        value_index=bytes(row.value_index),
        verify_time=row.verify_time,
        code=code,
        create_time=row.create_time,
    )
