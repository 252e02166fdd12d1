"""The endpoints of offices: entered, changed, deleted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import Connection

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_notify.audience import COLUMN
from onegrid_notify.endpoint import ENDPOINT, MAX_ENDPOINTS, Endpoint
from onegrid_notify.errors import EndpointLimitReached, PlaceUnknown
from onegrid_notify.preferences import PATROLS, PETITIONS
from onegrid_notify.store import endpoints as store
from onegrid_notify.store import places
from onegrid_notify.store.columns import columns_of

__all__ = ["DefineEndpoint", "define", "delete"]

_OF_MESSAGES: Final = frozenset({PETITIONS, PATROLS})
"""The topics of messages that endpoints may get; the others are columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineEndpoint:
    """An endpoint as it is to be; None leaves its url or secret as it is."""

    id: str
    channel: Channel
    display_name: str
    topics: tuple[str, ...]
    disabled: bool
    sealed_url: bytes | None = field(repr=False)
    host: str
    sealed_secret: bytes | None = field(repr=False)
    keeps_secret: bool
    """Whether a `sealed_secret` of None leaves it as it is; otherwise it has none."""
    etag: str


def define(conn: Connection, command: DefineEndpoint, call: Call) -> Endpoint:
    """Enter an endpoint, or make it what it is to be.

    Raises StaleEtag, InvalidRequest, PlaceUnknown, ColumnUnusable or EndpointLimitReached.
    """
    office = codes.office_of(command.id)
    store.lock_endpoints(conn, office)
    before = store.find_endpoint(conn, command.id)
    require_fresh(ENDPOINT.name(command.id), "" if before is None else before.etag, command.etag)
    if before is None:
        if not places.known_codes(conn, [office]):
            raise PlaceUnknown(office, "name")
        if store.count_endpoints(conn, office) >= MAX_ENDPOINTS:
            raise EndpointLimitReached(office, MAX_ENDPOINTS)
    _require_topics(conn, codes.district_of(office), command.topics)
    after = _defined(before, command, call)
    if before is not None and after == replace(before, version=after.version, update_time=call.now):
        return before
    store.save_endpoint(conn, after)
    return after


def delete(conn: Connection, name: str) -> None:
    """Delete an endpoint. Raises NotFound."""
    if not store.delete_endpoint(conn, ENDPOINT.id(name)):
        raise NotFound(name)


def _defined(before: Endpoint | None, command: DefineEndpoint, call: Call) -> Endpoint:
    same_channel = before if before is not None and before.channel == command.channel else None
    sealed_url, host = command.sealed_url, command.host
    if sealed_url is None:
        if same_channel is None:
            raise InvalidRequest(FieldViolation("url", "is needed"))
        sealed_url, host = same_channel.sealed_url, same_channel.host
    sealed_secret = command.sealed_secret
    if command.keeps_secret and same_channel is not None:
        sealed_secret = same_channel.sealed_secret
    if sealed_secret is None and command.channel == Channel.CHANNEL_WEBHOOK:
        raise InvalidRequest(FieldViolation("secret", "is needed"))
    return Endpoint(
        id=command.id,
        channel=command.channel,
        display_name=command.display_name,
        topics=command.topics,
        disabled=command.disabled,
        sealed_url=sealed_url,
        host=host,
        sealed_secret=sealed_secret,
        version=1 if before is None else before.version + 1,
        create_time=call.now if before is None else before.create_time,
        update_time=call.now,
    )


def _require_topics(conn: Connection, district: str, topics: Collection[str]) -> None:
    columns = columns_of(conn, district)
    for topic in topics:
        if topic not in _OF_MESSAGES:
            columns.require_usable(COLUMN.id(topic), "topics")
