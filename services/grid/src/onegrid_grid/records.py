"""What grid workers record: the content of their entries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from onegrid.field.v1.field_pb2 import Entry
from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid_grid.round_log import Recorded
from onegrid_kit.field.log import Log
from onegrid_kit.field.model import logged

__all__ = ["BEFORE", "record_of", "recorded_in", "texts_of"]

BEFORE: Final = timedelta(days=1)
"""How long before the first entry of a round has arrived its devices may have told of it."""


def record_of(entry: Entry) -> RoundRecord:
    """What was recorded by an entry of the log."""
    return RoundRecord.FromString(entry.content.value)


def recorded_in(log: Log) -> list[Recorded]:
    """What the entries of a round's log say."""
    return [
        Recorded(logged(each.entry, each.hash, conflicted=each.conflicted), record_of(each.entry))
        for each in log.entries
    ]


def texts_of(record: RoundRecord) -> Iterator[tuple[str, str]]:
    """The free texts of a record, by their paths."""
    if record.HasField("visit"):
        yield "content.visit.display_name", record.visit.display_name
        yield "content.visit.note", record.visit.note
    if record.HasField("find"):
        yield "content.find.text", record.find.text
