"""What the video platform recognizes becomes an incident, with a link and no picture."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.emergency.v1.resources_pb2 import Confidence, IncidentKind, Source
from onegrid.emergency.v1.sensors_pb2 import VideoEventKind
from onegrid_kit.callers import Grant
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import public

from .people import COMMANDER, DISTRICT, STREET

PLATFORM = replace(
    public("video", DISTRICT),
    grants=(Grant(DISTRICT, OaLevel.OA_LEVEL_UNSPECIFIED, frozenset({"emergency.videoevents.report"})),),
)
LINK = "https://video.example.cn/events/7?at=1605075360"


async def report(api: Serving, **fields: Any) -> Any:
    given = {
        "district": DISTRICT,
        "kind": VideoEventKind.VIDEO_EVENT_KIND_FLOODING,
        "link": LINK,
        "place": STREET,
        "confidence": 0.87,
        **fields,
    }
    return (await api.call(PLATFORM, "ReportVideoEvent", **given)).report


async def test_what_is_recognized_becomes_an_incident_that_nobody_has_confirmed(api: Serving) -> None:
    request_id = str(uuid.uuid4())
    found = await report(api, request_id=request_id)
    assert await report(api, request_id=request_id) == found
    (incident,) = (await api.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents
    assert incident.name == found.incident
    assert (incident.place, incident.kind) == (STREET, IncidentKind.INCIDENT_KIND_NATURAL_DISASTER)
    assert incident.confidence == Confidence.CONFIDENCE_UNVERIFIED
    assert (found.source, found.reporter) == (Source.SOURCE_VIDEO, "")
    assert LINK in found.text


@pytest.mark.parametrize("kind", [each for each in VideoEventKind.values() if each])
async def test_every_kind_becomes_an_incident_of_some_kind(api: Serving, kind: int) -> None:
    assert (await report(api, kind=kind)).kind


@pytest.mark.parametrize(
    "link",
    [
        "",
        "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ",
        "http://video.example.cn/1",
        "https://video.example.cn/一",
        "https://video.example.cn/ 1",
        "javascript:alert(1)",
        "https://video.example.cn/" + "x" * 2_000,
    ],
)
async def test_a_picture_and_anything_but_an_https_link_is_refused(api: Serving, link: str) -> None:
    with pytest.raises(Refused) as refused:
        await report(api, link=link)
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["link"])
