"""Codes of checkpoints over real gRPC and a real database: printed, registered, replaced, and read by patrols."""

from __future__ import annotations

import random
from datetime import UTC, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import OperationalError

from onegrid.border.v1.codes_pb2 import CheckpointCode
from onegrid.border.v1.patrols_pb2 import Patrol
from onegrid.border.v1.resources_pb2 import Evidence, Route
from onegrid.field.v1.field_pb2 import Mark, WaypointState
from onegrid_border.evidence import Standing, Tap
from onegrid_border.patrol import PATROL
from onegrid_border.store import codes as store
from onegrid_border.store.patrols import find_patrol
from onegrid_kit.testing.api import Refused
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.tags import Tag
from onegrid_kit.timestamps import timestamp

from .fieldwork import PLACES, ROUTE, Outside, checkpoint
from .people import COMMANDER, OTHER_STREET_DESK, STREET_DESK, WORKER

PRINTED, TAG = Evidence.EVIDENCE_PRINTED_CODE, Evidence.EVIDENCE_TAG
REACHED = WaypointState.WAYPOINT_STATE_REACHED
PENDING = WaypointState.WAYPOINT_STATE_PENDING
MISSING, INVALID, REUSED = Mark.MARK_CODE_MISSING, Mark.MARK_CODE_INVALID, Mark.MARK_CODE_REUSED
UNPLACED, OFF_CORRIDOR = Mark.MARK_UNPLACED, Mark.MARK_OFF_CORRIDOR
OF_EVIDENCE = {MISSING, INVALID, REUSED, UNPLACED, OFF_CORRIDOR}
"""Marks that these tests are about; whether it was early or late is none of it."""


async def demand(outside: Outside, **fields: Any) -> Route:
    """Have the pier demand a printed code, and the gauge a tag's."""
    demands = {"pier": PRINTED, "ice-gauge": TAG, "gate-3": Evidence.EVIDENCE_UNSPECIFIED}
    points = [checkpoint(id_, evidence=evidence) for id_, evidence in demands.items()]
    route = Route(name=ROUTE, display_name="东段", checkpoints=points, **fields)
    defined: Route = (await outside.api.call(COMMANDER, "DefineRoute", route=route)).route
    return defined


async def issue(outside: Outside, at: str = "pier", **fields: Any) -> CheckpointCode:
    answer = await outside.api.call(STREET_DESK, "IssueCheckpointCode", route=ROUTE, checkpoint=at, **fields)
    code: CheckpointCode = answer.code
    return code


async def register(outside: Outside, tag: Tag, at: str = "ice-gauge", **fields: Any) -> CheckpointCode:
    keys = {"uid": tag.uid.hex().upper(), "file_read_key": tag.file_read_key, "meta_read_key": tag.meta_read_key}
    given = {"route": ROUTE, "checkpoint": at, **keys, **fields}
    code: CheckpointCode = (await outside.api.call(STREET_DESK, "RegisterCheckpointTag", **given)).code
    return code


async def listed(outside: Outside, **fields: Any) -> list[CheckpointCode]:
    return list((await outside.api.call(STREET_DESK, "ListCheckpointCodes", route=ROUTE, **fields)).codes)


def read(outside: Outside, phone: Device, patrol: Patrol, at: str, code: str, *, placed: bool = True) -> bytes:
    """Check in with what was read there."""
    return outside.record(phone, patrol.name, "check_in", at if placed else "", checkpoint=at, code=code)


async def judged(outside: Outside, patrol: Patrol) -> list[set[int]]:
    """What is odd about the evidence of each entry of a patrol, in the order of times."""
    entries = (await outside.api.call(COMMANDER, "ListEntries", patrol=patrol.name)).entries
    assert not any(each.record.check_in.code for each in entries)
    found = [OF_EVIDENCE & set(each.marks) for each in entries]
    assert OF_EVIDENCE & set((await outside.patrol(patrol.name)).marks) == set().union(*found)
    return found


async def states(outside: Outside, patrol: Patrol) -> list[int]:
    """How it stands with its checkpoints."""
    return [each.state for each in (await outside.patrol(patrol.name)).checkpoints]


