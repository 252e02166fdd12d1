"""Metrics of patrols themselves. Every worker exports the same gauges for all of the district: take the highest."""

from __future__ import annotations

from prometheus_client import Gauge

__all__ = ["ALARMS_OPEN", "ALARM_OLDEST_OPEN", "PATROLS_OUT"]

PATROLS_OUT = Gauge("onegrid_patrols_out", "Patrols that have started and are not over.", ("service",))
ALARMS_OPEN = Gauge(
    "onegrid_patrol_alarms_open",
    "Alarms that nobody looks after, by kind: CALL_FOR_HELP, WELFARE_UNANSWERED, CHECK_IN_OVERDUE, NOT_STARTED.",
    ("service", "kind"),
)
ALARM_OLDEST_OPEN = Gauge(
    "onegrid_patrol_alarm_oldest_open_seconds",
    "For how long the oldest of them has been raised; 0: there is none.",
    ("service", "kind"),
)
