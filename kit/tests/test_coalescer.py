"""Requests of one moment share a flush, not their failures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from onegrid_kit.coalescer import Coalescer
from onegrid_kit.errors import OutcomeUnknown, Unavailable
from onegrid_kit.testing.waiting import HANG_S

pytestmark = pytest.mark.asyncio


class Flushes:
    """Answers numbers with their doubles; what it was asked is kept."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.error: Exception | None = None

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.batches.append(list(items))
        await asyncio.sleep(0.01)
        if self.error:
            raise self.error
        if 13 in items:
            raise ValueError("13")
        return [LookupError() if item == 7 else item * 2 for item in items]


async def test_what_waits_is_flushed_together_and_at_most_so_much() -> None:
    flushes = Flushes()
    coalescer = Coalescer("test", flushes, most=10, flushes=2)
    assert await asyncio.gather(*(coalescer.submit(n) for n in range(20, 60))) == list(range(40, 120, 2))
    assert len(flushes.batches) <= 5
    assert max(map(len, flushes.batches)) == 10


async def test_a_lone_item_does_not_wait_for_company() -> None:
    assert await asyncio.wait_for(Coalescer("test", Flushes()).submit(1), HANG_S) == 2


async def test_a_bad_item_fails_alone() -> None:
    coalescer = Coalescer("test", Flushes(), flushes=1)
    results = await asyncio.gather(*(coalescer.submit(n) for n in (1, 7, 13, 20)), return_exceptions=True)
    assert [type(result) for result in results] == [int, LookupError, ValueError, int]


@pytest.mark.parametrize("error", [Unavailable(), OutcomeUnknown()])
async def test_when_the_database_is_away_no_item_is_tried_alone(error: Exception) -> None:
    flushes = Flushes()
    flushes.error = error
    coalescer = Coalescer("test", flushes, flushes=1)
    results = await asyncio.gather(*(coalescer.submit(n) for n in range(30)), return_exceptions=True)
    assert results == [error] * 30
    assert len(flushes.batches) == 1


async def test_an_answer_too_few_is_an_error_and_not_a_wait_without_end() -> None:
    async def forgetful(items: Sequence[int]) -> Sequence[int]:
        return list(items)[1:]

    with pytest.raises(ValueError, match="shorter"):
        await asyncio.wait_for(Coalescer("test", forgetful).submit(1), HANG_S)


async def test_who_goes_away_does_not_take_the_item_with_him() -> None:
    flushes = Flushes()
    coalescer = Coalescer("test", flushes, flushes=1)
    leaving = coalescer.submit(3)
    await asyncio.sleep(0.001)
    leaving.cancel()
    assert await coalescer.submit(4) == 8
    assert [3] in flushes.batches
