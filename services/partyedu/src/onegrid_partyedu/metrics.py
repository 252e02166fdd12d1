"""Metrics of organizations, members and meetings. Every worker exports the same gauges for all districts: take the
highest.
"""

from __future__ import annotations

from prometheus_client import Gauge

__all__ = [
    "ELECTIONS_OVERDUE",
    "ELECTION_OLDEST",
    "GUIDANCE_OLDEST",
    "GUIDANCE_OVERDUE",
    "MEETINGS_LATE",
    "MEETINGS_OVERDUE",
    "PROBATIONS_OVERDUE",
    "TRANSFERS_WAITING",
    "TRANSFER_OLDEST",
]

ELECTIONS_OVERDUE = Gauge(
    "onegrid_party_elections_overdue", "Organizations whose term has ended without an election.", ("service",)
)
ELECTION_OLDEST = Gauge(
    "onegrid_party_election_oldest_overdue_seconds",
    "For how long the first of them should have elected; 0: there is none.",
    ("service",),
)
PROBATIONS_OVERDUE = Gauge(
    "onegrid_party_probations_overdue",
    "Members whose probation ended a month ago or longer, and who were neither confirmed nor extended.",
    ("service",),
)
TRANSFERS_WAITING = Gauge(
    "onegrid_party_transfers_waiting", "Transfers of members that wait for the other side.", ("service",)
)
TRANSFER_OLDEST = Gauge(
    "onegrid_party_transfer_oldest_waiting_seconds",
    "For how long the oldest of them has waited; 0: there is none.",
    ("service",),
)
MEETINGS_OVERDUE = Gauge(
    "onegrid_party_meetings_overdue",
    "Branches that should have held a meeting of a kind, and have not.",
    ("service", "kind"),
)
MEETINGS_LATE = Gauge(
    "onegrid_party_meetings_late_ratio",
    "Share of a district's branches that should have held a meeting of a kind a month ago or longer, and have not; of "
    "the district where it is most.",
    ("service", "kind"),
)
GUIDANCE_OVERDUE = Gauge(
    "onegrid_party_guidance_overdue", "Guidance tasks that organizations have not done in time.", ("service",)
)
GUIDANCE_OLDEST = Gauge(
    "onegrid_party_guidance_oldest_overdue_seconds",
    "For how long the first of them has been due; 0: there is none.",
    ("service",),
)
