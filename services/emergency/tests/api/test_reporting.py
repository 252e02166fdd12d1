"""Reporting incidents over real gRPC and a real database."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1.events_pb2 import IncidentReported
from onegrid.emergency.v1.resources_pb2 import Confidence, Incident, IncidentKind, IncidentState, Report, Source
from onegrid_emergency.store.places import keep_place
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced

from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    DISTRICT,
    OTHER_CELL,
    OTHER_STREET_DESK,
    STRANGER,
    STREET,
    STREET_DESK,
    WORKER,
)

IN_CELL, IN_OTHER_CELL, NOWHERE = (
    Point(longitude=124.45, latitude=40.15),
    Point(longitude=124.55, latitude=40.15),
    Point(),
)


@pytest.fixture(autouse=True)
def ground(engine: Engine) -> None:
    """Two cells side by side, which share an edge at 124.5 degrees east."""
    with engine.begin() as conn:
        for code, west in ((CELL, 124.4), (OTHER_CELL, 124.5)):
            east, south, north = west + 0.1, 40.1, 40.2
            corners = [(west, south), (east, south), (east, north), (west, north)]
            keep_place(conn, code, 1, "网格", boundary=corners)


async def report(api: Serving, caller: Caller = CITIZEN, **fields: object) -> Report:
    asked = {
        "district": DISTRICT,
        "text": "江边堤坝渗水。",
        "kind": IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
        **fields,
    }
    return (await api.call(caller, "ReportIncident", **asked)).report


async def incident_of(api: Serving, found: Report) -> Incident:
    return (await api.call(COMMANDER, "GetIncident", name=found.incident)).incident


async def test_a_report_becomes_an_incident_at_once_and_is_announced(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    found = await report(api, location=IN_CELL, address="江沿街")
    incident = await incident_of(api, found)
    assert list(incident.reports) == [found]
    assert (incident.place, incident.location) == (CELL, IN_CELL)
    assert (incident.state, incident.confidence) == (
        IncidentState.INCIDENT_STATE_REPORTED,
        Confidence.CONFIDENCE_UNVERIFIED,
    )
    assert (found.reporter, found.source, found.address) == (CITIZEN.user, Source.SOURCE_CALL, "江沿街")
    assert announced(engine) == [
        IncidentReported(
            incident=incident.name,
            report=found.name,
            place=CELL,
            location=IN_CELL,
            kind=IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
            source=Source.SOURCE_CALL,
            time=incident.create_time,
        )
    ]


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"location": Point(longitude=124.5, latitude=40.15)}, CELL),  # of the edge, as grid decides
        ({"location": IN_OTHER_CELL, "place": STREET}, OTHER_CELL),
        ({"location": NOWHERE, "place": STREET}, STREET),
        ({"location": NOWHERE}, DISTRICT),
        ({"place": "210602999"}, "210602999"),  # grid may announce it later
        ({"kind": 0}, DISTRICT),
    ],
)
async def test_an_incident_is_made_whatever_is_missing(api: Serving, fields: dict[str, object], place: str) -> None:
    assert (await incident_of(api, await report(api, **fields))).place == place


async def test_a_report_is_stored_once_however_often_it_is_sent(api: Serving) -> None:
    request_id = str(uuid.uuid4())
    assert await report(api, request_id=request_id) == await report(api, request_id=request_id)
    assert len((await api.call(COMMANDER, "ListIncidents", place=DISTRICT)).incidents) == 1


async def test_a_grid_worker_reports_what_happens_in_the_next_cell_and_nobody_in_another_district(api: Serving) -> None:
    assert (await report(api, WORKER, location=IN_OTHER_CELL)).place == OTHER_CELL
    with pytest.raises(Refused) as refused:
        await report(api, STRANGER)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_what_happens_lies_in_the_district_and_not_ahead(api: Serving, clock: SettableClock) -> None:
    earlier = await report(api, occur_time=clock.now() - timedelta(hours=2))
    assert (await incident_of(api, earlier)).occur_time == earlier.occur_time
    for fields, field in (
        ({"place": "210603001"}, "place"),
        ({"occur_time": clock.now() + timedelta(minutes=6)}, "occur_time"),
        ({"text": "\u3164"}, "text"),
    ):
        with pytest.raises(Refused) as refused:
            await report(api, **fields)
        assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", [field])


async def test_offices_see_the_incidents_of_their_places_newest_first(api: Serving, clock: SettableClock) -> None:
    found = []
    for place in (STREET, CELL, DISTRICT):
        found.append(await report(api, place=place))
        clock.set(clock.now() + timedelta(minutes=1))
    for caller, place, expected in (
        (COMMANDER, DISTRICT, [found[2], found[1], found[0]]),
        (STREET_DESK, STREET, [found[1], found[0]]),
        (WORKER, CELL, [found[1]]),
    ):
        listed = (await api.call(caller, "ListIncidents", place=place)).incidents
        assert [each.name for each in listed] == [each.incident for each in expected]
    first = await api.call(COMMANDER, "ListIncidents", place=DISTRICT, page_size=2)
    rest = await api.call(COMMANDER, "ListIncidents", place=DISTRICT, page_size=2, page_token=first.next_page_token)
    assert [each.name for each in (*first.incidents, *rest.incidents)] == [each.incident for each in reversed(found)]
    for caller in (CITIZEN, OTHER_STREET_DESK):
        with pytest.raises(Refused) as refused:
            await api.call(caller, "GetIncident", name=found[0].incident)
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_only_who_may_see_the_district_learns_that_an_incident_does_not_exist(api: Serving) -> None:
    for caller, reason in ((COMMANDER, "NOT_FOUND"), (STREET_DESK, "PERMISSION_DENIED")):
        with pytest.raises(Refused) as refused:
            await api.call(caller, "GetIncident", name="incidents/210602-20201111-7KX3M9QF")
        assert refused.value.reason == reason
