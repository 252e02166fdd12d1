"""What other systems publish for their departments (部门数据)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An opening, a permit, a measurement."""

    source_id: str
    source_time: datetime
    title: str
    text: str = ""
    place: str
    """The code of the place that it concerns."""
    uri: str = ""
    deleted: bool = False
