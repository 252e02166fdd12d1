"""Statements over HTTP: stored once, found by each filter, shown in each format."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.waiting import HANG_S

from .learning import LMS, READER, Lrs, a_statement, an_agent
from .people import DISTRICT


@pytest_asyncio.fixture
async def lrs(api: Serving) -> AsyncIterator[Lrs]:
    """The store, as a learning management system uses it."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        yield Lrs(api, http)


async def test_a_statement_comes_back_as_it_was_sent_with_what_the_store_sets(lrs: Lrs) -> None:
    sent = a_statement(timestamp="2026-07-01T08:00:00.123+08:00", stored="2001-01-01T00:00:00Z", authority=an_agent())
    assert await lrs.store(sent) == [sent["id"]]
    answer = await lrs.get(statementId=sent["id"])
    assert answer.status == 200
    found = answer.json
    assert {name: found[name] for name in ("id", "actor", "verb", "object")} == {
        name: sent[name] for name in ("id", "actor", "verb", "object")
    }
    assert found["timestamp"] == "2026-07-01T00:00:00.123000Z"
    assert found["version"] == "1.0.0"
    assert found["authority"] == {
        "objectType": "Agent",
        "account": {"homePage": f"urn:onegrid:{DISTRICT}", "name": LMS.user},
    }
    stored = datetime.fromisoformat(found["stored"])
    assert abs(datetime.now(stored.tzinfo) - stored) < timedelta(minutes=1)
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert datetime.fromisoformat(answer.headers["X-Experience-API-Consistent-Through"]) >= stored
    assert answer.headers["ETag"]
    assert answer.headers["Last-Modified"].endswith("GMT")


async def test_what_a_statement_leaves_out_the_store_sets(lrs: Lrs) -> None:
    [id_] = await lrs.store(a_statement(id=None))
    found = (await lrs.get(statementId=id_)).json
    assert found["id"] == id_
    assert found["timestamp"] == found["stored"]


async def test_a_statement_that_is_sent_again_is_stored_once_and_another_of_its_id_is_refused(
    lrs: Lrs, engine: Engine
) -> None:
    sent = a_statement(timestamp="2026-07-01T08:00:00Z")
    id_ = sent["id"]
    assert (await lrs.put({**sent, "id": id_.upper()}, id_)).status == 204
    again = {**sent, "timestamp": "2026-07-01T16:00:00.000+08:00", "version": "1.0.2"}
    again["verb"] = {"id": sent["verb"]["id"]}
    again["actor"] = {**sent["actor"], "mbox": "mailto:ben@EXAMPLE.com"}
    assert (await lrs.put(again, id_)).status == 204
    assert (await lrs.post([again, a_statement()])).status == 200
    other = a_statement()
    answer = await lrs.post([other, {**sent, "actor": an_agent("andrew")}])
    assert answer.status == 409
    assert answer.json["reason"] == "STATEMENT_DIFFERS"
    assert (await lrs.put({**sent, "timestamp": "2026-07-01T08:00:01Z"}, id_)).status == 409
    # All or nothing.
    assert (await lrs.get(statementId=other["id"])).status == 404
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM statement")).scalar_one() == 2


async def test_two_statements_of_one_id_in_a_batch_are_refused(lrs: Lrs) -> None:
    sent = a_statement()
    assert (await lrs.post([sent, {**sent, "id": sent["id"].upper()}])).status == 400


async def test_no_personal_identifier_lies_in_the_database(lrs: Lrs, engine: Engine) -> None:
    secret = "zhangweiguo"
    sent = a_statement(
        actor={"objectType": "Group", "name": secret, "member": [an_agent(secret)]},
        context={"instructor": {"account": {"homePage": "http://example.com", "name": secret}}},
        result={"response": secret},
    )
    sent["object"] = {"id": f"http://example.com/{secret}", "definition": {"name": {"zh": secret}}}
    await lrs.store(sent)
    await lrs.get(agent=json.dumps(an_agent(secret)))
    with engine.connect() as conn:
        tables = conn.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        assert "statement_key" in tables
        for table in tables:
            for row in conn.execute(text(f'SELECT CAST("{table}" AS text) FROM "{table}"')).scalars():
                assert secret not in row
                assert secret.encode().hex() not in row


