"""What a statement is (Data, 2.2 to 2.4): strict types, no nulls, no unknown keys, each format kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.names import ResourceName
from onegrid_partyedu.xapi.formats import (
    instant,
    is_duration,
    is_iri,
    is_language,
    is_mailto,
    is_media_type,
    is_sha1,
    is_sha2,
    is_uuid,
)

__all__ = [
    "CONTEXTS",
    "DISTRICT",
    "IDENTIFIERS",
    "STATEMENT",
    "VOIDED",
    "Json",
    "check_actor",
    "check_statement",
    "refuse",
]

Json = dict[str, Any]

STATEMENT: Final = ResourceName("statements/{statement}")
DISTRICT: Final = ResourceName("districts/{district}")
"""What the audit trail says that several statements are of."""
VOIDED: Final = "http://adlnet.gov/expapi/verbs/voided"
"""The verb that voids another statement."""
IDENTIFIERS: Final = ("mbox", "mbox_sha1sum", "openid", "account")
"""The inverse functional identifiers: exactly one identifies an agent or group."""
CONTEXTS: Final = ("parent", "grouping", "category", "other")
"""What context activities can be to a statement."""

_STATEMENT: Final = frozenset(
    ["id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version", "attachments"]
)
_SUB_STATEMENT: Final = frozenset(
    ["objectType", "actor", "verb", "object", "result", "context", "timestamp", "attachments"]
)
_AGENT: Final = frozenset(("objectType", "name", *IDENTIFIERS))
_GROUP: Final = _AGENT | {"member"}
_ACCOUNT: Final = frozenset(("homePage", "name"))
_VERB: Final = frozenset(("id", "display"))
_ACTIVITY: Final = frozenset(("objectType", "id", "definition"))
_COMPONENTS: Final = ("choices", "scale", "source", "target", "steps")
_INTERACTION: Final = frozenset(("correctResponsesPattern", *_COMPONENTS))
_DEFINITION: Final = _INTERACTION | {"name", "description", "type", "moreInfo", "extensions", "interactionType"}
_INTERACTIONS: Final = frozenset(
    [
        "true-false",
        "choice",
        "fill-in",
        "long-fill-in",
        "matching",
        "performance",
        "sequencing",
        "likert",
        "numeric",
        "other",
    ]
)
_COMPONENT: Final = frozenset(("id", "description"))
_REFERENCE: Final = frozenset(("objectType", "id"))
_RESULT: Final = frozenset(["score", "success", "completion", "response", "duration", "extensions"])
_SCORE: Final = frozenset(("scaled", "raw", "min", "max"))
_ATTACHMENT: Final = frozenset(["usageType", "display", "description", "contentType", "length", "sha2", "fileUrl"])


def refuse(path: str, what: str) -> NoReturn:
    """Raise InvalidRequest. Values are not quoted: they may be a person's."""
    raise InvalidRequest(FieldViolation(path, what))


def check_statement(value: object, path: str) -> Json:
    """The statement, its context activities as lists (Data, 2.4.6.2). Raises InvalidRequest for the first thing that is
    not as it must be.
    """
    statement = _object(value, path, _STATEMENT)
    _check_claim(statement, path, nested=False)
    if "id" in statement:
        _format(is_uuid, statement["id"], f"{path}.id", "a UUID")
    if "stored" in statement and instant(statement["stored"]) is None:
        refuse(f"{path}.stored", "is no timestamp of ISO 8601")
    if "authority" in statement:
        _check_authority(statement["authority"], f"{path}.authority")
    if "version" in statement:
        version = statement["version"]
        if type(version) is not str or not version.startswith("1.0.") or not version[4:].isalnum():
            refuse(f"{path}.version", "is not 1.0.x")
    return statement


def check_actor(value: object, path: str) -> Json:
    """An agent or a group (Data, 2.4.2). Raises InvalidRequest."""
    if type(value) is dict and value.get("objectType") == "Group":
        return _check_group(value, path)
    return _check_agent(value, path)


def _check_claim(statement: Json, path: str, *, nested: bool) -> None:
    """What statements and sub-statements have in common."""
    for name in ("actor", "verb", "object"):
        if name not in statement:
            refuse(f"{path}.{name}", "is missing")
    check_actor(statement["actor"], f"{path}.actor")
    verb = _check_verb(statement["verb"], f"{path}.verb")
    kind = _check_object(statement["object"], f"{path}.object", nested=nested)
    if verb == VOIDED and kind != "StatementRef":
        refuse(f"{path}.object", "must be a StatementRef where a statement is voided")
    if "result" in statement:
        _check_result(statement["result"], f"{path}.result")
    if "context" in statement:
        _check_context(statement["context"], f"{path}.context", of_activity=kind == "Activity")
    if "timestamp" in statement and instant(statement["timestamp"]) is None:
        refuse(f"{path}.timestamp", "is no timestamp of ISO 8601")
    if "attachments" in statement:
        for position, each in enumerate(_list(statement["attachments"], f"{path}.attachments")):
            _check_attachment(each, f"{path}.attachments[{position}]")


