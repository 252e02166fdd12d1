"""What is asked for: the parameters of a GET of statements (Communication, 2.1.3)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import orjson

from onegrid_partyedu.xapi.finding import By, identifier
from onegrid_partyedu.xapi.formats import instant, is_iri, is_uuid
from onegrid_partyedu.xapi.statement import Json, check_actor, refuse

__all__ = ["Wanted", "actor_of", "of_one", "wanted"]

MOST: Final = 100
"""Statements of a page; it ends earlier by its bytes."""
FORMATS: Final = ("exact", "ids", "canonical")
_ONE: Final = frozenset(("statementId", "voidedStatementId", "attachments", "format"))
_MANY: Final = frozenset(
    (
        "agent",
        "verb",
        "activity",
        "registration",
        "related_activities",
        "related_agents",
        "since",
        "until",
        "limit",
        "format",
        "attachments",
        "ascending",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which statements, and how they are to be shown."""

    filters: tuple[tuple[tuple[By, str], ...], ...] = ()
    """All of these, each by one of its alternatives; the one that most likely finds the fewest first."""
    agent: Json = field(default_factory=dict)
    """The one whose statements are asked for; empty: anybody's."""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = MOST
    ascending: bool = False
    format: str = "exact"
    attachments: bool = False


def of_one(query: Mapping[str, str]) -> tuple[str, bool] | None:
    """The id of the one statement that is asked for, and whether it is a voided one; None if a list is. Raises
    InvalidRequest.
    """
    asked = [name for name in ("statementId", "voidedStatementId") if name in query]
    if not asked:
        return None
    if len(asked) == 2 or not query.keys() <= _ONE:
        refuse(asked[0], "goes with attachments and format alone")
    if not is_uuid(query[asked[0]]):
        refuse(asked[0], "must be a UUID")
    return query[asked[0]].lower(), asked[0] == "voidedStatementId"


def wanted(query: Mapping[str, str]) -> Wanted:
    """What the parameters say, of one statement or of many. Raises InvalidRequest."""
    one = "statementId" in query or "voidedStatementId" in query
    _require_known(query, _ONE if one else _MANY)
    agent = actor_of(query["agent"]) if "agent" in query else {}
    filters: list[tuple[tuple[By, str], ...]] = []
    if "registration" in query:
        if not is_uuid(query["registration"]):
            refuse("registration", "must be a UUID")
        filters.append(((By.REGISTRATION, query["registration"].lower()),))
    if agent:
        known_by = identifier(agent)
        related = _flag(query, "related_agents")
        filters.append(((By.AGENT, known_by), *([(By.RELATED_AGENT, known_by)] if related else [])))
    if "activity" in query:
        related = _flag(query, "related_activities")
        iri = _iri(query, "activity")
        filters.append(((By.ACTIVITY, iri), *([(By.RELATED_ACTIVITY, iri)] if related else [])))
    if "verb" in query:
        filters.append(((By.VERB, _iri(query, "verb")),))
    for name in ("related_agents", "related_activities"):
        _flag(query, name)
    format_ = query.get("format", "exact")
    if format_ not in FORMATS:
        refuse("format", f"must be one of {', '.join(FORMATS)}")
    return Wanted(
        filters=tuple(filters),
        agent=agent,
        since=_moment(query, "since"),
        until=_moment(query, "until"),
        limit=_limit(query.get("limit", "0")),
        ascending=_flag(query, "ascending"),
        format=format_,
        attachments=_flag(query, "attachments"),
    )


def actor_of(value: str) -> Json:
    """The agent or identified group that a parameter holds. Raises InvalidRequest."""
    try:
        agent = check_actor(orjson.loads(value), "agent")
    except orjson.JSONDecodeError:
        refuse("agent", "must be JSON")
    if not identifier(agent):
        refuse("agent", "must be an agent or an identified group")
    return agent


def _require_known(query: Mapping[str, str], known: Collection[str]) -> None:
    for name in query:
        if name not in known:
            refuse(name[:64], "is not a parameter of this resource")


def _flag(query: Mapping[str, str], name: str) -> bool:
    value = query.get(name, "false")
    if value not in ("true", "false"):
        refuse(name, "must be true or false")
    return value == "true"


def _iri(query: Mapping[str, str], name: str) -> str:
    if not is_iri(query[name]):
        refuse(name, "must be an IRI")
    return query[name]


def _moment(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    # A plus that was not escaped is a space by now.
    found = instant(query[name].replace(" ", "+"))
    if found is None:
        refuse(name, "must be a timestamp of ISO 8601")
    return found


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 10):
        refuse("limit", "must be a number that is not negative")
    return min(int(value), MOST) or MOST
