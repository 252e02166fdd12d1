"""Every metric of the platform, each defined once. Names follow Prometheus; labels are bounded."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

RPC_SECONDS = Histogram(
    "onegrid_rpc_duration_seconds",
    "Time from a call's arrival to its answer, by its outcome.",
    ("service", "method", "code"),
    buckets=_SECONDS,
)
RPC_RUNNING = Gauge("onegrid_rpc_in_flight", "Calls and streams that are running.", ("service",))
TOKEN_LOOKUPS = Counter(
    "onegrid_token_lookups_total", "Access tokens presented, by how they were judged.", ("service", "outcome")
)
BACKGROUND_RESTARTS = Counter(
    "onegrid_background_restarts_total", "Background tasks that failed and were started again.", ("service", "task")
)
LOOP_LAG = Gauge("onegrid_event_loop_lag_seconds", "How late the event loop woke up, the last time it was asked.")
BATCH_SIZE = Histogram(
    "onegrid_batch_items",
    "How many waiting requests were stored or read together.",
    ("batch",),
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
TRANSACTION_RETRIES = Counter(
    "onegrid_transaction_retries_total", "Transactions begun again after a conflict with another.", ("service",)
)
OUTBOX_DEPTH = Gauge("onegrid_outbox_events", "Events stored and not yet carried.", ("service",))
OUTBOX_AGE = Gauge("onegrid_outbox_oldest_age_seconds", "Age of the oldest event not yet carried.", ("service",))
EVENTS_CARRIED = Counter("onegrid_events_carried_total", "Events carried from the outbox.", ("service", "type"))
EVENTS_HANDLED = Counter(
    "onegrid_events_handled_total",
    "Deliveries of events, by what became of them: handled, duplicate, failed.",
    ("service", "handler", "outcome"),
)
EVENTS_PARKED = Gauge(
    "onegrid_parked_events", "Events whose handler kept failing, by whether it is still tried.", ("service", "state")
)
JOB_RUNS = Counter("onegrid_job_runs_total", "Runs of timed jobs, by outcome.", ("service", "job", "outcome"))
STREAMS = Gauge("onegrid_streams", "Watchers that are connected.", ("service",))