def _check_agent(value: object, path: str) -> Json:
    agent = _object(value, path, _AGENT)
    if agent.get("objectType", "Agent") != "Agent":
        refuse(f"{path}.objectType", "must be Agent or Group")
    if _check_identifier(agent, path) != 1:
        refuse(path, f"must have exactly one of {', '.join(IDENTIFIERS)}")
    return agent


def _check_group(value: object, path: str) -> Json:
    group = _object(value, path, _GROUP)
    identifiers = _check_identifier(group, path)
    if identifiers > 1 or (identifiers == 0 and "member" not in group):
        refuse(path, f"must have one of {', '.join(IDENTIFIERS)}, or members")
    if "member" in group:
        for position, each in enumerate(_list(group["member"], f"{path}.member")):
            _check_agent(each, f"{path}.member[{position}]")
    return group


def _check_identifier(agent: Json, path: str) -> int:
    """How many identifiers it has."""
    if "name" in agent:
        _string(agent["name"], f"{path}.name")
    count = 0
    if "mbox" in agent:
        count += 1
        _format(is_mailto, agent["mbox"], f"{path}.mbox", "a mailto IRI")
    if "mbox_sha1sum" in agent:
        count += 1
        _format(is_sha1, agent["mbox_sha1sum"], f"{path}.mbox_sha1sum", "a SHA-1, hexadecimal")
    if "openid" in agent:
        count += 1
        _format(is_iri, agent["openid"], f"{path}.openid", "a URI")
    if "account" in agent:
        count += 1
        account = _object(agent["account"], f"{path}.account", _ACCOUNT)
        _format(is_iri, account.get("homePage"), f"{path}.account.homePage", "an IRL")
        _string(account.get("name"), f"{path}.account.name")
    return count


def _check_authority(value: object, path: str) -> None:
    """An agent, or what 3-legged OAuth makes: a group of two (Data, 2.4.9). It is replaced by who sends."""
    authority = check_actor(value, path)
    if authority.get("objectType") == "Group" and (
        len(authority.get("member", ())) != 2 or any(name in authority for name in IDENTIFIERS)
    ):
        refuse(path, "must be an agent, or an anonymous group of two")


def _check_verb(value: object, path: str) -> str:
    verb = _object(value, path, _VERB)
    id_ = verb.get("id")
    _format(is_iri, id_, f"{path}.id", "an IRI")
    if "display" in verb:
        _check_languages(verb["display"], f"{path}.display")
    return str(id_)


def _check_object(value: object, path: str, *, nested: bool) -> str:
    """Check the object of a statement; its `objectType`."""
    if type(value) is not dict:
        refuse(path, "must be an object")
    kind = value.get("objectType", "Activity")
    if kind == "Activity":
        _check_activity(value, path)
    elif kind == "StatementRef":
        _check_reference(value, path)
    elif kind == "Agent":
        _check_agent(value, path)
    elif kind == "Group":
        _check_group(value, path)
    elif kind == "SubStatement" and not nested:
        _check_claim(_object(value, path, _SUB_STATEMENT), path, nested=True)
    else:
        refuse(f"{path}.objectType", "must be Activity, Agent, Group, StatementRef or, but in one, SubStatement")
    return str(kind)


def _check_activity(value: object, path: str) -> None:
    activity = _object(value, path, _ACTIVITY)
    if activity.get("objectType", "Activity") != "Activity":
        refuse(f"{path}.objectType", "must be Activity")
    _format(is_iri, activity.get("id"), f"{path}.id", "an IRI")
    if "definition" in activity:
        _check_definition(activity["definition"], f"{path}.definition")


def _check_definition(value: object, path: str) -> None:
    definition = _object(value, path, _DEFINITION)
    for name in ("name", "description"):
        if name in definition:
            _check_languages(definition[name], f"{path}.{name}")
    for name in ("type", "moreInfo"):
        if name in definition:
            _format(is_iri, definition[name], f"{path}.{name}", "an IRI")
    if "extensions" in definition:
        _check_extensions(definition["extensions"], f"{path}.extensions")
    if "interactionType" in definition:
        kind = definition["interactionType"]
        if type(kind) is not str or kind not in _INTERACTIONS:
            refuse(f"{path}.interactionType", "is none of xAPI's")
    elif not _INTERACTION.isdisjoint(definition):
        refuse(f"{path}.interactionType", "is missing")
    if "correctResponsesPattern" in definition:
        for each in _list(definition["correctResponsesPattern"], f"{path}.correctResponsesPattern"):
            _string(each, f"{path}.correctResponsesPattern")
    for name in _COMPONENTS:
        if name in definition:
            _check_components(definition[name], f"{path}.{name}")


def _check_components(value: object, path: str) -> None:
    ids = set()
    components = _list(value, path)
    for each in components:
        component = _object(each, path, _COMPONENT)
        _string(component.get("id"), f"{path}.id")
        ids.add(component["id"])
        if "description" in component:
            _check_languages(component["description"], f"{path}.description")
    if len(ids) != len(components):
        refuse(path, "must have distinct ids")


