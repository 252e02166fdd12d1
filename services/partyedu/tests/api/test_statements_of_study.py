"""What members complete here is in the learning record store as well."""

from __future__ import annotations

import json
from datetime import datetime

import aiohttp

from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind, Training
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.events import Events
from onegrid_kit.testing.waiting import HANG_S
from onegrid_kit.timestamps import timestamp

from .learning import READER, Lrs
from .line import Line
from .people import DISTRICT, KEEPER, STREET

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
        (CompletionKind.COMPLETION_KIND_QUIZ, "passed"),
        (CompletionKind.COMPLETION_KIND_MEETING, "attended"),
    ):
        done = Completion(
            member=f"members/{DISTRICT}-{verb}", subject="x/1", kind=kind, complete_time=timestamp(COMPLETED)
        )
        events.deliver(StudyCompleted(completion=done))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(HANG_S)) as http:
            answer = await Lrs(line.api, http, READER).get(verb=f"http://adlnet.gov/expapi/verbs/{verb}")
        # Delivered twice, as a carrier may: stored once.
        [found] = answer.json["statements"]
        assert found["actor"]["account"]["name"] == done.member
