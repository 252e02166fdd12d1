"""The statements over what is counted and kept of logins: failures, one-time codes and who asked for them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, or_, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_identity import attempts
from onegrid_identity.attempts import Failures, OneTimeCode
from onegrid_identity.tables import code_requests, login_attempts, one_time_code

__all__ = [
    "STRANGERS",
    "count_code_request",
    "count_code_try",
    "delete_code",
    "forget_expired_attempts",
    "forgive_login_failures",
    "lock_code",
    "lock_login_failures",
    "lock_number",
    "login_failures",
    "save_code",
    "save_login_failures",
    "set_code_sent_time",
    "uncount_code_request",
]

STRANGERS = b""
"""In place of an address: all addresses from which no login by that name succeeded."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def login_failures(conn: Connection, login: str, address: bytes) -> tuple[Failures, Failures]:
    """The failed logins by that name from this address, and from all strangers'."""
    a = login_attempts.c
    rows = conn.execute(select(login_attempts).where(a.login == login, a.address.in_([address, STRANGERS])))
    found = {bytes(row.address): _failures(row) for row in rows}
    return found.get(address, Failures()), found.get(STRANGERS, Failures())


def lock_login_failures(conn: Connection, login: str, address: bytes, now: datetime) -> Failures:
    """The failed logins by that name from this address, locked until this transaction ends."""
    statement = insert(login_attempts).values(login=login, address=address, failures=0, last_time=now)
    locked = statement.on_conflict_do_update(
        index_elements=[login_attempts.c.login, login_attempts.c.address], set_={"login": statement.excluded.login}
    )
    return _failures(conn.execute(locked.returning(login_attempts)).one())


def save_login_failures(conn: Connection, login: str, address: bytes, failures: Failures) -> None:
    """Store what was locked."""
    a = login_attempts.c
    conn.execute(
        login_attempts.update()
        .where(a.login == login, a.address == address)
        .values(failures=failures.count, last_time=failures.last, success_time=failures.success)
    )


def forgive_login_failures(conn: Connection, login: str) -> None:
    """Forgive the failed logins by that name, from every address."""
    conn.execute(login_attempts.update().where(login_attempts.c.login == login).values(failures=0))


def count_code_request(conn: Connection, asker: bytes, now: datetime) -> tuple[int, datetime]:
    """How many codes were asked for by that address or caller with this one, and since when they are counted."""
    r = code_requests.c
    statement = insert(code_requests).values(asker=asker, count=1, begin_time=now)
    over = r.begin_time <= now - attempts.CODES_COUNTED
    counted = statement.on_conflict_do_update(
        index_elements=[r.asker],
        set_={"count": case((over, 1), else_=r["count"] + 1), "begin_time": case((over, now), else_=r.begin_time)},
    )
    row = conn.execute(counted.returning(r["count"], r.begin_time)).one()
    return row[0], row[1]


def uncount_code_request(conn: Connection, asker: bytes) -> None:
    """One of those that were counted was not sent."""
    r = code_requests.c
    conn.execute(code_requests.update().where(r.asker == asker, r["count"] > 0).values(count=r["count"] - 1))


def lock_number(conn: Connection, phone_index: bytes) -> datetime:
    """When the last code was sent to the number, long ago if never; locks the number until this transaction ends."""
    statement = insert(one_time_code).values(phone_index=phone_index, sent_time=_NEVER, expire_time=_NEVER, tries=0)
    locked = statement.on_conflict_do_update(
        index_elements=[one_time_code.c.phone_index], set_={"phone_index": statement.excluded.phone_index}
    )
    sent: datetime = conn.execute(locked.returning(one_time_code.c.sent_time)).scalar_one()
    return sent


def save_code(conn: Connection, phone_index: bytes, code: OneTimeCode) -> None:
    """Store the code of a number that was locked, instead of the one before."""
    conn.execute(
        one_time_code.update()
        .where(one_time_code.c.phone_index == phone_index)
        .values(code_index=code.index, sent_time=code.sent_time, expire_time=code.expire_time, tries=code.tries)
    )


def set_code_sent_time(conn: Connection, phone_index: bytes, code_index: bytes, sent: datetime) -> None:
    """Change when a code counts as sent, unless the number has another one by now."""
    c = one_time_code.c
    this = (c.phone_index == phone_index) & (c.code_index == code_index)
    conn.execute(one_time_code.update().where(this).values(sent_time=sent))


def lock_code(conn: Connection, phone_index: bytes) -> OneTimeCode | None:
    """The last code of the number, locked until this transaction ends."""
    row = conn.execute(
        select(one_time_code).where(one_time_code.c.phone_index == phone_index).with_for_update()
    ).one_or_none()
    if row is None:
        return None
    return OneTimeCode(bytes(row.code_index or b""), row.sent_time, row.expire_time, row.tries)


def count_code_try(conn: Connection, phone_index: bytes) -> None:
    """A wrong code was given for the number."""
    c = one_time_code.c
    conn.execute(one_time_code.update().where(c.phone_index == phone_index).values(tries=c.tries + 1))


def delete_code(conn: Connection, phone_index: bytes) -> None:
    """The code of the number was used."""
    conn.execute(one_time_code.delete().where(one_time_code.c.phone_index == phone_index))


def forget_expired_attempts(conn: Connection, now: datetime) -> None:
    """Delete expired codes and what is not counted any more."""
    conn.execute(one_time_code.delete().where(one_time_code.c.expire_time < now))
    a = login_attempts.c
    unknown = or_(a.success_time.is_(None), a.success_time < now - attempts.KNOWN_FOR)
    conn.execute(login_attempts.delete().where(a.last_time < now - attempts.FAILURES_LAST, unknown))
    conn.execute(code_requests.delete().where(code_requests.c.begin_time < now - attempts.CODES_COUNTED))


def _failures(row: Any) -> Failures:
    return Failures(row.failures, row.last_time, row.success_time)
