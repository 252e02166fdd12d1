"""What readers find in their inboxes, and how far a notice reached, for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onegrid.notify.v1.resources_pb2 import InboxItem, Reach, Share
from onegrid_kit.clock import CHINA

__all__ = ["inbox_table", "reach_table"]


def inbox_table(title: str, items: Sequence[InboxItem]) -> Table:
    """A row an item, the oldest first."""
    table = _table(title, "time", "read")
    table.add_column("title", overflow="fold")
    for item in reversed(items):
        moment = item.create_time.ToDatetime(tzinfo=CHINA).astimezone(CHINA)
        table.add_row(f"{moment:%H:%M:%S}", "READ" if item.HasField("read_time") else "NEW", item.title)
    return table


def reach_table(title: str, places: Sequence[Reach]) -> Table:
    """A row a place."""
    table = _table(title, "place", "received", "read", "confirmed")
    for reach in places:
        table.add_row(reach.place, *map(_share, (reach.received, reach.read, reach.confirmed)))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0), min_width=40)
    for heading in headings:
        table.add_column(heading, no_wrap=True, overflow="ignore")
    return table


def _share(of: Share) -> str:
    return f"{of.numerator} of {of.denominator}"
