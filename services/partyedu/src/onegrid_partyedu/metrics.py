"""Metrics of organizations and members. Every worker exports the same gauges for all of the district: take the
highest.
"""

from __future__ import annotations

from prometheus_client import Gauge

__all__ = ["ELECTIONS_OVERDUE", "ELECTION_OLDEST", "PROBATIONS_OVERDUE", "TRANSFERS_WAITING", "TRANSFER_OLDEST"]

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