@pytest.fixture
def told() -> dict[str, dict[str, Any]]:
    """Statements, each with something of its own."""
    registration = str(uuid4())
    team = {"objectType": "Group", "name": "team", "mbox": "mailto:team@example.com", "member": [an_agent("cara")]}
    return {
        "ben": a_statement(),
        "andrew": a_statement(actor=an_agent("andrew"), verb={"id": "http://example.com/verbs/failed"}),
        "team": a_statement(actor=team, context={"registration": registration}),
        "about ben": a_statement(actor=an_agent("andrew"), object={**an_agent("ben")}),
        "instructed": a_statement(actor=an_agent("dora"), context={"instructor": an_agent("ben"), "team": team}),
        "in a course": a_statement(
            actor=an_agent("dora"),
            object={"id": "http://example.com/activities/lesson"},
            context={"contextActivities": {"parent": {"id": "http://example.com/activities/explosives"}}},
        ),
        "planned": a_statement(
            actor=an_agent("dora"),
            verb={"id": "http://example.com/verbs/planned"},
            object={
                "objectType": "SubStatement",
                "actor": an_agent("eva"),
                "verb": {"id": "http://example.com/verbs/passed"},
                "object": {"id": "http://example.com/activities/swimming"},
            },
        ),
    }


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({"agent": an_agent("ben")}, ["ben", "about ben"]),
    ({"agent": {"mbox": "mailto:ben@EXAMPLE.COM"}}, ["ben", "about ben"]),
    ({"agent": an_agent("cara")}, ["team"]),
    ({"agent": an_agent("ben"), "related_agents": "true"}, ["ben", "about ben", "instructed"]),
    ({"agent": an_agent("cara"), "related_agents": "true"}, ["team", "instructed"]),
    ({"agent": an_agent("eva")}, []),
    ({"agent": an_agent("eva"), "related_agents": "true"}, ["planned"]),
    ({"agent": {"objectType": "Group", "mbox": "mailto:team@example.com"}}, ["team"]),
    ({"verb": "http://example.com/verbs/failed"}, ["andrew"]),
    ({"verb": "http://example.com/verbs/passed", "agent": an_agent("andrew")}, ["about ben"]),
    ({"activity": "http://example.com/activities/explosives"}, ["ben", "andrew", "team", "instructed"]),
    (
        {"activity": "http://example.com/activities/explosives", "related_activities": "true"},
        ["ben", "andrew", "team", "instructed", "in a course"],
    ),
    ({"activity": "http://example.com/activities/swimming"}, []),
    ({"activity": "http://example.com/activities/swimming", "related_activities": "true"}, ["planned"]),
    ({"activity": "http://example.com/activities/none"}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
async def test_each_filter_finds_what_the_specification_says(
    lrs: Lrs, told: dict[str, dict[str, Any]], filters: dict[str, Any], expected: list[str]
) -> None:
    await lrs.store(*told.values())
    names = {each["id"]: name for name, each in told.items()}
    if "agent" in filters:
        filters = {**filters, "agent": json.dumps(filters["agent"])}
    answer = await lrs.get(**filters, ascending="true")
    assert answer.status == 200, answer.body
    assert [names[id_] for id_ in answer.ids] == expected
    assert answer.json["more"] == ""
    newest_first = await lrs.get(**filters)
    assert [names[id_] for id_ in newest_first.ids] == expected[::-1]


async def test_a_registration_finds_its_statements(lrs: Lrs, told: dict[str, dict[str, Any]]) -> None:
    await lrs.store(*told.values())
    registration = told["team"]["context"]["registration"]
    assert (await lrs.get(registration=registration.upper())).ids == [told["team"]["id"]]


async def test_since_excludes_and_until_includes_their_moment(lrs: Lrs) -> None:
    ids = [*await lrs.store(a_statement()), *await lrs.store(a_statement()), *await lrs.store(a_statement())]
    stored = (await lrs.get(statementId=ids[1])).json["stored"]
    assert (await lrs.get(since=stored)).ids == [ids[2]]
    assert (await lrs.get(until=stored, ascending="true")).ids == ids[:2]


@pytest.mark.parametrize("filters", [{}, {"verb": "http://example.com/verbs/passed"}])
async def test_more_goes_on_where_a_page_ends_whatever_comes_meanwhile(lrs: Lrs, filters: dict[str, str]) -> None:
    ids = await lrs.store(*(a_statement() for _ in range(7)))
    answer = await lrs.get(limit="3", **filters)
    found = answer.ids
    await lrs.store(a_statement())
    while answer.json["more"]:
        assert answer.json["more"].startswith("/xapi/statements?more=")
        answer = await lrs.ask("GET", answer.json["more"])
        assert answer.status == 200
        assert len(answer.ids) <= 3
        found += answer.ids
    assert found == ids[::-1]


async def test_more_is_of_its_caller_and_can_not_be_changed(lrs: Lrs) -> None:
    await lrs.store(*(a_statement() for _ in range(3)))
    more = (await lrs.get(limit="1")).json["more"]
    assert (await lrs.of(READER).ask("GET", more)).status == 400
    assert (await lrs.ask("GET", more[:-2] + ("AA" if more[-2:] != "AA" else "BB"))).status == 400
    assert (await lrs.ask("GET", more + "&limit=5")).status == 400


async def test_a_page_holds_a_hundred(lrs: Lrs) -> None:
    await lrs.store(*(a_statement() for _ in range(101)))
    assert len((await lrs.get()).ids) == 100
    assert len((await lrs.get(limit="1000")).ids) == 100


async def test_formats_show_ids_alone_or_what_the_store_knows(lrs: Lrs) -> None:
    defined = {
        "id": "http://example.com/activities/explosives",
        "definition": {
            "type": "http://example.com/types/training",
            "name": {"en": "Explosives", "zh-CN": "爆破"},
            "description": {"en": "How to."},
        },
    }
    group = {"objectType": "Group", "name": "all", "member": [an_agent("ben")]}
    first = a_statement(object=defined, actor=group)
    second = a_statement(context={"contextActivities": {"parent": [defined]}}, object={"id": "http://example.com/x"})
    await lrs.store(first, second)
    shown = (await lrs.get(statementId=first["id"], format="ids")).json
    assert shown["object"] == {"id": defined["id"]}
    assert shown["verb"] == {"id": first["verb"]["id"]}
    member = {"objectType": "Agent", "mbox": "mailto:ben@example.com"}
    assert shown["actor"] == {"objectType": "Group", "member": [member]}
    third = a_statement(object={"id": defined["id"]}, verb={"id": first["verb"]["id"]})
    await lrs.store(third)
    chinese = {"Accept-Language": "en;q=0.5, zh-CN, fr;q=0.9"}
    answer = await lrs.ask("GET", "statements", statementId=third["id"], format="canonical", headers=chinese)
    definition = {**defined["definition"], "name": {"zh-CN": "爆破"}}  # type: ignore[dict-item]
    assert answer.json["object"] == {"id": defined["id"], "definition": definition}
    assert answer.json["verb"]["display"] == {"zh-CN": "通过"}
    assert answer.json["actor"] == third["actor"]
    answer = await lrs.ask("GET", "activities", activityId=defined["id"])
    assert answer.json["definition"] == defined["definition"]


async def test_a_definition_does_not_grow_beyond_what_is_shown_with_each_statement(lrs: Lrs) -> None:
    id_ = "http://example.com/activities/long"
    for first in "ab":
        name = {f"{first}a{chr(97 + number)}": "x" * 1_500 for number in range(26)}
        await lrs.store(a_statement(object={"id": id_, "definition": {"name": name}}))
    answer = await lrs.ask("GET", "activities", activityId=id_)
    assert len(answer.json["definition"]["name"]) == 26
    assert len((await lrs.get(activity=id_)).ids) == 2


async def test_what_a_reader_reads_is_in_the_audit_trail(lrs: Lrs, engine: Engine) -> None:
    [id_] = await lrs.store(a_statement())
    await lrs.of(READER).ask("GET", "statements", statementId=id_, headers={"X-Purpose": "inspection"})
    account = {"account": {"homePage": f"urn:onegrid:{DISTRICT}", "name": f"members/{DISTRICT}-1"}}
    await lrs.of(READER).get(agent=json.dumps(account))
    elsewhere = {"account": {"homePage": "https://lms.example.cn", "name": f"members/{DISTRICT}-1"}}
    await lrs.of(READER).get(agent=json.dumps(elsewhere))
    with engine.connect() as conn:
        entries = conn.execute(
            text(
                "SELECT method, resource, purpose FROM audit_entry WHERE caller = :caller ORDER BY time, strand, block"
            ),
            {"caller": READER.user},
        ).all()
    assert sorted(map(tuple, entries)) == [
        ("GET /xapi/statements", f"districts/{DISTRICT}", ""),
        ("GET /xapi/statements", f"members/{DISTRICT}-1", ""),
        ("GET /xapi/statements", f"statements/{DISTRICT}-{id_}", "inspection"),
    ]


async def test_a_reader_stores_nothing_and_a_stranger_reads_nothing(lrs: Lrs) -> None:
    assert (await lrs.of(READER).post(a_statement())).status == 403
    answer = await lrs.ask("GET", "statements", headers={"Authorization": "Bearer no"})
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer, Basic realm="OneGrid", charset="UTF-8"'
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert answer.headers["X-Experience-API-Consistent-Through"]
