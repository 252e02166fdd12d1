"""notify's timed work."""

from __future__ import annotations

from datetime import timedelta

from onegrid_kit.jobs import Job
from onegrid_notify.commands import addresses, aid, articles, deliveries, escalation, inboxes, messages, people

__all__ = ["JOBS"]

JOBS = (
    Job("forget where people belonged", timedelta(minutes=10), people.forget_past),
    Job("forget disabled accounts", timedelta(minutes=10), people.forget_disabled),
    Job("open articles", timedelta(seconds=1), articles.open_due),
    Job("enter rungs", timedelta(seconds=10), escalation.enter_missing),
    Job("measure rungs", timedelta(seconds=15), escalation.measure_rungs, in_each_replica=True),
    Job("delete expired messages", timedelta(minutes=1), messages.delete_expired),
    Job("delete closed requests for aid", timedelta(hours=1), aid.delete_closed),
    Job("delete unverified addresses", timedelta(minutes=10), addresses.delete_unverified),
    Job("forget digests", timedelta(minutes=10), deliveries.forget_digests),
    Job("forget signals", timedelta(minutes=10), inboxes.forget_signals),
)
