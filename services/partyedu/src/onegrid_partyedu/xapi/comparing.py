"""When two statements are the same (Data, 2.3.1): whatever a server may add or write otherwise does not matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from onegrid_partyedu.xapi.formats import instant, same_mailto
from onegrid_partyedu.xapi.statement import Json

__all__ = ["comparable", "same"]

_SET_BY_SERVERS: Final = frozenset(("id", "stored", "authority", "version", "timestamp"))
# Precision beyond a hundredth of a second is none (Data, 4.6).
_FRACTION: Final = re.compile(r"([.,][0-9]{2})[0-9]+(?=S$)")


def same(one: Json, other: Json) -> bool:
    """Whether they are the same statement, apart from their ids. A timestamp that only one has may be its server's."""
    moments = [instant(each["timestamp"]) for each in (one, other) if "timestamp" in each]
    return (len(moments) < 2 or moments[0] == moments[1]) and comparable(one) == comparable(other)


def comparable(statement: Json) -> bytes:
    """The same bytes for the same statement, without what servers set."""
    return _bytes(_claim({name: value for name, value in statement.items() if name not in _SET_BY_SERVERS}))


def _claim(statement: Json) -> Json:
    return {name: _CLAIM.get(name, _as_it_is)(value) for name, value in statement.items()}


def _actor(actor: Json) -> Json:
    found = dict(actor)
    if "mbox" in found:
        found["mbox"] = same_mailto(found["mbox"])
    if "mbox_sha1sum" in found:
        found["mbox_sha1sum"] = found["mbox_sha1sum"].lower()
    if "member" in found:
        # A set, however it is written (Data, 2.4.2.2).
        found["member"] = sorted(map(_actor, found["member"]), key=_bytes)
    return found


def _verb(verb: Json) -> Json:
    return {"id": verb["id"]}


def _activity(activity: Json) -> Json:
    return {name: value for name, value in activity.items() if name != "definition"}


def _reference(reference: Json) -> Json:
    return {**reference, "id": reference["id"].lower()}


def _object(of: Json) -> Json:
    kind = of.get("objectType", "Activity")
    if kind == "SubStatement":
        moment = instant(of["timestamp"]) if "timestamp" in of else None
        return {**_claim(of), **({} if moment is None else {"timestamp": moment.isoformat()})}
    if kind == "StatementRef":
        return _reference(of)
    return _activity(of) if kind == "Activity" else _actor(of)


def _result(result: Json) -> Json:
    return {**result, "duration": _FRACTION.sub(r"\1", result["duration"])} if "duration" in result else result


def _context(context: Json) -> Json:
    return {name: _CONTEXT.get(name, _as_it_is)(value) for name, value in context.items()}


def _context_activities(activities: Json) -> Json:
    return {
        name: [_activity(each) for each in (given if type(given) is list else [given])]
        for name, given in activities.items()
    }


def _attachments(attachments: list[Json]) -> list[Json]:
    return sorted(map(_attachment, attachments), key=_bytes)


def _attachment(attachment: Json) -> Json:
    names = (name for name in ("display", "description") if name in attachment)
    words: Json = {name: {tag.lower(): value for tag, value in attachment[name].items()} for name in names}
    return {**attachment, **words, "sha2": attachment["sha2"].lower()}


def _as_it_is(value: Any) -> Any:
    return value


_CLAIM: Final[Mapping[str, Callable[[Any], Any]]] = {
    "actor": _actor,
    "verb": _verb,
    "object": _object,
    "result": _result,
    "context": _context,
    "attachments": _attachments,
}
_CONTEXT: Final[Mapping[str, Callable[[Any], Any]]] = {
    "registration": str.lower,
    "instructor": _actor,
    "team": _actor,
    "language": str.lower,
    "statement": _reference,
    "contextActivities": _context_activities,
}


def _bytes(value: Any) -> bytes:
    return orjson.dumps(_numbers(value), option=orjson.OPT_SORT_KEYS)


def _numbers(value: Any) -> Any:
    """The value with one way to write each number: 1 is 1.0."""
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if type(value) is dict:
        return {name: _numbers(each) for name, each in value.items()}
    return [*map(_numbers, value)] if type(value) is list else value
