"""Statements about statements: followed by filters, voided, whichever of the two comes first."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
import pytest_asyncio
from sqlalchemy import Engine, text

from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.sessions import WAITS_FOR_LOCK, sessions
from onegrid_kit.testing.waiting import HANG_S, eventually_async

from .learning import OTHER_LMS, Lrs, a_statement, an_agent

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
CONFIRMED = "http://example.com/verbs/confirmed"


@pytest_asyncio.fixture
async def lrs(api: Serving) -> AsyncIterator[Lrs]:
    """The store."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        yield Lrs(api, http)


def about(id_: str, **fields: Any) -> dict[str, Any]:
    """A statement that refers to another one."""
    given = {"actor": an_agent("andrew"), "verb": {"id": CONFIRMED}, **fields}
    return a_statement(object={"objectType": "StatementRef", "id": id_}, **given)


def voiding(id_: str) -> dict[str, Any]:
    """A statement that voids another one."""
    return about(id_, verb={"id": VOIDED})


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (2, 0, 1), (1, 2, 0)])
async def test_who_refers_to_a_statement_is_found_by_what_that_is_found_by_in_whatever_order_they_come(
    lrs: Lrs, order: tuple[int, ...]
) -> None:
    passed = a_statement()
    confirmed = about(passed["id"])
    seen = about(confirmed["id"], actor=an_agent("dora"))
    chain = [passed, confirmed, seen]
    for each in order:
        await lrs.store(chain[each])
    ids = {each["id"] for each in chain}
    ben, andrew = json.dumps(an_agent("ben")), json.dumps(an_agent("andrew"))
    assert set((await lrs.get(agent=ben)).ids) == ids
    assert set((await lrs.get(activity=passed["object"]["id"])).ids) == ids
    assert set((await lrs.get(agent=andrew)).ids) == {confirmed["id"], seen["id"]}
    assert set((await lrs.get(agent=ben, verb=passed["verb"]["id"])).ids) == ids
    # No filter holds for one of them with what is another one's: Andrew has passed nothing.
    assert (await lrs.get(agent=andrew, verb=passed["verb"]["id"])).ids == []


async def test_statements_that_refer_to_one_another_in_a_circle_are_stored(lrs: Lrs) -> None:
    one, two = str(uuid4()), str(uuid4())
    await lrs.store({**about(two), "id": one}, {**about(one, actor=an_agent("eva")), "id": two})
    assert set((await lrs.get(agent=json.dumps(an_agent("eva")))).ids) == {one, two}


@pytest.mark.parametrize("backwards", [True, False])
async def test_a_thousand_that_refer_to_one_another_are_stored_in_one_batch(lrs: Lrs, backwards: bool) -> None:
    last = a_statement()
    chain = [last]
    for _ in range(999):
        chain.append(about(chain[-1]["id"]))
    assert len(await lrs.store(*(chain[::-1] if backwards else chain))) == 1_000
    # References are followed ten deep.
    found = (await lrs.get(activity=last["object"]["id"])).ids
    assert set(found) == {each["id"] for each in chain[:11]}


@pytest.mark.parametrize("seed", range(6))
async def test_references_are_followed_alike_in_whatever_batches_they_come(lrs: Lrs, seed: int) -> None:
    chance = random.Random(seed)
    ids = [str(uuid4()) for _ in range(16)]
    targets = {id_: chance.choice(ids) for id_ in ids if chance.random() < 0.8}
    given = [
        about(targets[id_], id=id_, actor=an_agent(f"a{number}"))
        if id_ in targets
        else a_statement(id=id_, actor=an_agent(f"a{number}"))
        for number, id_ in enumerate(ids)
    ]
    chance.shuffle(given)
    while given:
        size = chance.randrange(1, 5)
        batch, given = given[:size], given[size:]
        await lrs.store(*batch)

    def ahead(id_: str) -> set[str]:
        seen = {id_}
        while (id_ := targets.get(id_, "")) and id_ not in seen and len(seen) <= 10:
            seen.add(id_)
        return seen

    for number, id_ in enumerate(ids):
        found = (await lrs.get(agent=json.dumps(an_agent(f"a{number}")))).ids
        assert set(found) == {each for each in ids if id_ in ahead(each)}