async def test_codes_are_issued_one_after_another_and_listed_until_they_count_no_more(outside: Outside) -> None:
    first = await issue(outside)
    assert first.name == f"{ROUTE}/checkpoints/pier/codes/1"
    assert first.text.startswith(f"OGC1.{ROUTE.removeprefix('routes/')}/pier.1.")
    assert (first.evidence, first.uid, first.HasField("end_time")) == (PRINTED, "", False)
    tag = Tag()
    registered = await register(outside, tag, "pier")
    assert (registered.evidence, registered.uid, registered.text) == (TAG, tag.uid.hex().upper(), "")
    assert registered.name.endswith("/pier/codes/2")
    hung = outside.clock.now() + timedelta(days=3)
    third = await issue(outside, effective_time=timestamp(hung))
    # The one before counts until the other hangs there; of a tag nobody spoke.
    both = await listed(outside)
    assert [each.name[-1] for each in both] == ["1", "2", "3"]
    assert [each.end_time.ToDatetime(UTC) if each.HasField("end_time") else None for each in both] == [hung, None, None]
    assert both[0].text == first.text
    outside.wait(days=3)
    assert [each.name[-1] for each in await listed(outside)] == ["2", "3"]
    ended = (await outside.api.call(STREET_DESK, "RetireCheckpointCode", name=third.name)).code
    assert (ended.end_time, ended.text) == (timestamp(outside.clock.now()), "")
    outside.wait(days=1)
    assert (await outside.api.call(STREET_DESK, "RetireCheckpointCode", name=third.name)).code == ended
    assert [each.name[-1] for each in await listed(outside)] == ["2"]
    page = await outside.api.call(STREET_DESK, "ListCheckpointCodes", route=ROUTE, show_ended=True, page_size=2)
    rest = await listed(outside, show_ended=True, page_token=page.next_page_token)
    assert [each.name[-1] for each in (*page.codes, *rest)] == ["1", "2", "3"]


async def test_a_tag_hangs_at_one_place_and_its_keys_are_sealed(outside: Outside, engine: Engine) -> None:
    tag = Tag()
    registered = await register(outside, tag)
    with pytest.raises(Refused) as refused:
        await register(outside, tag, "gate-3")
    uid = tag.uid.hex().upper()
    assert (refused.value.reason, refused.value.metadata) == ("TAG_REGISTERED", {"uid": uid, "code": registered.name})
    with engine.begin() as conn:
        stored = bytes(conn.execute(text("SELECT sealed_keys FROM checkpoint_code")).scalar_one())
    assert not any(key in stored for key in (tag.file_read_key, tag.meta_read_key))
    assert not any(key in str(registered).encode() for key in (tag.file_read_key, tag.meta_read_key))
    # Where another one takes its place, it may hang elsewhere.
    await register(outside, Tag())
    assert (await register(outside, tag, "gate-3")).name.endswith("/gate-3/codes/1")


async def test_what_cannot_be_issued_is_refused(outside: Outside) -> None:
    now = outside.clock.now()
    for away in (timedelta(minutes=-6), timedelta(days=367)):
        with pytest.raises(Refused) as refused:
            await issue(outside, effective_time=timestamp(now + away))
        assert refused.value.fields == ["effective_time"]
    for fields in ({"at": "none"}, {"route": f"{ROUTE}-none"}):
        with pytest.raises(Refused) as refused:
            await register(outside, Tag(), **fields)
        assert refused.value.reason == "NOT_FOUND"
    with pytest.raises(Refused) as refused:
        await register(outside, Tag(), file_read_key=bytes(16))
    assert refused.value.fields == ["file_read_key"]
    code = await issue(outside)
    calls = (
        ("IssueCheckpointCode", {"route": ROUTE, "checkpoint": "pier"}),
        ("RetireCheckpointCode", {"name": code.name}),
        ("ListCheckpointCodes", {"route": ROUTE}),
    )
    for caller in (OTHER_STREET_DESK, WORKER):
        for method, fields in calls:
            with pytest.raises(Refused) as refused:
                await outside.api.call(caller, method, **fields)
            assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await outside.api.call(STREET_DESK, "RetireCheckpointCode", name=code.name[:-1] + "7")
    assert refused.value.reason == "NOT_FOUND"


@pytest.mark.parametrize("encrypts", [True, False])
async def test_a_check_in_reaches_a_checkpoint_with_the_code_that_it_demands_alone(
    outside: Outside, encrypts: bool
) -> None:
    defined = await demand(outside)
    assert [each.evidence for each in defined.checkpoints] == [PRINTED, TAG, 0]
    printed, wrong = await issue(outside), await issue(outside, "gate-3")
    tag, stranger = Tag(encrypts=encrypts), Tag()
    await register(outside, tag)
    await register(outside, at_pier := Tag(), "pier")
    at_gauge = await issue(outside, "ice-gauge")
    outside.wait(seconds=1)
    for at, code, placed, marks in (
        ("pier", "", True, {MISSING}),
        ("pier", "https://example.cn/", True, {INVALID}),
        ("pier", wrong.text, True, {INVALID}),
        ("pier", tag.tap(), True, {INVALID}),
        ("pier", printed.text, False, {UNPLACED}),
        ("pier", printed.text, True, None),
        ("pier", at_pier.tap(), True, None),
        ("ice-gauge", at_gauge.text, True, {MISSING}),
        ("ice-gauge", printed.text, True, {INVALID}),
        ("ice-gauge", stranger.tap(), True, {INVALID}),
        ("ice-gauge", tag.tap()[:-1], True, {INVALID}),
        ("ice-gauge", tag.tap(), True, None),
        # A tag needs no position.
        ("ice-gauge", tag.tap(), False, None),
        ("gate-3", "", True, None),
        ("gate-3", "是别处的码", True, None),
    ):
        patrol, phone = await outside.plan(), outside.device()
        assert [each.evidence for each in patrol.checkpoints] == [PRINTED, TAG, 0]
        outside.wait(minutes={"pier": 0, "ice-gauge": 20, "gate-3": 45}[at])
        read(outside, phone, patrol, at, code, placed=placed)
        result = await outside.send(phone)
        assert [each.reason for each in result.results] == [0]
        assert await judged(outside, patrol) == [marks or set()]
        reached = dict(zip(PLACES, await states(outside, patrol), strict=True))[at] == REACHED
        assert reached == (marks is None), (at, code)