def _check_reference(value: object, path: str) -> None:
    reference = _object(value, path, _REFERENCE)
    if reference.get("objectType") != "StatementRef":
        refuse(f"{path}.objectType", "must be StatementRef")
    _format(is_uuid, reference.get("id"), f"{path}.id", "a UUID")


def _check_result(value: object, path: str) -> None:
    result = _object(value, path, _RESULT)
    if "score" in result:
        _check_score(result["score"], f"{path}.score")
    for name in ("success", "completion"):
        if name in result and type(result[name]) is not bool:
            refuse(f"{path}.{name}", "must be true or false")
    if "response" in result:
        _string(result["response"], f"{path}.response")
    if "duration" in result:
        _format(is_duration, result["duration"], f"{path}.duration", "a duration of ISO 8601")
    if "extensions" in result:
        _check_extensions(result["extensions"], f"{path}.extensions")


def _check_score(value: object, path: str) -> None:
    score = _object(value, path, _SCORE)
    for name, number in score.items():
        if type(number) is not int and type(number) is not float:
            refuse(f"{path}.{name}", "must be a number")
    if not -1 <= score.get("scaled", 0) <= 1:
        refuse(f"{path}.scaled", "must be from -1 to 1")
    least, most = score.get("min"), score.get("max")
    if least is not None and most is not None and least >= most:
        refuse(f"{path}.min", "must be less than max")
    raw = score.get("raw")
    if raw is not None and ((least is not None and raw < least) or (most is not None and raw > most)):
        refuse(f"{path}.raw", "must be from min to max")


def _check_context(value: object, path: str, *, of_activity: bool) -> None:
    context = _object(value, path, _CONTEXT)
    if not of_activity and not _OF_ACTIVITIES.isdisjoint(context):
        refuse(path, "has a revision or platform, which belong to statements about activities only")
    for name, each in context.items():
        _CONTEXT_CHECKS[name](each, f"{path}.{name}")


def _check_team(value: object, path: str) -> None:
    if type(value) is not dict or value.get("objectType") != "Group":
        refuse(path, "must be a Group")
    _check_group(value, path)


def _check_context_activities(value: object, path: str) -> None:
    activities = _object(value, path, frozenset(CONTEXTS))
    for name in activities:
        if type(activities[name]) is not list:
            activities[name] = [activities[name]]
        for each in activities[name]:
            _check_activity(each, f"{path}.{name}")


def _check_registration(value: object, path: str) -> None:
    _format(is_uuid, value, path, "a UUID")


def _check_language(value: object, path: str) -> None:
    _format(is_language, value, path, "a language tag of RFC 5646")


def _check_attachment(value: object, path: str) -> None:
    attachment = _object(value, path, _ATTACHMENT)
    _format(is_iri, attachment.get("usageType"), f"{path}.usageType", "an IRI")
    _check_languages(attachment.get("display"), f"{path}.display")
    if "description" in attachment:
        _check_languages(attachment["description"], f"{path}.description")
    _format(is_media_type, attachment.get("contentType"), f"{path}.contentType", "a media type")
    length = attachment.get("length")
    if type(length) is not int or length < 0:
        refuse(f"{path}.length", "must be a number of bytes")
    _format(is_sha2, attachment.get("sha2"), f"{path}.sha2", "a SHA-2, hexadecimal")
    if "fileUrl" in attachment:
        _format(is_iri, attachment["fileUrl"], f"{path}.fileUrl", "an IRL")


def _check_languages(value: object, path: str) -> None:
    if type(value) is not dict:
        refuse(path, "must be an object with language tags as its keys")
    for tag, words in value.items():
        if not is_language(tag):
            refuse(path, "must have language tags of RFC 5646 as its keys")
        if type(words) is not str:
            refuse(path, "must have strings as its values")


def _check_extensions(value: object, path: str) -> None:
    if type(value) is not dict:
        refuse(path, "must be an object")
    if not all(map(is_iri, value)):
        refuse(path, "must have IRIs as its keys")


def _object(value: object, path: str, known: frozenset[str]) -> Json:
    if type(value) is not dict:
        refuse(path, "must be an object")
    if not known.issuperset(value):
        unknown = min(value.keys() - known)
        refuse(f"{path}.{unknown[:64]}", "is not a property that xAPI 1.0.3 has here")
    return value


def _list(value: object, path: str) -> list[Any]:
    if type(value) is not list:
        refuse(path, "must be a list")
    return value


def _string(value: object, path: str) -> None:
    if type(value) is not str:
        refuse(path, "must be a string")


def _format(check: Callable[[object], bool], value: object, path: str, what: str) -> None:
    if not check(value):
        refuse(path, f"must be {what}")


_OF_ACTIVITIES: Final = frozenset(("revision", "platform"))
_CONTEXT_CHECKS: Final[Mapping[str, Callable[[object, str], object]]] = {
    "registration": _check_registration,
    "instructor": check_actor,
    "team": _check_team,
    "contextActivities": _check_context_activities,
    "revision": _string,
    "platform": _string,
    "language": _check_language,
    "statement": _check_reference,
    "extensions": _check_extensions,
}
_CONTEXT: Final = frozenset(_CONTEXT_CHECKS)
