"""How the items of checklists are stored with what they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from onegrid_emergency.plan import Item

__all__ = ["items_json", "items_of"]


def items_json(items: Sequence[Item]) -> list[dict[str, Any]]:
    """The items as they are stored."""
    return [{**asdict(item), "tick_time": item.tick_time and item.tick_time.isoformat()} for item in items]


def items_of(stored: Sequence[dict[str, Any]]) -> tuple[Item, ...]:
    """The items that are stored."""
    return tuple(Item(**{**each, "tick_time": _time(each["tick_time"])}) for each in stored)


def _time(stored: str | None) -> datetime | None:
    return datetime.fromisoformat(stored) if stored else None
