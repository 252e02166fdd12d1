"""Ice dams the river where a patrol has no network: from its telephone to all clear, whatever is killed meanwhile."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from onegrid.border.v1 import border_service_pb2 as border_pb
from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.records_pb2 import (
    HAZARD_III,
    OBSERVATION_KIND_ICE_DAMMING,
    CheckIn,
    Observe,
    PatrolRecord,
    Start,
)
from onegrid.emergency.v1 import warnings_pb2 as cap
from onegrid.emergency.v1.resources_pb2 import (
    INCIDENT_KIND_NATURAL_DISASTER,
    INCIDENT_LEVEL_III,
    INCIDENT_STATE_ALL_CLEAR,
    INCIDENT_STATE_RESPONDING,
    SOURCE_PATROL,
)
from onegrid.field.v1.field_pb2 import Outcome
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.notify.v1.delivery_pb2 import Mute, Preferences, QuietHours
from onegrid_demo import district
from onegrid_demo.loading import CELL, STREET, until
from onegrid_kit.cipher import cipher
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.waiting import eventually, eventually_async
from onegrid_notify.tables import address

from .dike import Dike, feed, warning
from .fleet import Fleet
from .killing import PARTS, kill
from .mail import MailSink, verified_address
from .night import Night

GAUGE = district.cell(CELL).middle
HEADLINE, MAIL = "凌汛橙色预警", "riverside@example.cn"


def walk(device: Device, patrol: str, seen: datetime) -> None:
    """Record all of a patrol, to what it saw at that moment."""
    observe = Observe(kind=OBSERVATION_KIND_ICE_DAMMING, hazard=HAZARD_III, text="冰凌壅塞，水位上涨。", escalate=True)
    for moment, record in (
        (seen - timedelta(minutes=5), PatrolRecord(start=Start())),
        (seen - timedelta(seconds=20), PatrolRecord(check_in=CheckIn(checkpoint="gauge"))),
        (seen, PatrolRecord(observe=observe)),
    ):
        record.patrol = patrol
        device.record(record, moment, position=device.fix(GAUGE.longitude, GAUGE.latitude, moment))


@asynccontextmanager
async def asleep(fleet: Fleet, dike: Dike) -> AsyncIterator[None]:
    """A resident of the street has muted everything, and has quiet hours; but an e-mail address, too."""
    citizen = await dike.client.public(fleet.accounts["citizen"]["phone"], district.CODE)
    with fleet.connection("notify") as conn:
        seal = cipher("AES-256-GCM", fleet.cipher_keys)
        conn.execute(address.insert(), [verified_address(dike.users["citizen"], MAIL, datetime.now(UTC), seal)])
        conn.commit()
    quiet = Preferences(mutes=[Mute()], quiet_hours=QuietHours(start="00:00", end="23:59"))
    for preferences in (quiet, Preferences()):
        request = notify_pb.SetPreferencesRequest(preferences=preferences)
        await dike.call(dike.client.notify.SetPreferences, citizen, request)
        if preferences is quiet:
            yield


async def observed(dike: Dike, patrol: str, done: Callable[[Observation], bool]) -> Observation:
    """What the patrol noticed, which is one thing, once it is so."""

    async def found() -> list[Observation]:
        request = border_pb.ListObservationsRequest(scope=STREET, page_size=100)
        listed = await dike.call(dike.client.border.ListObservations, await dike.staff("commander"), request)
        return [each for each in listed.observations if each.patrol == patrol]

    (observation,) = await until(found, lambda some: any(map(done, some)))
    assert done(observation), observation
    return observation


async def warn(fleet: Fleet, dike: Dike, mail: MailSink, kill_something: Callable[[], None]) -> None:
    """The community, which has the command by the plan alone, warns who is at home at the river, and nobody else."""
    issue = cap.IssueWarningRequest(district=district.CODE, content=warning(HEADLINE, CELL))
    issued = (await dike.call(dike.client.emergency.IssueWarning, await dike.fresh("community"), issue)).warning
    kill_something()
    assert CELL in issued.cells
    assert HEADLINE in await feed(fleet)
    await until(lambda: dike.headlines("citizen"), lambda found: HEADLINE in found)
    eventually(lambda: mail.taken[HEADLINE, MAIL] > 0)
    assert HEADLINE not in await dike.headlines("neighbour")
    cancel = cap.CancelWarningRequest(name=issued.name, note="冰凌已疏通")
    await dike.call(dike.client.emergency.CancelWarning, await dike.fresh("community"), cancel)


async def sent_late(fleet: Fleet, dike: Dike, kill_something: Callable[[], None]) -> Observation:
    """What a patrol saw twenty minutes before it has a network again, and sends twice; once it is an incident."""
    night = Night(fleet, dike.client)
    (patrol,) = await night.plan(1, gauge=GAUGE)
    device = await night.telephone()
    seen = datetime.now(UTC) - timedelta(minutes=20)
    walk(device, patrol, seen)
    kill_something()
    sent = []
    for _ in range(2):
        sent += await night.send(device, *device.entries)
        kill_something()
    # An answer may be lost with whatever is killed.
    assert set(sent[:3]) <= {Outcome.OUTCOME_STORED, Outcome.OUTCOME_REPEATED}
    assert sent[3:] == [Outcome.OUTCOME_REPEATED] * 3
    # It becomes an incident at once, and is judged a moment later.
    observation = await observed(dike, patrol, lambda each: bool(each.incident) and each.anchored)
    assert (observation.kind, observation.place) == (OBSERVATION_KIND_ICE_DAMMING, CELL)
    assert abs(observation.time.ToDatetime(UTC) - seen) < timedelta(minutes=1)
    assert not observation.marks
    return observation


async def test_ice_that_a_patrol_saw_is_handled_until_all_clear_whatever_is_killed(
    fleet: Fleet, dike: Dike, mail: MailSink
) -> None:
    rng = random.Random()

    def kill_something() -> None:
        kill(fleet, rng.choice(PARTS), rng.choice(("border", "emergency")))

    # border hears by events where cells are, and so where something was noticed.
    eventually(lambda: fleet.count("border", "cell") == district.CELLS)
    observation = await sent_late(fleet, dike, kill_something)
    incident, patrol = observation.incident, observation.patrol
    (report,) = (await dike.incident(incident)).reports
    assert (report.source, report.source_name, report.place) == (SOURCE_PATROL, observation.name, CELL)
    assert (report.kind, report.level) == (INCIDENT_KIND_NATURAL_DISASTER, INCIDENT_LEVEL_III)
    assert "水位上涨" in report.text

    await dike.confirm(incident)
    kill_something()
    await dike.until_elevated()
    activation = await until(lambda: dike.activation(incident), lambda each: bool(each.rosters[0].page))
    page = activation.rosters[0].page

    async def paged() -> bool:
        return list((await dike.page(page)).paged) == [dike.users["centre"]]

    await eventually_async(paged)
    graded = (incident, INCIDENT_STATE_RESPONDING, INCIDENT_LEVEL_III)
    await observed(dike, patrol, lambda each: (each.incident, each.incident_state, each.incident_level) == graded)
    async with asleep(fleet, dike):
        await warn(fleet, dike, mail, kill_something)

    await dike.all_clear(incident)
    kill_something()
    await dike.until_demoted()
    assert (await dike.activation(incident)).HasField("end_time")

    async def called_off() -> bool:
        return (await dike.page(page)).HasField("end_time")

    await eventually_async(called_off)
    await until(lambda: dike.headlines("citizen"), lambda found: HEADLINE not in found)
    after = await observed(dike, patrol, lambda each: each.incident_state == INCIDENT_STATE_ALL_CLEAR)
    assert (after.name, after.incident, after.incident_level) == (observation.name, incident, INCIDENT_LEVEL_III)
    # Nothing of it was lost, and nothing happened twice.
    for service in ("border", "emergency"):
        eventually(lambda service=service: fleet.count(service, "outbox") == 0)  # type: ignore[misc]
    reports = f"SELECT incident FROM report WHERE source_name = '{observation.name}'"
    assert [f"incidents/{row.incident}" for row in fleet.rows("emergency", reports)] == [incident]
    assert len(fleet.rows("border", f"SELECT FROM field_entry WHERE subject = '{patrol}'")) == 3
    assert {to: count for (subject, to), count in mail.taken.items() if subject == HEADLINE} == {MAIL: 1}
