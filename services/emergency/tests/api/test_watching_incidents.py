"""The steps of an incident, as they are taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from onegrid.emergency.v1.incident_steps_pb2 import IncidentAction
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.waiting import HANG_S

from .incidents import Incidents
from .people import CITIZEN, COMMANDER, OTHER_STREET, STREET_DESK, WORKER


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


def watch(api: Serving, caller: Caller, name: str, token: str = "") -> AsyncIterator[Any]:
    return api.stream(caller, "WatchIncident", name=name, resume_token=token)


async def received(stream: AsyncIterator[Any], count: int) -> list[Any]:
    """So many messages, or fewer if the stream ends."""
    found: list[Any] = []
    async with asyncio.timeout(HANG_S):
        async for message in stream:
            found.append(message)
            if len(found) == count:
                break
    return found


async def test_watchers_receive_steps_as_they_are_taken_and_resume_without_gap_or_double(
    api: Serving, incidents: Incidents
) -> None:
    incident = await incidents.reported()
    stream = watch(api, COMMANDER, incident.name)
    (first,) = await received(stream, 1)
    await incidents.act(STREET_DESK, "RespondToIncident", incident, note="已派人")
    (second,) = await received(stream, 1)
    assert [each.entry for each in (first, second)] == await incidents.timeline(incident)
    (again,) = await received(watch(api, COMMANDER, incident.name, first.resume_token), 1)
    assert again == second


async def test_a_watch_ends_with_the_incident(api: Serving, incidents: Incidents) -> None:
    incident = await incidents.reported()
    await incidents.act(COMMANDER, "DismissIncident", incident, reason="误报")
    steps = await received(watch(api, COMMANDER, incident.name), 99)
    assert [each.entry.action for each in steps][-1] == IncidentAction.INCIDENT_ACTION_DISMISS
    assert await received(watch(api, COMMANDER, incident.name, steps[-1].resume_token), 1) == []


async def test_a_watch_ends_when_the_incident_leaves_the_callers_view(api: Serving, incidents: Incidents) -> None:
    incident = await incidents.reported()
    stream = watch(api, WORKER, incident.name)
    await received(stream, 1)
    await incidents.act(COMMANDER, "CorrectIncident", incident, place=OTHER_STREET)
    with pytest.raises(Refused) as refused:
        await received(stream, 99)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_nobody_watches_what_they_may_not_see_nor_with_anothers_token(api: Serving, incidents: Incidents) -> None:
    one, other = await incidents.reported(), await incidents.reported()
    with pytest.raises(Refused) as refused:
        await received(watch(api, CITIZEN, one.name), 1)
    assert refused.value.reason == "PERMISSION_DENIED"
    (first,) = await received(watch(api, COMMANDER, one.name), 1)
    with pytest.raises(Refused) as refused:
        await received(watch(api, COMMANDER, other.name, first.resume_token), 1)
    assert refused.value.reason == "INVALID_TOKEN"
