"""Metrics of messages, and of escalations: of these every worker exports the same values, the highest counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = ["RUNG_LATE", "TEMPLATE_FALLBACKS"]

TEMPLATE_FALLBACKS = Counter(
    "onegrid_template_fallbacks_total",
    "Messages written by the shipped template because the district's own could not be filled in.",
    ("service", "event"),
)
RUNG_LATE = Gauge(
    "onegrid_rung_late_seconds",
    "For how long the rung of an urgent notice has been due that is most late and not through; 0 if none is.",
    ("service",),
)
