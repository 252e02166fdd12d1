"""Metrics of messages."""

from __future__ import annotations

from prometheus_client import Counter

__all__ = ["TEMPLATE_FALLBACKS"]

TEMPLATE_FALLBACKS = Counter(
    "onegrid_template_fallbacks_total",
    "Messages written by the shipped template because the district's own could not be filled in.",
    ("service", "event"),
)
