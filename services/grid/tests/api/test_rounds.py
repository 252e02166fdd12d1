"""Inspection rounds: recorded offline, sent late, and the same in whatever order they arrive."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid.field.v1.field_pb2 import Mark, Outcome, RefusalReason, SignedBatch
from onegrid.grid.v1.records_pb2 import FindingKind, VisitKind
from onegrid.grid.v1.rounds_pb2 import RoundState
from onegrid_grid.commands.entries import append_entries
from onegrid_grid.commands.looking import LOOK, look_at_rounds
from onegrid_grid.inspection_round import ROUND
from onegrid_grid.main import SERVICE
from onegrid_grid.store import findings as finding_store
from onegrid_grid.store import rounds as round_store
from onegrid_kit import ladder
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.jobs import job_of
from onegrid_kit.timestamps import timestamp

from .fieldwork import HERE, Outside, new_round
from .people import (
    CELL,
    CITIZEN,
    COMMANDER,
    COMMUNITY,
    DISTRICT,
    NEXT_CELL,
    OTHER_STREET,
    OTHER_STREET_DESK,
    STREET,
    STREET_DESK,
    WORKER,
)

BUILDING = VisitKind.VISIT_KIND_BUILDING
HAZARD = FindingKind.FINDING_KIND_FIRE_HAZARD


def walk(outside: Outside, device: Device, name: str) -> None:
    """Walk a round: it takes half an hour, visits two buildings and finds a hazard."""
    outside.record(device, name, "start", HERE)
    outside.wait(minutes=10)
    outside.record(device, name, "visit", HERE, kind=BUILDING, display_name="3号楼")
    outside.wait(minutes=10)
    outside.record(device, name, "find", HERE, kind=HAZARD, text="楼道堆放杂物")
    outside.wait(minutes=1)
    outside.record(device, name, "visit", (124.397, 40.125), kind=BUILDING, display_name="4号楼")
    outside.wait(minutes=9)
    outside.record(device, name, "finish", HERE)


async def test_a_round_begins_and_ends_by_entries_alone(outside: Outside) -> None:
    name, phone = new_round(), outside.device()
    began = outside.clock.now()
    walk(outside, phone, name)
    ended = outside.clock.now()
    arrived = outside.wait(hours=3)
    result = await outside.send(phone)
    assert {each.outcome for each in result.results} == {Outcome.OUTCOME_STORED}
    found = await outside.round(name, WORKER)
    assert (found.name, found.cell, found.worker) == (name, f"cells/{CELL}", WORKER.user)
    assert found.state == RoundState.ROUND_STATE_FINISHED
    assert (found.start_time, found.finish_time, found.entry_time) == (timestamp(began), *[timestamp(ended)] * 2)
    assert (found.entries, found.visits, found.findings) == (5, 2, 1)
    assert found.duration.ToTimedelta() == timedelta(minutes=30)
    assert 330 < found.track_m < 350
    assert (list(found.marks), found.create_time) == ([], timestamp(arrived))
    assert await outside.rounds() == [found]


async def test_who_visits_something_has_begun_and_goes_on_until_it_is_over(outside: Outside) -> None:
    name, phone = new_round(), outside.device()
    first = outside.record(phone, name, "start", HERE)
    outside.wait(minutes=5)
    visited = outside.clock.now()
    outside.record(phone, name, "visit", HERE, kind=BUILDING, display_name="3号楼")
    await outside.send(phone, phone.entries[1])
    found = await outside.round(name)
    assert (found.start_time, found.state) == (timestamp(visited), RoundState.ROUND_STATE_UNDERWAY)
    # What comes late changes what was said before.
    await outside.send(phone, first)
    found = await outside.round(name)
    assert found.start_time == timestamp(visited - timedelta(minutes=5))
    outside.record(phone, name, "finish")
    await outside.send(phone)
    assert (await outside.round(name)).state == RoundState.ROUND_STATE_FINISHED
    outside.wait(minutes=1)
    outside.record(phone, name, "visit", HERE, kind=BUILDING, display_name="5号楼")
    await outside.send(phone)
    found = await outside.round(name)
    assert (found.state, found.HasField("finish_time")) == (RoundState.ROUND_STATE_UNDERWAY, False)


async def test_each_entry_is_judged_and_shown_with_its_marks(outside: Outside) -> None:
    name, phone = new_round(), outside.device(skew=timedelta(hours=1))
    outside.record(phone, name, "start", HERE)
    outside.wait(seconds=10)
    outside.record(phone, name, "track", (124.6, 40.125))
    await outside.send(phone)
    start, track = await outside.entries(name)
    assert (start.author, start.device_key, start.counter) == (WORKER.user, phone.name, 1)
    assert (list(start.marks), start.anchored) == ([Mark.MARK_CLOCK_SKEW], True)
    assert list(track.marks) == [Mark.MARK_CLOCK_SKEW, Mark.MARK_IMPOSSIBLE_SPEED]
    assert track.record.HasField("track")
    assert round(track.position.longitude, 6) == 124.6
    assert list((await outside.round(name)).marks) == list(track.marks)


async def test_what_a_lost_device_signs_counts_for_nothing(outside: Outside) -> None:
    name, phone = new_round(), outside.device()
    outside.record(phone, name, "start", HERE)
    await outside.send(phone)
    assert (await outside.round(name)).HasField("start_time")
    outside.announce(phone, version=2, lost_time=timestamp(outside.clock.now() - timedelta(minutes=1)))
    found = await outside.round(name)
    assert (found.HasField("start_time"), found.worker, found.entries) == (False, "", 1)
    assert list(found.marks) == [Mark.MARK_LOST_DEVICE]
    outside.announce(phone, version=3)
    assert (await outside.round(name)).worker == WORKER.user


@pytest.mark.parametrize(
    ("kind", "fields", "cell", "field"),
    [
        ("start", {}, "210602003007999", "content.round"),
        ("start", {}, "210603001001001", "content.round"),
        ("visit", {"kind": 0, "display_name": "3号楼"}, CELL, "content.visit.kind"),
        ("visit", {"kind": BUILDING}, CELL, "content.visit.display_name"),
        ("visit", {"kind": BUILDING, "display_name": "张三13812345678"}, CELL, "content.visit.display_name"),
        (
            "visit",
            {"kind": BUILDING, "display_name": "x", "note": "身份证11010519491231002X"},
            CELL,
            "content.visit.note",
        ),
        ("find", {"kind": HAZARD, "text": "电话 13812345678"}, CELL, "content.find.text"),
        ("find", {"kind": 0}, CELL, "content.find.kind"),
        ("find", {"kind": HAZARD, "media": ["data:image/png;base64,iVBORw0KGgo="]}, CELL, "content.find.media[0]"),
        ("find", {"kind": HAZARD, "media": ["张三的照片"]}, CELL, "content.find.media[0]"),
    ],
)
async def test_what_names_a_person_or_no_cell_is_refused(
    outside: Outside, kind: str, fields: dict[str, object], cell: str, field: str
) -> None:
    phone = outside.device()
    outside.record(phone, new_round(cell), kind, HERE, **fields)
    (result,) = (await outside.send(phone)).results
    assert (result.outcome, result.reason) == (Outcome.OUTCOME_REFUSED, RefusalReason.REFUSAL_REASON_CONTENT_REFUSED)
    assert [violation.field for violation in result.violations] == [field]
    assert not await outside.rounds()


async def test_the_code_of_a_cell_names_nobody(outside: Outside) -> None:
    phone = outside.device()
    outside.record(phone, new_round(), "find", kind=HAZARD, text=f"网格{CELL}")
    (result,) = (await outside.send(phone)).results
    assert result.outcome == Outcome.OUTCOME_STORED


async def test_rounds_are_read_by_those_who_answer_for_the_cell(outside: Outside) -> None:
    names = []
    for cell in (CELL, NEXT_CELL):
        names.append(new_round(cell))
        phone = outside.device()
        outside.record(phone, names[-1], "start", HERE)
        await outside.send(phone)
        outside.wait(hours=1)
    first, second = names
    when = (await outside.round(second)).start_time
    for fields, expected in (
        ({"parent": DISTRICT}, [second, first]),
        ({"parent": COMMUNITY, "from_time": when}, [second]),
        ({"parent": STREET, "until_time": when}, [first]),
        ({"parent": NEXT_CELL}, [second]),
        ({"parent": OTHER_STREET}, []),
    ):
        assert [each.name for each in await outside.rounds(**fields)] == expected
    assert (await outside.round(first, WORKER)).name == first
    for caller, name in ((OTHER_STREET_DESK, first), (CITIZEN, first), (WORKER, second)):
        with pytest.raises(Refused) as refused:
            await outside.round(name, caller)
        assert refused.value.reason == "PERMISSION_DENIED"
    # Where somebody was at which moment is for the offices.
    with pytest.raises(Refused) as refused:
        await outside.api.call(WORKER, "ListRoundEntries", round=first)
    assert refused.value.reason == "PERMISSION_DENIED"
    assert len((await outside.api.call(STREET_DESK, "ListRoundEntries", round=first)).entries) == 1
    with pytest.raises(Refused) as refused:
        await outside.round(new_round())
    assert refused.value.reason == "NOT_FOUND"
    assert not await outside.entries(new_round())


async def test_positions_and_authors_are_deleted_in_time_and_the_round_stays(outside: Outside, engine: Engine) -> None:
    name, phone = new_round(), outside.device()
    walk(outside, phone, name)
    await outside.send(phone)
    before = await outside.round(name)
    (found,) = await outside.findings()
    now = outside.wait(days=31)
    with engine.begin() as conn:
        job_of(SERVICE, "forget positions").run(conn, now)
    outside.announce(phone, version=2, lost_time=before.start_time)
    assert await outside.round(name) == before
    assert await outside.findings() == [found]
    assert not await outside.entries(name)


async def test_a_device_that_is_unknown_or_signs_for_another_service_is_refused(outside: Outside) -> None:
    phone = outside.device()
    outside.record(phone, new_round(), "start", HERE)
    batch = phone.batch(outside.clock.now())
    batch.newest_counter += 1
    with pytest.raises(Refused) as refused:
        await outside.api.call(WORKER, "AppendEntries", batch=batch)
    assert refused.value.reason == "SIGNATURE_INVALID"
    batch.device_key = "deviceKeys/0190163d-8694-739b-aea5-966c26f8ad91"
    with pytest.raises(Refused) as refused:
        await outside.api.call(COMMANDER, "AppendEntries", batch=batch)
    assert refused.value.reason == "DEVICE_KEY_UNKNOWN"


@pytest.fixture
async def walked(outside: Outside) -> tuple[list[str], list[SignedBatch]]:
    """Two rounds that were walked with three devices, one of which was restarted; and the batches that they have."""
    names = [new_round(), new_round(NEXT_CELL)]
    phones = [outside.device(), outside.device(skew=timedelta(minutes=7)), outside.device()]
    batches = []
    for name in names:
        for phone in phones:
            walk(outside, phone, name)
            # Each in two pieces, which overlap.
            batches.append(phone.batch(outside.clock.now(), phone.entries[:-2]))
            batches.append(phone.batch(outside.clock.now(), phone.entries[-4:]))
        phones[2].restart(outside.wait(minutes=1))
    outside.wait(hours=1)
    return names, batches


def come_to(conn: Connection, outside: Outside, names: list[str], batches: list[SignedBatch]) -> object:
    """What rounds and findings are once these batches have arrived, in this order, each looked at as it came."""
    now = outside.clock.now()
    for batch in batches:
        append_entries(conn, batch, Call(caller=ANONYMOUS, now=now, method="test", resource=batch.device_key))
        for climb in ladder.due(conn, now):
            look_at_rounds(conn, [climb], now)
            ladder.stop(conn, LOOK, climb.subject)
    rounds = round_store.lock_rounds(conn, list(map(ROUND.id, names)))
    found = finding_store.findings_page(conn, DISTRICT, "", (), (), 100)
    # How often something changed on the way is no part of it.
    versions = text("UPDATE inspection_round SET version = 1")
    conn.execute(versions)
    rounds = round_store.lock_rounds(conn, list(rounds))
    conn.rollback()
    return rounds, sorted(found, key=lambda each: each.id)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_arrival_ends_with_the_same_rounds_and_findings(
    walked: tuple[list[str], list[SignedBatch]], outside: Outside, engine: Engine, data: st.DataObject
) -> None:
    names, batches = walked
    again = data.draw(st.lists(st.sampled_from(batches), max_size=4))
    with engine.connect() as conn:
        expected = come_to(conn, outside, names, batches)
        assert come_to(conn, outside, names, data.draw(st.permutations([*batches, *again]))) == expected
