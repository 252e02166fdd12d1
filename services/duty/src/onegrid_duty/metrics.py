"""Metrics of duty. Every worker exports the same values for all of the district: take the highest."""

from __future__ import annotations

from prometheus_client import Gauge

__all__ = ["GAPS", "PAGES_OPEN", "PAGE_OLDEST_OPEN"]

GAPS = Gauge(
    "onegrid_duty_gaps",
    "Gaps of rosters, by reason (NOBODY, DISABLED, UNREACHABLE, ROLE_REFUSED) and by when they begin: now, within a "
    "day, later (within two weeks).",
    ("service", "reason", "begins"),
)
PAGES_OPEN = Gauge("onegrid_duty_pages_open", "Pages of the last 24 hours that nobody has acknowledged.", ("service",))
PAGE_OLDEST_OPEN = Gauge(
    "onegrid_duty_page_oldest_open_seconds",
    "Time since the first of these pages was raised; 0 without any.",
    ("service",),
)
