"""Swaps over gRPC: both sides agree, or nothing changes."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import administrator, staff
from onegrid_kit.testing.events import announced_as, forget_announced

from .rostering import A_DAY, ADMIN, DISTRICT, HANDOFF, LI, READER, ROSTER, START, WANG, ZHANG, define, rotation, shifts

TOMORROW, AFTER = HANDOFF + A_DAY, HANDOFF + A_DAY * 2


def who(name: str) -> Caller:
    return staff(name, BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)


WANG_CALLS, LI_CALLS, ZHANG_CALLS = (who(name) for name in ("wang", "li", "zhang"))


async def named(api: Serving, number: int) -> str:
    """A shift to come: 0 is the current one, Li's; 1 is Wang's of tomorrow, 2 Li's after that."""
    name: str = (await api.call(READER, "ListShifts", roster=ROSTER)).shifts[number].name
    return name


async def propose(api: Serving, by: Caller = WANG_CALLS, number: int = 1, **more: object) -> resources_pb2.Swap:
    values = {"shift": await named(api, number), "partner": LI, **more}
    swap: resources_pb2.Swap = (await api.call(by, "ProposeSwap", **values)).swap
    return swap


async def refused(call: object) -> str:
    with pytest.raises(Refused) as error:
        await call  # type: ignore[misc]
    return error.value.reason


async def test_shifts_are_exchanged_when_the_colleague_agrees_and_not_before(api: Serving, engine: Engine) -> None:
    await define(api)
    forget_announced(engine)
    swap = await propose(api, partner_shift=await named(api, 2), note="家中有事")
    assert (swap.state, swap.partner_shift.user) == (resources_pb2.SWAP_STATE_PROPOSED, LI)
    plain = [(LI, START, TOMORROW), (WANG, TOMORROW, AFTER), (LI, AFTER, AFTER + A_DAY)]
    assert await shifts(api, START, AFTER + A_DAY) == plain
    (proposed,) = announced_as(engine, events_pb2.SwapProposed)
    assert (proposed.swap, proposed.roster_display_name) == (swap, "指挥中心值班")
    accepted = (await api.call(LI_CALLS, "AcceptSwap", name=swap.name)).swap
    assert accepted.state == resources_pb2.SWAP_STATE_ACCEPTED
    assert await shifts(api, START, AFTER + A_DAY) == [
        (LI, START, TOMORROW),
        (LI, TOMORROW, AFTER),
        (WANG, AFTER, AFTER + A_DAY),
    ]
    changed = announced_as(engine, events_pb2.ShiftChanged)
    assert [(each.former_user, each.shift.user) for each in changed] == [(WANG, LI), (LI, WANG)]
    assert {each.shift.source for each in changed} == {resources_pb2.SHIFT_SOURCE_SWAP}
    assert [each.swap for each in announced_as(engine, events_pb2.SwapAccepted)] == [accepted]
    assert list((await api.call(READER, "ListSwaps", roster=ROSTER)).swaps) == [accepted]


async def test_a_colleague_may_take_a_shift_for_nothing(api: Serving) -> None:
    await define(api)
    swap = await propose(api)
    await api.call(LI_CALLS, "AcceptSwap", name=swap.name)
    assert (await shifts(api, TOMORROW, AFTER))[0][0] == LI


async def test_a_swap_is_decided_once_by_whom_it_is_for_them_to_decide(api: Serving, engine: Engine) -> None:
    await define(api)
    swap = await propose(api)
    for by, method in ((WANG_CALLS, "AcceptSwap"), (ZHANG_CALLS, "DeclineSwap"), (LI_CALLS, "WithdrawSwap")):
        assert await refused(api.call(by, method, name=swap.name)) == "PERMISSION_DENIED"
    declined = (await api.call(LI_CALLS, "DeclineSwap", name=swap.name)).swap
    assert declined.state == resources_pb2.SWAP_STATE_DECLINED
    for by, method in ((LI_CALLS, "AcceptSwap"), (LI_CALLS, "DeclineSwap"), (WANG_CALLS, "WithdrawSwap")):
        assert await refused(api.call(by, method, name=swap.name)) == "SWAP_DECIDED"
    other = await propose(api)
    withdrawn = (await api.call(WANG_CALLS, "WithdrawSwap", name=other.name)).swap
    assert withdrawn.state == resources_pb2.SWAP_STATE_WITHDRAWN
    assert (await shifts(api, TOMORROW, AFTER))[0][0] == WANG
    assert (
        len(announced_as(engine, events_pb2.SwapDeclined)) == len(announced_as(engine, events_pb2.SwapWithdrawn)) == 1
    )


async def test_nobody_gives_away_what_is_not_theirs(api: Serving) -> None:
    await define(api)
    assert await refused(propose(api, LI_CALLS)) == "PERMISSION_DENIED"
    nothing = f"shifts/{DISTRICT}-command-centre-{'0' * 20}"
    assert await refused(api.call(WANG_CALLS, "ProposeSwap", shift=nothing, partner=LI)) == "PERMISSION_DENIED"
    # Zhang takes no turns there; Wang's own shift is not Li's; the current one has begun.
    assert await refused(propose(api, partner=ZHANG)) == "SWAP_IMPOSSIBLE"
    assert await refused(propose(api, partner=WANG)) == "SWAP_IMPOSSIBLE"
    assert await refused(propose(api, partner_shift=await named(api, 3))) == "SWAP_IMPOSSIBLE"
    assert await refused(propose(api, LI_CALLS, 0, partner=WANG)) == "SWAP_IMPOSSIBLE"
    assert await refused(propose(api, partner_shift=nothing)) == "SWAP_IMPOSSIBLE"


async def test_a_swap_of_what_has_changed_or_begun_meanwhile_is_not_made(api: Serving, clock: SettableClock) -> None:
    await define(api)
    swap, other = await propose(api), await propose(api, number=3)
    clock.set(TOMORROW)
    assert await refused(api.call(LI_CALLS, "AcceptSwap", name=swap.name)) == "SWAP_IMPOSSIBLE"
    await define(api, rotations=[rotation(ZHANG, LI)])
    assert await refused(api.call(LI_CALLS, "AcceptSwap", name=other.name)) == "SWAP_IMPOSSIBLE"


async def test_a_swap_leaves_who_guarantees_for_the_role(api: Serving, engine: Engine) -> None:
    await define(api, ADMIN, role="roles/commander")
    forget_announced(engine)
    await api.call(LI_CALLS, "AcceptSwap", name=(await propose(api)).name)
    (changed,) = announced_as(engine, events_pb2.ShiftChanged)
    assert (changed.shift.user, changed.authority.definer) == (LI, administrator("admin", DISTRICT).user)
