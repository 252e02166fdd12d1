"""How statements are shown (Communication, 2.1.3): what only identifies, or what the definitions kept here say, in one
language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from onegrid_partyedu.xapi.finding import By
from onegrid_partyedu.xapi.statement import IDENTIFIERS, Json

__all__ = ["canonical", "ids", "in_language", "languages", "merged", "named", "person"]

_LANGUAGE_MAPS: Final = ("name", "description")
_COMPONENTS: Final = ("choices", "scale", "source", "target", "steps")
_MOST_LANGUAGES: Final = 20
"""How many wanted languages are looked for: each is in all language maps of a page."""
_IDENTIFYING: Final = ("objectType", *IDENTIFIERS)


def ids(statement: Json) -> Json:
    """Agents, activities and verbs with no more than what identifies them."""
    return _changed(statement, _identified, lambda verb: {"id": verb["id"]}, _only_id)


def canonical(statement: Json, kept: Mapping[tuple[By, str], Json], wanted: Sequence[str]) -> Json:
    """Activities and verbs as they are defined here, in one language; `kept` has displays and definitions by IRI."""

    def verb(of: Json) -> Json:
        display = kept.get((By.VERB, of["id"]), of.get("display"))
        return {**of, "display": in_language(display, wanted)} if display else of

    def activity(of: Json) -> Json:
        definition = kept.get((By.ACTIVITY, of["id"]), of.get("definition"))
        return {**of, "definition": in_one_language(definition, wanted)} if definition else of

    return _changed(statement, lambda actor: actor, verb, activity)


def named(statement: Json) -> Iterator[tuple[By, str, Json]]:
    """The verbs and activities that it names, with what it says of them: a display, a definition, or nothing."""
    yield By.VERB, statement["verb"]["id"], statement["verb"].get("display", {})
    of = statement["object"]
    kind = of.get("objectType", "Activity")
    if kind == "SubStatement":
        yield from named(of)
    elif kind == "Activity":
        yield By.ACTIVITY, of["id"], of.get("definition", {})
    for activities in statement.get("context", {}).get("contextActivities", {}).values():
        for each in activities:
            yield By.ACTIVITY, each["id"], each.get("definition", {})


def merged(kept: Json, said: Json) -> Json:
    """What is kept of a verb or activity with what was said later, its other languages too."""
    words: Json = {
        name: {**kept[name], **said[name]} for name in _LANGUAGE_MAPS if type(kept.get(name)) is dict and name in said
    }
    return {**kept, **said, **words}


def in_language(words: Mapping[str, str], wanted: Sequence[str]) -> Mapping[str, str]:
    """The one of a language map that is wanted most (RFC 4647, 3.4); the first one if none is."""
    tags = {tag.lower(): tag for tag in words}
    for each in wanted:
        subtags = each.split("-")
        for count in range(len(subtags), 0, -1):
            asked = "-".join(subtags[:count])
            # `zh-CN` is also for whoever wants `zh`, if there is nothing nearer.
            near = asked if asked in tags else next((tag for tag in tags if tag.startswith(f"{asked}-")), "")
            if near:
                return {tags[near]: words[tags[near]]}
    return dict([next(iter(words.items()))]) if words else {}


def languages(header: str) -> list[str]:
    """The tags of an `Accept-Language`, those that are wanted most first; what is malformed counts for nothing."""
    wanted = []
    for position, part in enumerate(header.split(",")):
        tag, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        try:
            weight = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        if tag.strip() and tag.strip() != "*" and weight > 0:
            wanted.append((-weight, position, tag.strip().lower()))
    return [tag for _, _, tag in sorted(wanted)[:_MOST_LANGUAGES]]


def person(agent: Json) -> Json:
    """The agent as a Person (Communication, 2.4): of what it is known by here, nothing else is said to be the same
    person's.
    """
    return {
        "objectType": "Person",
        **{name: [agent[name]] for name in ("name", *IDENTIFIERS) if name in agent},
    }


def _changed(
    statement: Json, actor: Callable[[Json], Json], verb: Callable[[Json], Json], activity: Callable[[Json], Json]
) -> Json:
    """The statement with these parts of it changed, in a sub-statement as well."""
    changed = {**statement, "actor": actor(statement["actor"]), "verb": verb(statement["verb"])}
    of = statement["object"]
    kind = of.get("objectType", "Activity")
    if kind == "SubStatement":
        changed["object"] = _changed(of, actor, verb, activity)
    elif kind != "StatementRef":
        changed["object"] = (activity if kind == "Activity" else actor)(of)
    if "authority" in statement:
        changed["authority"] = actor(statement["authority"])
    if "context" in statement:
        context = dict(statement["context"])
        for name in ("instructor", "team"):
            if name in context:
                context[name] = actor(context[name])
        if "contextActivities" in context:
            context["contextActivities"] = {
                name: [*map(activity, given)] for name, given in context["contextActivities"].items()
            }
        changed["context"] = context
    return changed


def _identified(actor: Json) -> Json:
    found: Json = {name: actor[name] for name in _IDENTIFYING if name in actor}
    if "member" in actor and not any(name in actor for name in IDENTIFIERS):
        found["member"] = [*map(_identified, actor["member"])]
    return found


def _only_id(activity: Json) -> Json:
    return {name: activity[name] for name in ("objectType", "id") if name in activity}


def in_one_language(definition: Json, wanted: Sequence[str]) -> Json:
    """The activity's definition with one language in each of its language maps."""
    found: dict[str, Any] = dict(definition)
    for name in _LANGUAGE_MAPS:
        if name in found:
            found[name] = in_language(found[name], wanted)
    for name in _COMPONENTS:
        if name in found:
            found[name] = [
                {**each, "description": in_language(each["description"], wanted)} if "description" in each else each
                for each in found[name]
            ]
    return found
