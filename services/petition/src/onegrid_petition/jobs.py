"""petition's timed work."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import product

from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection

from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.batches import Item
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.clock import day_in_china
from onegrid_kit.jobs import Job
from onegrid_kit.lifecycle import short_name
from onegrid_petition import lifecycle, metrics, queries, store
from onegrid_petition.commands import deadlines

__all__ = ["JOBS", "measure_petitions"]

_DAYS = 30
_INDEXED_AT_ONCE = 1000
_CLOCKS = {State.STATE_FILED: "accept"} | dict.fromkeys(
    (State.STATE_ACCEPTED, State.STATE_DISPATCHED, State.STATE_HANDLING), "conclude"
)


def measure_petitions(conn: Connection, now: datetime) -> None:
    """Measure how many petitions are open, whose clocks run out, and what became of the others lately."""
    found = queries.workload(conn, now)
    for state, tier in product(lifecycle.OPEN, queries.TIERS):
        count = sum(each.count for each in found if (each.state, each.tier) == (state, tier))
        metrics.OPEN.labels("petition", short_name(State, state), tier).set(count)
    for clock, tier, due in product(("accept", "conclude"), queries.TIERS, queries.DUE):
        count = sum(e.count for e in found if (_CLOCKS.get(e.state), e.tier, e.due) == (clock, tier, due))
        metrics.RUNNING_CLOCKS.labels("petition", clock, tier, due).set(count)
    today = day_in_china(now)
    for step, count in asdict(queries.summarize_all(conn, today - timedelta(days=_DAYS - 1), today)).items():
        metrics.TALLY.labels("petition", step).set(count)


def recompute_deadlines(conn: Connection, now: datetime) -> None:
    """Compute estimated deadlines again: a release may bring the calendar of another year."""
    for petition in store.petitions_with_estimates(conn):
        call = Call(caller=ANONYMOUS, now=now, method="recompute deadlines", resource=petition.name)
        decision = deadlines.recompute_deadline(petition, call)
        if decision is None:
            store.confirm_deadline(conn, petition)
        else:
            store.take_steps.run(conn, [Item(call, store.decision_row(decision), decision.event, Empty())])


def index_words(conn: Connection, _: datetime) -> None:
    """Index again what older releases indexed otherwise: once after an upgrade, and what their workers still did."""
    for petition in store.petitions_to_index(conn, _INDEXED_AT_ONCE):
        store.index_words(conn, petition)


JOBS = (
    Job("measure petitions", timedelta(seconds=15), measure_petitions, in_each_replica=True),
    Job("recompute deadlines", timedelta(hours=1), recompute_deadlines),
    Job("set clocks", timedelta(seconds=10), deadlines.set_clocks),
    Job("index words", timedelta(seconds=10), index_words),
)
