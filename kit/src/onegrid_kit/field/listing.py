"""Lists of judged entries, by the time at which they were made."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeAlias

from onegrid_kit.field.model import JudgedEntry
from onegrid_kit.locations import point
from onegrid_kit.paging import Position
from onegrid_kit.timestamps import timestamp

__all__ = ["Place", "fields_of", "page_of"]

Place: TypeAlias = tuple[datetime, str, int, str]
"""Where an entry stands in a list."""


def page_of(entries: Iterable[JudgedEntry], after: Position, limit: int) -> list[tuple[Place, JudgedEntry]]:
    """The next of these entries behind a position, at most so many, each with its own."""
    placed = sorted(((_place_of(each), each) for each in entries), key=lambda one: one[0])
    return [one for one in placed if one[0] > after][:limit]


def fields_of(entry: JudgedEntry) -> dict[str, Any]:
    """What a service's message of a judged entry says of it, beside what was recorded."""
    return {
        "entry_id": entry.entry.entry_id,
        "device_key": entry.entry.device_key,
        "counter": entry.entry.counter,
        "author": entry.entry.author,
        "time": timestamp(entry.time),
        "anchored": entry.anchored,
        "device_time": timestamp(entry.entry.device_time),
        "position": point(entry.location),
        "marks": entry.marks,
    }


def _place_of(each: JudgedEntry) -> Place:
    return each.time, each.entry.device_key, each.entry.counter, each.entry.hash.hex()
