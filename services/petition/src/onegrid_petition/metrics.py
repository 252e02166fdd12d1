"""Metrics of petitions themselves. Every worker exports the same values for all of the district: take the highest."""

from __future__ import annotations

from prometheus_client import Gauge

__all__ = ["OPEN", "RUNNING_CLOCKS", "TALLY"]

OPEN = Gauge(
    "onegrid_petitions_open",
    "Petitions that have not ended, by state and by the tier of the office that answers for them.",
    ("service", "state", "tier"),
)
RUNNING_CLOCKS = Gauge(
    "onegrid_petition_clocks",
    "Petitions that wait to be accepted or concluded, by the tier that answers for them and when that is due: "
    "overdue, within a day, later. What is due is the legal limit, or what was promised if that is sooner.",
    ("service", "clock", "tier", "due"),
)
TALLY = Gauge(
    "onegrid_petitions_30_days",
    "What became of petitions in the last 30 days: filed, accepted, declined, concluded, rated, satisfied, reopened.",
    ("service", "step"),
)
