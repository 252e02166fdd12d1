"""Lists that go on: a page's `more` holds all of its query, sealed, since it names persons."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from onegrid_kit.cipher import CipherError
from onegrid_kit.errors import InvalidToken
from onegrid_kit.http.requests import Request
from onegrid_partyedu.commands.statements import filter_keys
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store.statements import Position
from onegrid_partyedu.web.requests import district_of
from onegrid_partyedu.xapi.own import home_page
from onegrid_partyedu.xapi.query import Wanted
from onegrid_partyedu.xapi.statement import Json, refuse

__all__ = ["Query", "opened", "query_of", "token"]

_PURPOSE: Final = "partyedu.statement.more"
_MEMBER: Final = re.compile(r"members/[0-9]{6}-[0-9a-z-]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for, as the store finds it."""

    filters: Sequence[Sequence[int]]
    since: datetime | None
    until: datetime | None
    ascending: bool
    limit: int
    format: str
    attachments: bool
    resource: str
    """What the audit trail records that is read; empty: all of the district."""
    after: Position | None = None


def query_of(wanted: Wanted, request: Request[PartyeduSettings]) -> Query:
    """The query of these parameters."""
    return Query(
        filters=filter_keys(wanted.filters, request.cipher),
        since=wanted.since,
        until=wanted.until,
        ascending=wanted.ascending,
        limit=wanted.limit,
        format=wanted.format,
        attachments=wanted.attachments,
        resource=_member_of(wanted.agent, district_of(request)),
    )


def token(query: Query, request: Request[PartyeduSettings]) -> str:
    """A token by which the same caller goes on. It has no end."""
    held = [request.call.caller.user, district_of(request), *(getattr(query, name) for name in Query.__slots__)]
    sealed = request.cipher.seal(orjson.dumps(held), _PURPOSE)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def opened(request: Request[PartyeduSettings]) -> Query:
    """The query that the token of the request holds. Raises InvalidToken, or InvalidRequest if there is more."""
    if len(request.query) > 1:
        refuse("more", "is the only parameter")
    given = request.query["more"]
    try:
        sealed = base64.urlsafe_b64decode(given + "=" * (-len(given) % 4))
        user, district, *values = orjson.loads(request.cipher.open(sealed, _PURPOSE))
    except (binascii.Error, ValueError, CipherError):
        raise InvalidToken("more") from None
    if (user, district) != (request.call.caller.user, district_of(request)):
        raise InvalidToken("more")
    held: dict[str, Any] = dict(zip(Query.__slots__, values, strict=True))
    for name in ("since", "until"):
        held[name] = _moment(held[name])
    stored, number = held["after"]
    return Query(**{**held, "after": (datetime.fromisoformat(stored), number)})


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _member_of(agent: Json, district: str) -> str:
    """The member that the agent is, if it is one of ours: whoever asks who looked at a record finds it by that."""
    account = agent.get("account", {})
    ours = account.get("homePage") == home_page(district) and _MEMBER.fullmatch(account["name"])
    return str(account["name"]) if ours else ""
