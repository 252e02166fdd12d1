"""What is kept for an incident goes with it when it is merged."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from onegrid.emergency.v1.events_pb2 import ReservationMoved
from onegrid.emergency.v1.relief_pb2 import Reservation, ReservationState, Shelter
from onegrid_emergency.commands.merging import MergeIncidents, merge_incidents
from onegrid_emergency.commands.reservations import ReserveResource, new_reservation, reserve_exclusive, share
from onegrid_emergency.incident import INCIDENT
from onegrid_emergency.relief import Reservation as Kept
from onegrid_emergency.store.reservations import find_reservation, take_shares
from onegrid_kit.callers import Call
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced_as, forget_announced

from .incidents import Incidents
from .people import COMMANDER, DISTRICT
from .relief import DEPOT, SANDBAGS, SHELTER, TEAM, counted, define, reserve, step, stock_of

CONFIRMED, RELEASED = ReservationState.RESERVATION_STATE_CONFIRMED, ReservationState.RESERVATION_STATE_RELEASED


@pytest.fixture
def incidents(api: Serving) -> Incidents:
    return Incidents(api)


async def kept_for(api: Serving, incident: str) -> dict[str, Reservation]:
    answer = await api.call(COMMANDER, "ListReservations", office=DISTRICT, incident=incident)
    return {each.name: each for each in answer.reservations}


async def test_what_is_kept_for_a_merged_incident_is_kept_for_the_one_that_remains(
    api: Serving, incidents: Incidents, engine: Engine
) -> None:
    await define(api, TEAM)
    await define(api, DEPOT)
    await stock_of(api, 50)
    one, other = await incidents.responding(), await incidents.responding()
    team = await step(api, "ConfirmReservation", await reserve(api, TEAM, other.name))
    bags = await reserve(api, SANDBAGS, other.name, quantity=20)
    forget_announced(engine)
    await incidents.merge(one, other)
    now = await kept_for(api, one.name)
    assert set(now) == {team.name, bags.name}
    assert (now[team.name].state, now[bags.name].expire_time) == (CONFIRMED, bags.expire_time)
    assert (now[team.name].etag, now[bags.name].etag) == ("3", "2")
    assert not await kept_for(api, other.name)
    moved = announced_as(engine, ReservationMoved)
    assert {each.reservation.name: getattr(each, "from") for each in moved} == {
        team.name: other.name,
        bags.name: other.name,
    }
    assert {each.reservation.incident for each in moved} == {one.name}


async def test_it_stays_with_it_after_a_split_and_is_given_back_at_its_all_clear(
    api: Serving, incidents: Incidents, events: Events, engine: Engine
) -> None:
    await define(api, SHELTER, shelter=Shelter(capacity=100))
    one, other = await incidents.responding(), await incidents.responding()
    ended = await step(api, "ReleaseReservation", await reserve(api, SHELTER, other.name, quantity=5))
    beds = await reserve(api, SHELTER, other.name, quantity=30)
    merged = await incidents.merge(one, other)
    (report,) = (each.name for each in merged.reports if each.name not in {r.name for r in one.reports})
    await incidents.split(one, report)
    assert set(await kept_for(api, one.name)) == {beds.name}
    await incidents.act(COMMANDER, "DismissIncident", other, reason="重复")
    events.deliver_announced()
    assert set(await kept_for(api, one.name)) == {beds.name}
    await incidents.act(COMMANDER, "DeclareAllClear", one)
    events.deliver_announced()
    answer = await api.call(COMMANDER, "GetReservation", name=beds.name)
    assert (answer.reservation.state, answer.reservation.incident) == (RELEASED, one.name)
    assert counted(engine, SHELTER) == (100, 0)
    # What had ended before is as it was.
    assert (await api.call(COMMANDER, "GetReservation", name=ended.name)).reservation == ended


async def test_whatever_is_reserved_while_incidents_are_merged_is_kept_for_none_that_is_gone(
    api: Serving, incidents: Incidents
) -> None:
    await define(api, SHELTER, shelter=Shelter(capacity=1000))
    teams = [f"teams/{DISTRICT}-t{number}" for number in range(4)]
    for team in teams:
        await define(api, team)

    async def attempt(resource: str, of: str) -> str:
        try:
            return (await reserve(api, resource, of)).name
        except Refused as refused:
            if refused.reason != "INCIDENT_ENDED":
                raise
            return ""

    for team in teams:
        one, other = await incidents.reported(), await incidents.reported()
        resources = [SHELTER, SHELTER, team, SHELTER]
        *reserved, _ = await asyncio.gather(
            *(attempt(resource, other.name) for resource in resources), incidents.merge(one, other)
        )
        assert not await kept_for(api, other.name)
        assert set(await kept_for(api, one.name)) == {name for name in reserved if name}


async def test_nothing_is_reserved_for_an_incident_that_is_just_being_merged(
    api: Serving, incidents: Incidents, engine: Engine, clock: SettableClock
) -> None:
    await define(api, SHELTER, shelter=Shelter(capacity=1000))
    await define(api, TEAM)
    one, other = await incidents.reported(), await incidents.reported()
    call = Call(
        caller=COMMANDER,
        now=clock.now(),
        method="MergeIncidents",
        permission="emergency.incidents.merge",
        resource=one.name,
    )

    def wanted(resource: str) -> Kept:
        command = ReserveResource(incident=other.name, resource=resource, quantity=1, hold=timedelta(hours=1))
        return new_reservation(command, call)

    with engine.begin() as merging, engine.connect() as conn:
        merge_incidents(
            merging, MergeIncidents(incident=INCIDENT.id(one.name), merged=(INCIDENT.id(other.name),)), call
        )
        places = wanted(SHELTER)
        take_shares.run(conn, [share(places, call)])
        assert find_reservation(conn, places.id) is None
        conn.execute(text("SET LOCAL lock_timeout = '10ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            reserve_exclusive(conn, wanted(TEAM), call)
    with pytest.raises(Refused) as refused:
        await reserve(api, TEAM, other.name)
    assert refused.value.reason == "INCIDENT_ENDED"
