"""How items did, over real gRPC and a real database."""

from __future__ import annotations

from onegrid.partyedu.v1.item_statistics_pb2 import ItemStatistics, SummarizeItemsResponse
from onegrid_kit.testing.callers import public

from .exams import NAME, ORDERING, POOL, Exam
from .line import Line
from .people import DISTRICT, STREET_DESK, SUPERVISOR

FIRST = f"pools/{POOL}/items/i0"


async def taken(exam: Exam, line: Line, number: int, *, knows: bool) -> None:
    """Somebody takes the quiz who knows everything, or nothing but the first item."""
    caller = public(f"taker{number}", DISTRICT)
    line.know(caller.user)
    await line.admit(user=caller.user)
    begun = await exam.start(caller)
    _, paper = await exam.get(begun.name, caller)
    right = exam.right(paper)
    first = {1: next(letter for letter in "ABC" if letter != right[1])} if knows else {1: right[1]}
    for slot, answer in ((right | first) if knows else first).items():
        await exam.save(begun.name, slot, answer, caller=caller)
    await exam.submit(begun.name, caller)


async def summary(exam: Exam) -> SummarizeItemsResponse:
    answer: SummarizeItemsResponse = await exam.api.call(STREET_DESK, "SummarizeItems", quiz=NAME)
    return answer


async def test_a_wrong_key_shows_by_who_is_said_to_be_right(exam: Exam, line: Line) -> None:
    for number in range(9):
        await taken(exam, line, number, knows=number % 3 > 0)
    # So few are persons, and no group.
    few = await summary(exam)
    assert (few.attempts, len(few.items)) == (9, 0)
    for number in range(9, 12):
        await taken(exam, line, number, knows=number % 3 > 0)
    found = await summary(exam)
    assert found.attempts == 12
    items = {each.item: each for each in found.items}
    first: ItemStatistics = items[FIRST]
    # Eight of twelve know everything, and are said to be wrong in this one.
    assert (first.shown, first.answered, first.facility_percent) == (12, 12, 33)
    assert first.discrimination_hundredths == -100
    chosen = {each.id: each.chosen for each in first.options}
    assert (chosen["louk7"], sum(chosen.values())) == (4, 12)
    second = items[f"pools/{POOL}/items/i1"]
    assert (second.answered, second.facility_percent) == (8, 67)
    assert second.discrimination_hundredths > 90
    assert {each.id: each.chosen for each in second.options} == {"louk1": 8, "louw4": 0, "louk2": 8, "louw5": 0}
    assert not any(each.options for each in found.items if each.kind == ORDERING)


async def test_how_items_did_is_for_editors_of_the_quiz(exam: Exam) -> None:
    assert (await exam.refused(SUPERVISOR, "SummarizeItems", quiz=NAME)).reason == "PERMISSION_DENIED"
    missing = await exam.refused(STREET_DESK, "SummarizeItems", quiz=f"{NAME}x")
    assert missing.reason == "NOT_FOUND"
