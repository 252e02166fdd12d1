"""Learning record stores of two districts: the same ids, agents and activities, and neither knows of the other's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.waiting import HANG_S

from .learning import LMS, Lrs, a_statement, an_agent

NEXT = "210603"
NEXT_LMS = replace(
    LMS, user="users/lms00002", district=NEXT, grants=tuple(replace(grant, scope=NEXT) for grant in LMS.grants)
)
VOIDED = "http://adlnet.gov/expapi/verbs/voided"


@pytest_asyncio.fixture
async def stores(api: Serving) -> AsyncIterator[tuple[Lrs, Lrs]]:
    """Of the one district and of the other."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        yield Lrs(api, http), Lrs(api, http, NEXT_LMS)


def named(name: str, **fields: Any) -> dict[str, Any]:
    """A statement about an activity of that name."""
    definition = {"name": {"zh-CN": name}}
    return a_statement(object={"id": "http://example.com/activities/history", "definition": definition}, **fields)


async def test_a_statement_of_the_same_id_is_another_one_there(stores: tuple[Lrs, Lrs]) -> None:
    here, there = stores
    first = named("党史")
    (id_,) = await here.store(first)
    other = named("新思想", id=id_, verb={"id": "http://example.com/verbs/failed"})
    await there.store(other)
    for store, name, authority in ((here, "党史", LMS), (there, "新思想", NEXT_LMS)):
        found = (await store.get(statementId=id_, format="canonical")).json
        assert found["object"]["definition"]["name"] == {"zh-CN": name}
        assert found["authority"]["account"]["name"] == authority.user
    # The same content again is done already; that of the other district is another one here.
    assert (await here.post(first)).status == 200
    assert (await here.post(other)).status == 409


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"agent": '{"mbox": "mailto:ben@example.com"}'},
        {"verb": "http://example.com/verbs/passed"},
        {"activity": "http://example.com/activities/history"},
        {"agent": '{"mbox": "mailto:ben@example.com"}', "verb": "http://example.com/verbs/passed"},
        {"limit": 1},
    ],
    ids=str,
)
async def test_every_filter_finds_those_of_the_own_district_alone(
    stores: tuple[Lrs, Lrs], filters: dict[str, Any]
) -> None:
    here, there = stores
    own = await here.store(named("党史"), named("党史"))
    others = await there.store(named("新思想"))
    for store, ids in ((here, own), (there, others)):
        answer = await store.get(**filters)
        found = answer.ids
        while answer.json.get("more"):
            answer = await store.ask("GET", answer.json["more"])
            found += answer.ids
        assert sorted(found) == sorted(ids)


async def test_a_district_voids_and_refers_to_nothing_of_another(stores: tuple[Lrs, Lrs]) -> None:
    here, there = stores
    (id_,) = await here.store(named("党史"))
    reference = {"objectType": "StatementRef", "id": id_}
    (voiding,) = await there.store(a_statement(actor=an_agent(), verb={"id": VOIDED}, object=reference))
    assert (await here.get(statementId=id_)).status == 200
    assert (await here.get(voidedStatementId=id_)).status == 404
    assert (await here.get()).ids == [id_]
    # What refers to a statement is found by what finds that one: there, it is not.
    assert (await there.get()).ids == [voiding]
    assert (await there.get(activity="http://example.com/activities/history")).ids == []


async def test_an_activity_is_what_the_own_district_says_of_it(stores: tuple[Lrs, Lrs]) -> None:
    here, there = stores
    await here.store(named("党史"))
    activity = {"activityId": "http://example.com/activities/history"}
    assert "definition" not in (await there.ask("GET", "activities", **activity)).json
    assert (await here.ask("GET", "activities", **activity)).json["definition"]["name"] == {"zh-CN": "党史"}