async def test_a_time_is_that_of_the_statement_that_refers(lrs: Lrs) -> None:
    [passed] = await lrs.store(a_statement())
    stored = (await lrs.get(statementId=passed)).json["stored"]
    [confirmed] = await lrs.store(about(passed))
    assert (await lrs.get(agent=json.dumps(an_agent("ben")), since=stored)).ids == [confirmed]


@pytest.mark.parametrize("voided_first", [True, False])
async def test_a_voided_statement_is_returned_as_voided_alone(lrs: Lrs, voided_first: bool) -> None:
    sent = a_statement()
    void, comment = voiding(sent["id"]), about(sent["id"])
    for each in (sent, void, comment) if voided_first else (void, comment, sent):
        await lrs.store(each)
    assert (await lrs.get(statementId=sent["id"])).status == 404
    assert (await lrs.get(voidedStatementId=sent["id"])).json["id"] == sent["id"]
    assert (await lrs.get(voidedStatementId=comment["id"])).status == 404
    assert set((await lrs.get()).ids) == {void["id"], comment["id"]}
    # What refers to it is still found by what it was found by.
    assert set((await lrs.get(agent=json.dumps(an_agent("ben")))).ids) == {void["id"], comment["id"]}
    # A statement that was sent before is not stored anew, nor another one under its id.
    assert (await lrs.post(sent)).status == 200
    assert (await lrs.get(statementId=sent["id"])).status == 404
    assert (await lrs.post({**sent, "actor": an_agent("eva")})).status == 409


async def test_what_voids_is_not_voided(lrs: Lrs) -> None:
    sent = a_statement()
    void = voiding(sent["id"])
    await lrs.store(sent, void)
    assert (await lrs.post(voiding(void["id"]))).status == 400
    assert (await lrs.get(statementId=void["id"])).status == 200
    # One that came before what it would void does not void it either.
    later = voiding(str(uuid4()))
    await lrs.store(voiding(later["id"]))
    await lrs.store(later)
    assert (await lrs.get(statementId=later["id"])).status == 200


async def test_who_stored_a_statement_voids_it_and_nobody_else(lrs: Lrs) -> None:
    [id_] = await lrs.store(a_statement())
    other = a_statement()
    assert (await lrs.of(OTHER_LMS).post([other, voiding(id_)])).status == 403
    assert (await lrs.get(statementId=other["id"])).status == 404
    early = a_statement()
    await lrs.of(OTHER_LMS).store(voiding(early["id"]))
    await lrs.store(early)
    assert (await lrs.get(statementId=early["id"])).status == 200


async def test_both_are_found_that_come_at_the_same_moment(lrs: Lrs, engine: Engine) -> None:
    sent = a_statement()
    comment = about(sent["id"])
    with engine.connect() as held:
        # What stores the first waits for this: it holds the id.
        held.execute(
            text(
                "INSERT INTO statement (district, stored, id, authority, voiding, voided, sealed)"
                " VALUES ('210602', now(), :id, 0, false, false, '')"
            ),
            {"id": sent["id"]},
        )
        first = asyncio.create_task(lrs.store(sent))
        await eventually_async(lambda: asyncio.to_thread(lambda: sessions(engine, WAITS_FOR_LOCK) == 1))
        second = asyncio.create_task(lrs.store(comment))
        await eventually_async(lambda: asyncio.to_thread(lambda: sessions(engine, WAITS_FOR_LOCK) == 2))
        held.rollback()
    await asyncio.gather(first, second)
    assert set((await lrs.get(agent=json.dumps(an_agent("ben")))).ids) == {sent["id"], comment["id"]}


async def test_consistent_through_ends_before_what_is_not_committed(lrs: Lrs, engine: Engine) -> None:
    with engine.connect() as other:
        other.execute(text("SELECT pg_current_xact_id()"))
        began = other.execute(text("SELECT now()")).scalar_one()
        [id_] = await lrs.store(a_statement())
        answer = await lrs.get()
        assert answer.ids == [id_]
        assert datetime.fromisoformat(answer.headers["X-Experience-API-Consistent-Through"]) <= began
        other.rollback()
    stored = datetime.fromisoformat((await lrs.get(statementId=id_)).json["stored"])
    through = (await lrs.get()).headers["X-Experience-API-Consistent-Through"]
    assert datetime.fromisoformat(through) > stored