async def test_what_was_read_before_a_code_was_replaced_counts_whenever_it_arrives(outside: Outside) -> None:
    await demand(outside)
    old = await issue(outside)
    before, between, after = [await outside.plan() for _ in range(3)]
    phones = [outside.device() for _ in range(3)]
    outside.wait(seconds=1)
    read(outside, phones[0], before, "pier", old.text)
    new = await issue(outside, effective_time=timestamp(outside.clock.now() + timedelta(minutes=5)))
    outside.wait(minutes=4)
    read(outside, phones[1], between, "pier", old.text)
    outside.wait(minutes=1)
    read(outside, phones[2], after, "pier", old.text)
    outside.wait(minutes=2)
    for phone in phones[::-1]:
        await outside.send(phone)
    assert [(await states(outside, each))[0] for each in (before, between, after)] == [REACHED, REACHED, PENDING]
    assert await judged(outside, after) == [{INVALID}]
    read(outside, phones[2], after, "pier", new.text)
    await outside.send(phones[2])
    assert (await states(outside, after))[0] == REACHED


async def test_a_tag_that_was_registered_again_counts_as_it_was_then(outside: Outside) -> None:
    await demand(outside)
    tag, patrol, phone = Tag(), await outside.plan(minutes=10), outside.device()
    first = await register(outside, tag)
    outside.wait(seconds=1)
    then = read(outside, phone, patrol, "ice-gauge", tag.tap())
    outside.wait(seconds=1)
    await outside.api.call(STREET_DESK, "RetireCheckpointCode", name=first.name)
    away = read(outside, phone, patrol, "ice-gauge", tag.tap())
    outside.wait(seconds=1)
    await register(outside, tag)
    outside.wait(seconds=1)
    now = read(outside, phone, patrol, "ice-gauge", tag.tap())
    for entry in (now, away, then):
        await outside.send(phone, entry)
    assert await judged(outside, patrol) == [set(), {INVALID}, set()]
    assert (await states(outside, patrol))[1] == REACHED


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_a_tap_counts_for_the_patrol_that_showed_it_first_in_whatever_order_they_arrive(
    outside: Outside, order: tuple[int, int], together: bool
) -> None:
    await demand(outside)
    await register(outside, tag := Tag())
    patrols, phones = [await outside.plan() for _ in range(2)], [outside.device() for _ in range(2)]
    outside.wait(minutes=20)
    copied = tag.tap()
    for patrol, phone in zip(patrols, phones, strict=True):
        read(outside, phone, patrol, "ice-gauge", copied)
        outside.wait(minutes=1)
    for which in order:
        batch = phones[which].batch(outside.clock.now())
        await outside.api.call(WORKER, "AppendEntries", batch=batch)
        if not together:
            outside.look()
    outside.look()
    assert [(await states(outside, each))[1] for each in patrols] == [REACHED, PENDING]
    assert [await judged(outside, each) for each in patrols] == [[set()], [{REUSED}]]
    # Who had the telephone of the first one since before that is not known: then the other one's counts.
    lost = {"lost_time": timestamp(outside.clock.now() - timedelta(minutes=30))}
    outside.announce(phones[0], version=2, **lost)
    outside.look()
    assert [(await states(outside, each))[1] for each in patrols] == [PENDING, REACHED]
    outside.announce(phones[0], version=3)
    outside.look()
    assert [(await states(outside, each))[1] for each in patrols] == [REACHED, PENDING]


