"""What a statement is found by (Communication, 2.1.3)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from onegrid_partyedu.xapi.formats import same_mailto
from onegrid_partyedu.xapi.statement import CONTEXTS, Json

__all__ = ["By", "identifier", "sought"]


class By(StrEnum):
    """By what; no more than a letter each, since all of it is hashed."""

    VERB = "v"
    ACTIVITY = "a"
    """The object."""
    RELATED_ACTIVITY = "A"
    """Another activity that the statement names: `related_activities` also finds it by this."""
    AGENT = "p"
    """The actor or object, or a member of it."""
    RELATED_AGENT = "P"
    """Another one that the statement names: `related_agents` also finds it by this."""
    REGISTRATION = "r"


def identifier(actor: Json) -> str:
    """What the agent or group is known by: the same text for the same one; empty for an anonymous group."""
    if "account" in actor:
        account = actor["account"]
        return f"account\n{account['homePage']}\n{account['name']}"
    if "mbox" in actor:
        return f"mbox\n{same_mailto(actor['mbox'])}"
    if "mbox_sha1sum" in actor:
        return f"sha1\n{actor['mbox_sha1sum'].lower()}"
    return f"openid\n{actor['openid']}" if "openid" in actor else ""


def sought(statement: Json) -> set[tuple[By, str]]:
    """All that the statement is found by; of what it names in two ways, the nearer one."""
    found = {(By.VERB, statement["verb"]["id"])}
    context = statement.get("context", {})
    if "registration" in context:
        found.add((By.REGISTRATION, context["registration"].lower()))
    of = statement["object"]
    kind = of.get("objectType", "Activity")
    agents, activities = set(_known_by(statement["actor"])), set()
    if kind == "Activity":
        activities.add(of["id"])
    elif kind in ("Agent", "Group"):
        agents.update(_known_by(of))
    related_agents, related_activities = set(_agents_around(statement)), set(_activities_around(statement))
    if kind == "SubStatement":
        related_agents.update(_known_by(of["actor"]), _agents_around(of))
        related_activities.update(_activities_around(of))
        inner = of["object"]
        inner_kind = inner.get("objectType", "Activity")
        if inner_kind == "Activity":
            related_activities.add(inner["id"])
        elif inner_kind in ("Agent", "Group"):
            related_agents.update(_known_by(inner))
    found.update((By.AGENT, each) for each in agents)
    found.update((By.RELATED_AGENT, each) for each in related_agents - agents)
    found.update((By.ACTIVITY, each) for each in activities)
    found.update((By.RELATED_ACTIVITY, each) for each in related_activities - activities)
    return found


def _known_by(actor: Json) -> Iterator[str]:
    if found := identifier(actor):
        yield found
    for member in actor.get("member", ()):
        yield identifier(member)


def _agents_around(statement: Json) -> Iterator[str]:
    context = statement.get("context", {})
    for actor in (statement.get("authority"), context.get("instructor"), context.get("team")):
        if actor is not None:
            yield from _known_by(actor)


def _activities_around(statement: Json) -> Iterator[str]:
    activities = statement.get("context", {}).get("contextActivities", {})
    for name in CONTEXTS:
        for activity in activities.get(name, ()):
            yield activity["id"]
