"""What the log of a round comes to: where it stands, who walks it, how much was seen.

A pure function of the set of entries and of the moment; the order in which entries arrive does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid.grid.v1.rounds_pb2 import RoundState
from onegrid_grid.inspection_round import Round
from onegrid_kit.field.judging import judge
from onegrid_kit.field.model import DeviceLog, JudgedEntry, Logged

__all__ = ["Log", "Recorded", "judged"]

_WALKS: Final = frozenset({"start", "visit", "find"})
"""What begins a round: whoever visits something has started, though the entry that says so may be lost."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry, and what was recorded by it."""

    entry: Logged
    record: RoundRecord


@dataclass(frozen=True, slots=True)
class Log:
    """All that was recorded of a round, and what is known of the devices."""

    recorded: Sequence[Recorded]
    devices: Mapping[str, DeviceLog]


def judged(round_: Round, log: Log, now: datetime) -> tuple[Round, tuple[JudgedEntry, ...]]:
    """The round as its log has it at this moment, and its entries by their judged times."""
    judgement = judge([each.entry for each in log.recorded], log.devices, now)
    kinds = {each.entry.hash: each.record.WhichOneof("record") for each in log.recorded}
    told = [(each, kinds[each.entry.hash]) for each in judgement.entries if each.counts]
    steps = [(each, kind) for each, kind in told if kind in _WALKS or kind == "finish"]
    walked = [each for each, kind in steps if kind in _WALKS]
    last, last_kind = steps[-1] if steps else (None, None)
    finish_time = last.time if last and last_kind == "finish" else None
    after = replace(
        round_,
        state=RoundState.ROUND_STATE_FINISHED if finish_time else RoundState.ROUND_STATE_UNDERWAY,
        worker=told[0][0].entry.author if told else "",
        start_time=walked[0].time if walked else None,
        finish_time=finish_time,
        entry_time=max((each.time for each, _ in told), default=None),
        entries=len(judgement.entries),
        visits=sum(kind == "visit" for _, kind in told),
        findings=sum(kind == "find" for _, kind in told),
        track_m=round(judgement.coverage.track_m),
        duration=told[-1][0].time - told[0][0].time if told else round_.duration,
        marks=tuple(sorted({mark for each in judgement.entries for mark in each.marks})),
        devices=tuple(sorted({each.entry.device_key for each in judgement.entries})),
    )
    return after, judgement.entries