async def test_a_tap_is_stored_before_or_after_others_of_its_tag_are_judged_and_not_meanwhile(
    outside: Outside, engine: Engine
) -> None:
    await demand(outside)
    code = await register(outside, tag := Tag())
    patrol, phone = await outside.plan(), outside.device()
    read(outside, phone, patrol, "ice-gauge", tag.tap())
    await outside.send(phone)
    with engine.begin() as judging, engine.begin() as storing:
        of = find_patrol(judging, PATROL.id(patrol.name))
        assert of is not None
        known = store.shown_on(judging, [of.id])[of.id].shown
        (shown,) = known.values()
        now = outside.clock.now()
        tap = Tap(entry=shown.entry, uid=code.uid, count=1, time=now, standing=Standing.KNOWN)
        store.update_taps(judging, [(of.id, tap, None)])
        storing.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            store.insert_shown(storing, [(b"another entry", of, shown.reading)])


async def test_what_was_read_long_ago_does_not_count_after_what_was_read_since(outside: Outside) -> None:
    await demand(outside)
    await register(outside, tag := Tag())
    kept = tag.tap()
    patrols, phones = [await outside.plan() for _ in range(2)], [outside.device() for _ in range(2)]
    outside.wait(minutes=15)
    read(outside, phones[0], patrols[0], "ice-gauge", tag.tap())
    outside.wait(minutes=10)
    read(outside, phones[1], patrols[1], "ice-gauge", kept)
    await outside.send(phones[1])
    assert (await states(outside, patrols[1]))[1] == REACHED
    await outside.send(phones[0])
    assert [(await states(outside, each))[1] for each in patrols] == [REACHED, PENDING]
    assert await judged(outside, patrols[1]) == [{REUSED}]


@pytest.mark.parametrize("seed", range(6))
async def test_taps_that_arrive_in_any_order_come_to_the_same(outside: Outside, seed: int) -> None:
    rng = random.Random(seed)
    await demand(outside)
    tags = [Tag(), Tag()]
    # Both hang at the gauge, each for one of the twins.
    later = timestamp(outside.clock.now() + timedelta(days=1))
    for tag in tags:
        await register(outside, tag, effective_time=later)
    taps = [[tag.tap() for _ in range(5)] for tag in tags]
    patrols = [[await outside.plan() for _ in range(3)] for _ in tags]
    phones = [[outside.device() for _ in range(3)] for _ in tags]
    for _ in range(8):
        outside.wait(minutes=rng.randrange(5), seconds=1 + rng.randrange(59))
        which, count = rng.randrange(3), rng.randrange(5)
        for twin in range(2):
            read(outside, phones[twin][which], patrols[twin][which], "ice-gauge", taps[twin][count])
    outside.wait(minutes=1)
    for twin in range(2):
        pieces = [(phone, each) for phone in phones[twin] for each in phone.entries]
        rng.shuffle(pieces)
        for phone, piece in [*pieces, *rng.choices(pieces, k=2)]:
            await outside.send(phone, piece)
    for one, other in zip(*patrols, strict=True):
        assert await judged(outside, one) == await judged(outside, other)
        assert await states(outside, one) == await states(outside, other)


async def test_many_patrols_that_show_taps_are_looked_at_by_the_statements_of_one(
    outside: Outside, engine: Engine
) -> None:
    await demand(outside)
    await register(outside, tag := Tag())
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    async def taken(patrols: int) -> int:
        for _ in range(patrols):
            planned, phone = await outside.plan(), outside.device()
            read(outside, phone, planned, "ice-gauge", tag.tap())
            batch = phone.batch(outside.clock.now())
            await outside.api.call(WORKER, "AppendEntries", batch=batch)
        statements.clear()
        outside.look()
        return len(statements)

    alone = await taken(1)
    outside.wait(minutes=1)
    assert await taken(12) == alone


async def test_who_strays_from_the_corridor_is_marked_and_goes_on(outside: Outside) -> None:
    route = Route(name=ROUTE, display_name="东段", checkpoints=map(checkpoint, PLACES), corridor_m=100)
    await outside.api.call(COMMANDER, "DefineRoute", route=route)
    patrol, phone = await outside.plan(), outside.device()
    outside.record(phone, patrol.name, "start", "pier")
    outside.check_in(phone, patrol.name, "pier")
    outside.wait(minutes=10)
    # Some 330 m north of the way to the gauge.
    at = phone.fix(124.395, 40.124, outside.clock.now())
    phone.record(outside.content(patrol.name, "track"), outside.clock.now(), position=at)
    outside.wait(minutes=10)
    outside.check_in(phone, patrol.name, "ice-gauge")
    await outside.send(phone)
    assert await judged(outside, patrol) == [set(), set(), {OFF_CORRIDOR}, set()]
    found = await outside.patrol(patrol.name)
    assert list(found.marks) == [OFF_CORRIDOR]
    assert [each.state for each in found.checkpoints] == [REACHED, REACHED, PENDING]
