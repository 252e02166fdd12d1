"""People's addresses: added, verified by a code that is sent there, deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit import ids, sending
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import NotFound, SessionEnded
from onegrid_kit.one_time_codes import new_code
from onegrid_notify import verification
from onegrid_notify.address import (
    ADDRESS,
    CODE_LASTS,
    MAX_ADDRESSES,
    PERSON,
    UNVERIFIED_FOR,
    Address,
    Destination,
    OneTimeCode,
)
from onegrid_notify.errors import AddressLimitReached, AddressSuppressed, AddressVerified, CodeRejected
from onegrid_notify.store import addresses as store
from onegrid_notify.store import people, suppressions

__all__ = ["count_guess", "create", "delete", "delete_unverified", "send_code", "verify"]


def create(conn: Connection, destination: Destination, cipher: Cipher, call: Call) -> Address:
    """Add an address of the caller's and send a code there; one that the caller has already stays as it is.

    Raises AddressLimitReached, AddressSuppressed, RateLimited, or SessionEnded for an account that is disabled.
    """
    user = call.caller.user
    people.lock_person(conn, user)
    if people.is_disabled(conn, user):
        # What it added now would stay: its addresses were deleted already.
        raise SessionEnded
    known = store.addresses_of(conn, user)
    index = destination.index(cipher)
    same = [each for each in known if each.value_index == index]
    if same:
        return same[0]
    if len(known) >= MAX_ADDRESSES:
        raise AddressLimitReached(MAX_ADDRESSES)
    new = Address(
        user=user,
        id=ids.new_id(),
        district=call.caller.district,
        channel=destination.channel,
        sealed_value=destination.sealed(cipher),
        value_index=index,
        create_time=call.now,
    )
    if destination.is_proved:
        new = new.verified(call.now)
        store.insert_address(conn, new)
        return new
    store.insert_address(conn, new)
    return _with_code(conn, new, cipher, call.now)


def send_code(conn: Connection, name: str, cipher: Cipher, call: Call) -> Address:
    """Send another code to an address of the caller's.

    Raises PermissionDenied, NotFound, AddressVerified, AddressSuppressed or RateLimited.
    """
    address = _own(conn, name, call, lock=True)
    if address.verify_time is not None:
        raise AddressVerified(name)
    return _with_code(conn, address, cipher, call.now)


def count_guess(conn: Connection, name: str, call: Call) -> None:
    """Count a guess of a code before it is compared: in a transaction of its own, so that a wrong one is counted.

    Raises PermissionDenied, NotFound, or CodeRejected if there were too many.
    """
    address = _own(conn, name, call)
    if address.verify_time is None and not store.count_guess(conn, address.user, address.id):
        raise CodeRejected(name)


def verify(conn: Connection, name: str, code_index: bytes, call: Call) -> Address:
    """Verify an address by a code of which the guess is counted. One that is verified stays so.

    Raises PermissionDenied, NotFound or CodeRejected.
    """
    address = _own(conn, name, call, lock=True)
    if address.verify_time is not None:
        return address
    if address.code is None or not address.code.matches(code_index, call.now):
        raise CodeRejected(name)
    verified = address.verified(call.now)
    store.save_address(conn, verified)
    return verified


def delete(conn: Connection, name: str, call: Call) -> None:
    """Delete an address of the caller's. Raises PermissionDenied or NotFound."""
    address = _own(conn, name, call, lock=True)
    store.delete_address(conn, address.user, address.id)


def delete_unverified(conn: Connection, now: datetime) -> None:
    """Delete addresses that nobody has verified for too long, and what is not counted any more."""
    store.delete_unverified(conn, now - UNVERIFIED_FOR)
    store.forget_code_requests(conn, now)


def _own(conn: Connection, name: str, call: Call, *, lock: bool = False) -> Address:
    user_id, id_ = ADDRESS.ids(name)
    owner = PERSON.name(user_id)
    call.caller.require(call.permission, owner=owner)
    address = store.find_address(conn, owner, id_, lock=lock)
    if address is None:
        raise NotFound(name)
    return address


def _with_code(conn: Connection, address: Address, cipher: Cipher, now: datetime) -> Address:
    """Send a new code to the address, instead of the one before."""
    suppressed = suppressions.find_suppression(conn, address.district, address.value_index)
    if suppressed is not None:
        raise AddressSuppressed(suppressed.channel, suppressed.reason)
    person = address.user.encode()
    of_person = store.lock_code_requests(conn, person, now)
    of_person.require_more_of_person(now)
    of_address = store.lock_code_requests(conn, address.value_index, now)
    of_address.require_more_to_address(now)
    store.save_code_requests(conn, person, of_person.one_more(now))
    store.save_code_requests(conn, address.value_index, of_address.one_more(now))
    digits = new_code()
    code = OneTimeCode(OneTimeCode.digest(address.id, digits, cipher), now + CODE_LASTS)
    changed = replace(address, code=code)
    store.save_address(conn, changed)
    sending.enqueue(conn, [verification.sending_of(changed, digits, code.expire_time, cipher)], now)
    return changed
