"""The other resources (Communication, 2.4, 2.5 and 2.8), and those that are not served (2.3, 2.6, 2.7)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from onegrid_kit.http.answers import Answer, json_answer
from onegrid_kit.http.requests import Request
from onegrid_kit.http.routes import ReadOnlyDatabase
from onegrid_partyedu.commands import statements as commands
from onegrid_partyedu.errors import ResourceNotServed
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import statements as store
from onegrid_partyedu.web.requests import district_of, require_version
from onegrid_partyedu.xapi import query, showing
from onegrid_partyedu.xapi.finding import By
from onegrid_partyedu.xapi.formats import is_iri
from onegrid_partyedu.xapi.statement import Json, refuse

__all__ = ["about", "activity", "agent", "not_served"]

_VERSIONS: Final = ("1.0.3", "1.0.2", "1.0.1", "1.0.0")


async def about(_: Request[PartyeduSettings], __: ReadOnlyDatabase) -> Answer:
    """Which versions are served."""
    return json_answer({"version": _VERSIONS})


async def activity(request: Request[PartyeduSettings], db: ReadOnlyDatabase) -> Answer:
    """An activity as it is defined here, all languages of it. Raises InvalidRequest."""
    require_version(request)
    iri = request.query.get("activityId", "")
    if request.query.keys() != {"activityId"} or not is_iri(iri):
        refuse("activityId", "must be an IRI, and the only parameter")
    district = district_of(request)
    key = commands.definition_key(By.ACTIVITY, iri, request.cipher)
    kept = await db.read(lambda conn: store.definitions(conn, district, [key]))
    found: Json = {"objectType": "Activity", "id": iri}
    if key in kept:
        found["definition"] = orjson.loads(request.cipher.open(kept[key][1], commands.PURPOSE))
    return json_answer(found)


async def agent(request: Request[PartyeduSettings], _: ReadOnlyDatabase) -> Answer:
    """An agent as a Person, with nothing that was not asked with. Raises InvalidRequest."""
    require_version(request)
    if request.query.keys() != {"agent"}:
        refuse("agent", "must be the only parameter")
    return json_answer(showing.person(query.actor_of(request.query["agent"])))


async def not_served(request: Request[PartyeduSettings], _: Any) -> Answer:
    """Say so. Raises ResourceNotServed."""
    raise ResourceNotServed(request.call.method.rpartition("/xapi/")[2])
