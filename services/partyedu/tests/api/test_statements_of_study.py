"""What members complete here is in the learning record store as well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind, Training
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid.partyedu.v1.regradings_pb2 import ItemCorrection
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.xapi.formats import written
from onegrid_partyedu.xapi.statement import VOIDED

from .exams import NAME, Exam
from .learning import READER, Lrs
from .line import Line
from .people import DISTRICT, KEEPER, STREET
from .test_regradings import EVERYONE, SECOND, applied, started, taken

VERBS = "http://adlnet.gov/expapi/verbs/"
SPRING = f"trainings/{STREET}-spring"
COMPLETED = datetime(2020, 3, 1, 9, tzinfo=CHINA)


async def test_a_completed_training_is_a_statement_that_names_no_person(line: Line, events: Events) -> None:
    training = Training(name=SPRING, display_name="春季班", minutes=480)
    await line.api.call(KEEPER, "DefineTraining", training=training)
    member = await line.admit()
    given = {"member": member.name, "training": SPRING, "complete_time": COMPLETED, "percent": 80}
    await line.api.call(KEEPER, "RecordCompletion", **given)
    events.deliver_announced()
    account = {"homePage": f"urn:onegrid:{DISTRICT}", "name": member.name}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        answer = await Lrs(line.api, http, READER).get(agent=json.dumps({"account": account}))
    [found] = answer.json["statements"]
    assert found["actor"] == {"objectType": "Agent", "account": account}
    assert found["verb"]["id"] == "http://adlnet.gov/expapi/verbs/completed"
    assert found["object"]["id"] == f"urn:onegrid:{DISTRICT}:{SPRING}"
    assert found["result"] == {"completion": True, "duration": "PT480M", "score": {"scaled": 0.8}}
    assert found["timestamp"] == "2020-03-01T01:00:00.000000Z"
    assert found["authority"]["account"]["name"] == "partyedu"


async def test_each_kind_of_completion_has_its_verb(line: Line, events: Events) -> None:
    for kind, verb in (
        (CompletionKind.COMPLETION_KIND_COURSE, "completed"),
        (CompletionKind.COMPLETION_KIND_QUIZ, "completed"),
        (CompletionKind.COMPLETION_KIND_MEETING, "attended"),
    ):
        done = Completion(
            member=f"members/{DISTRICT}-{kind}", subject="x/1", kind=kind, complete_time=timestamp(COMPLETED)
        )
        events.deliver(StudyCompleted(completion=done))
        # Delivered twice, as a carrier may: stored once.
        [found] = await said_of(line, done.member)
        assert found["verb"]["id"] == f"{VERBS}{verb}"


async def said_of(line: Line, member: str, **filters: str) -> list[dict[str, Any]]:
    """The statements of a member, the first first."""
    account = {"account": {"homePage": f"urn:onegrid:{DISTRICT}", "name": member}}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        answer = await Lrs(line.api, http, READER).get(agent=json.dumps(account), ascending="true", **filters)
    found: list[dict[str, Any]] = answer.json["statements"]
    return found


async def voided(line: Line, id_: str) -> bool:
    """Whether a statement is returned as voided alone."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
        lrs = Lrs(line.api, http, READER)
        statuses = (await lrs.get(statementId=id_)).status, (await lrs.get(voidedStatementId=id_)).status
    assert statuses in ((200, 404), (404, 200))
    return statuses == (404, 200)


def verbs(found: Sequence[Mapping[str, Any]]) -> list[str]:
    return [each["verb"]["id"].removeprefix(VERBS) for each in found]


async def test_an_attempt_is_said_to_have_begun_and_what_it_reached(line: Line, exam: Exam, events: Events) -> None:
    begun = await exam.start()
    events.deliver_announced()
    [start] = await said_of(line, begun.member)
    assert (verbs([start]), start["timestamp"]) == (["initialized"], written(moment(begun.begin_time)))
    assert start["object"] == {
        "objectType": "Activity",
        "id": f"urn:onegrid:{DISTRICT}:{NAME}",
        "definition": {"type": "http://adlnet.gov/expapi/activities/assessment"},
    }
    for slot, answer in exam.right((await exam.get(begun.name))[1]).items():
        await exam.save(begun.name, slot, answer)
    exam.later(minutes=12, seconds=0.5)
    submitted = await exam.submit(begun.name)
    exam.conclude()
    events.deliver_announced()
    found = await said_of(line, begun.member)
    assert verbs(found) == ["initialized", "passed", "completed"]
    end = found[1]
    assert end["result"] == {
        "score": {"scaled": 1, "raw": 60, "min": 0, "max": 60},
        "success": True,
        "completion": True,
        "duration": "PT720.50S",
    }
    assert end["timestamp"] == written(moment(submitted.end_time))
    assert end["context"]["extensions"] == {
        "urn:onegrid:extensions:attempt": begun.name,
        "urn:onegrid:extensions:number": 1,
        "urn:onegrid:extensions:expired": False,
    }
    registration = end["context"]["registration"]
    assert verbs(await said_of(line, begun.member, registration=registration)) == ["initialized", "passed"]


async def test_an_attempt_that_expires_with_too_little_failed_at_its_deadline(
    line: Line, exam: Exam, events: Events
) -> None:
    begun = await exam.start()
    exam.later(hours=2)
    exam.conclude()
    events.deliver_announced()
    _, end = await said_of(line, begun.member)
    assert (verbs([end]), end["timestamp"]) == (["failed"], written(moment(begun.due_time)))
    assert end["result"] == {
        "score": {"scaled": 0, "raw": 0, "min": 0, "max": 60},
        "success": False,
        "completion": True,
        "duration": "PT1800.00S",
    }
    assert end["context"]["extensions"]["urn:onegrid:extensions:expired"] is True


@pytest.mark.parametrize("concluded", ["before", "after"])
async def test_a_score_that_is_regraded_takes_the_place_of_the_one_before(
    line: Line, exam: Exam, events: Events, concluded: str
) -> None:
    """Also where the worker comes to the end of the attempt later than to the regrading."""
    begun = await taken(exam, {})
    if concluded == "before":
        exam.conclude()
        events.deliver_announced()
        [_, before] = await said_of(line, begun.member)
    for correction, points in ((EVERYONE, 10), (ItemCorrection(item=SECOND, revision=1), 20)):
        of = await applied(exam, await started(exam, correction))
        exam.conclude()
        events.deliver_announced()
        # What voids a statement is found by what that one was found by.
        _, after = [each for each in await said_of(line, begun.member) if each["verb"]["id"] != VOIDED]
        assert (verbs([after]), after["result"]["score"]["raw"]) == (["failed"], points)
        assert after["timestamp"] == written(moment(begun.end_time))
        assert after["context"]["extensions"]["urn:onegrid:extensions:regrading"] == of.name
        assert not await voided(line, after["id"])
        if concluded == "before":
            assert after["context"]["statement"]["id"] == before["id"]
            assert await voided(line, before["id"])
        concluded, before = "before", after
