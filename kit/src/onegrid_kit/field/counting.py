"""Counting what becomes of the entries that devices send."""

from __future__ import annotations

from collections import Counter

from onegrid.field.v1.field_pb2 import BatchResult, Outcome
from onegrid_kit import metrics
from onegrid_kit.lifecycle import short_name

__all__ = ["begin_counting", "count_entries"]


def begin_counting(service: str) -> None:
    """Export zeros before anything has been sent."""
    for outcome in filter(None, Outcome.values()):
        metrics.FIELD_ENTRIES.labels(service, short_name(Outcome, outcome))


def count_entries(service: str, result: BatchResult) -> None:
    """Count the entries of a batch once what became of them is stored."""
    for outcome, count in Counter(each.outcome for each in result.results).items():
        metrics.FIELD_ENTRIES.labels(service, short_name(Outcome, outcome)).inc(count)
