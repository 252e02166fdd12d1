"""What patrols record: the content of their entries, read and refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from onegrid.border.v1.records_pb2 import PatrolRecord
from onegrid.field.v1.field_pb2 import Entry
from onegrid_border.patrol_log import Recorded
from onegrid_kit.field.contents import content_in
from onegrid_kit.field.log import Log
from onegrid_kit.field.model import Claim, logged

__all__ = ["BEFORE", "record_in", "record_of", "recorded_in", "texts_of"]

BEFORE: Final = timedelta(days=1)
"""How long before its planned start something may be recorded of a patrol."""


def record_in(entry: Entry) -> PatrolRecord:
    """What was recorded by an entry that has just come. Raises EntryRefused for what is no record, or breaks a rule of
    the contract.
    """
    return content_in(entry, PatrolRecord)


def record_of(entry: Entry) -> PatrolRecord:
    """What was recorded by an entry of the log."""
    return PatrolRecord.FromString(entry.content.value)


def recorded_in(log: Log) -> list[Recorded]:
    """What the entries of a patrol's log say."""
    recorded = []
    for each in log.entries:
        record = record_of(each.entry)
        entry = logged(each.entry, each.hash, claim=_claim_of(record), conflicted=each.conflicted)
        recorded.append(Recorded(entry, record))
    return recorded


def _claim_of(record: PatrolRecord) -> Claim | None:
    return Claim(record.check_in.checkpoint) if record.HasField("check_in") else None


def texts_of(record: PatrolRecord) -> Iterator[tuple[str, str]]:
    """The free texts of a record, by their paths."""
    if record.HasField("pause"):
        yield "content.pause.reason", record.pause.reason
    if record.HasField("call_for_help"):
        yield "content.call_for_help.text", record.call_for_help.text
    if record.HasField("observe"):
        yield "content.observe.text", record.observe.text
