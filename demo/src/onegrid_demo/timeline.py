"""A petition's public timeline for a terminal of 80 columns."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_kit.clock import CHINA

__all__ = ["timeline_table"]


def timeline_table(timeline: pb.GetPublicTimelineResponse) -> Table:
    """A row an entry. Codes stay in one piece; Chinese text goes on in the next line."""
    title = f"{timeline.petition}  {timeline.organization}  ({State.Name(timeline.state)[6:]})"
    table = Table(title=title, box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("time", "action", "by", "state"):
        table.add_column(heading, no_wrap=True, overflow="ignore")
    table.add_column("office, note", overflow="fold")
    for entry in timeline.entries:
        office = entry.office_display_name or entry.office
        note = entry.public_note or "★" * entry.stars
        table.add_row(
            f"{entry.time.ToDatetime(tzinfo=CHINA).astimezone(CHINA):%H:%M:%S}",
            Action.Name(entry.action)[7:],
            Actor.Name(entry.actor)[6:],
            State.Name(entry.state)[6:],
            "\n".join(filter(None, (office, note))),
        )
    return table
