"""Items of checklists, of plans and of drills, that are ticked."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_emergency.plan import Item
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest

__all__ = ["ticked"]


def ticked(name: str, items: Sequence[Item], number: int, call: Call, *, untick: bool) -> tuple[Item, tuple[Item, ...]]:
    """The item of that number, ticked by the caller or with its tick taken back, and all items then. Raises
    InvalidRequest if what is called `name` has no such item.
    """
    if not 0 < number <= len(items):
        raise InvalidRequest(FieldViolation("number", f"{name} has {len(items)} items"))
    before = items[number - 1]
    after = before.unticked() if untick else before.ticked(call.caller.user, call.now)
    return after, (*items[: number - 1], after, *items[number:])
