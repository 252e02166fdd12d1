"""Asking for counselling and legal aid, and following what becomes of the petition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.notify.v1.resources_pb2 import AidKind
from onegrid.petition.v1.events_pb2 import Step
from onegrid_kit import codes, ids, outbox
from onegrid_kit.callers import Call
from onegrid_kit.clock import CHINA
from onegrid_notify.aid import AID_REQUEST, KEPT, MAX_OPEN, AidRequest, state_with
from onegrid_notify.errors import AidLimitReached, PlaceUnknown
from onegrid_notify.store import aid as store
from onegrid_notify.store import places

__all__ = ["RequestAid", "delete_closed", "follow_petition", "request_aid"]

_DELETED_AT_ONCE: Final = 1_000
_COLLECTION: Final = "aidRequests/"
"""Of the origins of petitions; others are of other services."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAid:
    """What is asked for, and where."""

    kind: AidKind
    text: str
    sealed_text: bytes
    place: str
    anonymous: bool


def request_aid(conn: Connection, command: RequestAid, call: Call) -> AidRequest:
    """Ask for counselling or legal aid, and have it filed as a petition. Raises PlaceUnknown or AidLimitReached."""
    caller = call.caller
    if not places.known_codes(conn, [command.place]):
        raise PlaceUnknown(command.place, "place")
    store.lock_requests(conn, caller.user)
    open_requests = store.count_open(conn, caller.user)
    if open_requests >= MAX_OPEN:
        raise AidLimitReached(open_requests, MAX_OPEN)
    district = codes.district_of(command.place)
    new = AidRequest(
        district=district,
        id=f"{district}-{call.now.astimezone(CHINA):%Y%m%d}-{ids.readable(8)}",
        user=caller.user,
        kind=command.kind,
        sealed_text=command.sealed_text,
        place=command.place,
        anonymous=command.anonymous,
        create_time=call.now,
        update_time=call.now,
    )
    store.insert_request(conn, new)
    requested = AidRequested(
        aid_request=new.name,
        kind=new.kind,
        text=command.text,
        place=new.place,
        anonymous=new.anonymous,
        requester=caller.user,
        requester_kind=caller.kind,
        organization=caller.organization,
    )
    outbox.append(conn, call, [(new.name, requested)])
    return new


def follow_petition(conn: Connection, step: Step) -> None:
    """Note which petition a request became, and when that ends; in whatever order the steps come."""
    if step.origin.startswith(_COLLECTION):
        time = step.time.ToDatetime(tzinfo=UTC)
        store.advance(conn, AID_REQUEST.id(step.origin), step.petition, state_with(step.state), time)


def delete_closed(conn: Connection, now: datetime) -> None:
    """Delete requests that were closed long ago."""
    store.delete_closed(conn, now - KEPT, _DELETED_AT_ONCE)
