"""The metrics that services share, each defined once; what one service alone measures is in its own `metrics.py`.

Names follow Prometheus; labels are bounded, and each metric has the label `service`. None is called `job` or
`instance`: those are the scraper's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import prometheus_client
from prometheus_client import Counter, Gauge, Histogram
from sqlalchemy.pool import Pool, QueuePool

from onegrid_kit import tracing

prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LONG_SECONDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

RPC_SECONDS = Histogram(
    "onegrid_rpc_duration_seconds",
    "Time from a call's arrival to its answer, by its outcome.",
    ("service", "method", "code"),
    buckets=_SECONDS,
)
RPC_FAULTS = Counter(
    "onegrid_rpc_faults_total",
    "Calls that failed and whose caller is not to blame; each method has one from the start, so that the first counts.",
    ("service", "method"),
)
RPC_RUNNING = Gauge("onegrid_rpc_in_flight", "Calls and streams that are running.", ("service",))
HTTP_SECONDS = Histogram(
    "onegrid_http_duration_seconds",
    "Time from an HTTP request's arrival to its answer, by its status; 499 is a caller that went away.",
    ("service", "route", "method", "status"),
    buckets=_SECONDS,
)
HTTP_FAULTS = Counter(
    "onegrid_http_faults_total",
    "HTTP requests that failed and whose caller is not to blame; each route has one from the start.",
    ("service", "route", "method"),
)
HTTP_RUNNING = Gauge("onegrid_http_in_flight", "HTTP requests that are running.", ("service",))
TOKEN_LOOKUPS = Counter(
    "onegrid_token_lookups_total", "Access tokens presented, by how they were judged.", ("service", "outcome")
)
BACKGROUND_RESTARTS = Counter(
    "onegrid_background_restarts_total", "Background tasks that failed and were started again.", ("service", "task")
)
LOOP_LAG = Histogram(
    "onegrid_event_loop_lag_seconds",
    "How late the event loop woke up, asked four times a second.",
    ("service",),
    buckets=_SECONDS,
)
BATCH_SIZE = Histogram(
    "onegrid_batch_items",
    "How many waiting requests were stored or read together.",
    ("batch",),
    buckets=(1, 2, 4, 8, 16, 32, 64),
)
DATABASE_CONNECTIONS = Gauge(
    "onegrid_database_connections",
    "Connections of a pool, by whether they are used or idle.",
    ("service", "pool", "state"),
)
DATABASE_CONNECTIONS_MAX = Gauge(
    "onegrid_database_connections_max", "How many connections a pool may have.", ("service", "pool")
)
DATABASE_WAIT_SECONDS = Histogram(
    "onegrid_database_wait_seconds", "Time until a pool gave a connection.", ("service", "pool"), buckets=_SECONDS
)
DATABASE_HELD_SECONDS = Histogram(
    "onegrid_database_held_seconds",
    "Time that a connection was used for one transaction, read or batch.",
    ("service", "pool"),
    buckets=_SECONDS,
)
TRANSACTION_RETRIES = Counter(
    "onegrid_transaction_retries_total", "Transactions begun again after a conflict with another.", ("service",)
)
AUDIT_BLOCKS = Gauge("onegrid_audit_blocks", "Blocks of the audit trail.", ("service",))
OUTBOX_DEPTH = Gauge("onegrid_outbox_events", "Events stored and not yet carried.", ("service",))
OUTBOX_AGE = Gauge("onegrid_outbox_oldest_age_seconds", "Age of the oldest event not yet carried.", ("service",))
SUBSCRIBER_MISSING = Gauge(
    "onegrid_subscriber_queue_missing",
    "Whether the queue of a service that subscribes to events is missing, so that they are kept: 1 or 0.",
    ("service", "subscriber"),
)
EVENTS_RETURNED = Counter(
    "onegrid_events_returned_total",
    "Events that have subscribers and that the broker had no queue for; they are kept and tried again.",
    ("service", "type"),
)
RELAY_LEADER = Gauge("onegrid_relay_leader", "Whether this carrier is the active one: 1 or 0.", ("service",))
EVENTS_CARRIED = Counter("onegrid_events_carried_total", "Events carried from the outbox.", ("service", "type"))
CARRY_SECONDS = Histogram(
    "onegrid_event_carry_seconds",
    "Time from an event's storing until its carrier has brought it on.",
    ("service",),
    buckets=_LONG_SECONDS,
)
EVENT_AGE = Histogram(
    "onegrid_event_age_seconds",
    "Time from what an event tells of until a handler is given it: outbox, broker, queue and pauses together.",
    ("service",),
    buckets=_LONG_SECONDS,
)
EVENTS_HANDLED = Counter(
    "onegrid_events_handled_total",
    "Deliveries of events, by what became of them: handled, duplicate, failed (and tried again), parked, expired "
    "(deleted after it was parked for as long as it may be kept).",
    ("service", "handler", "outcome"),
)
HANDLER_SECONDS = Histogram(
    "onegrid_handler_duration_seconds",
    "Time that a handler took, well or not.",
    ("service", "handler"),
    buckets=_SECONDS,
)
HANDLER_RETRIES = Counter(
    "onegrid_handler_retries_total", "Deliveries that were tried again after a failure.", ("service", "handler")
)
EVENTS_PARKED = Gauge(
    "onegrid_parked_events", "Events whose handler kept failing, by whether it is still tried.", ("service", "state")
)
PARKED_AGE = Gauge(
    "onegrid_parked_oldest_age_seconds",
    "Time since the first failure of the oldest of them; 0 without any.",
    ("service", "state"),
)
JOB_RUNS = Counter("onegrid_job_runs_total", "Runs of timed jobs, by outcome.", ("service", "name", "outcome"))
JOB_SUCCESS = Gauge(
    "onegrid_job_last_success_timestamp_seconds",
    "When the job last ended well; the process's start until then.",
    ("service", "name"),
)
JOB_INTERVAL = Gauge("onegrid_job_interval_seconds", "How often the job is run.", ("service", "name"))
WORK = Gauge(
    "onegrid_stepped_work",
    "Works too large for one transaction that are not done, by state: running, stopped, failed.",
    ("service", "kind", "state"),
)
WORK_IDLE = Gauge(
    "onegrid_stepped_work_idle_seconds",
    "Time since the last step of the running work that was stepped longest ago; 0 without any.",
    ("service", "kind"),
)
WORK_ROWS = Counter("onegrid_stepped_work_rows_total", "Rows that steps have done.", ("service", "kind"))
STEPS = Counter("onegrid_steps_total", "Steps of such work, by outcome: done, failed.", ("service", "kind", "outcome"))
LADDER_LATE = Histogram(
    "onegrid_ladder_late_seconds",
    "How long after it was due the rung of a deadline was climbed.",
    ("service", "kind"),
    buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0),
)
LADDER_DUE = Gauge(
    "onegrid_ladder_oldest_due_seconds",
    "For how long the rung has been due that is due longest and was not climbed; 0 if none is.",
    ("service", "kind"),
)
LADDER_FAILURES = Counter(
    "onegrid_ladder_failures_total", "Rungs that failed, and are tried again.", ("service", "kind")
)
FIELD_ENTRIES = Counter(
    "onegrid_field_entries_total",
    "Entries of the field log that devices sent, by what became of them: STORED, REPEATED, CONFLICT, REFUSED.",
    ("service", "outcome"),
)
SENDINGS_WAITING = Gauge(
    "onegrid_sendings_waiting",
    "Sendings to outside systems that wait, by channel and lane: critical, urgent, normal, bulk.",
    ("service", "channel", "lane"),
)
SENDINGS_LATE = Gauge(
    "onegrid_sendings_oldest_due_seconds",
    "Time since the longest waiting of them was due; 0 while none is.",
    ("service", "channel", "lane"),
)
SENDINGS_UNRESOLVED = Gauge(
    "onegrid_sendings_unresolved",
    "Sendings that have failed, whose outcome is unknown, or of which the service has not heard what was learned, by "
    "that: failed, unknown, unconcluded.",
    ("service", "state"),
)
SENDINGS_DROPPED = Counter(
    "onegrid_sendings_dropped_total", "Sendings that were not sent, by the reason.", ("service", "channel", "code")
)
SENDINGS_DEFERRED = Counter(
    "onegrid_sendings_deferred_total",
    "Times that a sending had to wait for a provider's limit, by what that counts: provider, address, template.",
    ("service", "provider", "scope"),
)
SENDING_ATTEMPTS = Counter(
    "onegrid_sending_attempts_total",
    "Calls of providers, by outcome: accepted, retryable, failed, unknown.",
    ("service", "provider", "outcome"),
)
SENDING_CALL_SECONDS = Histogram(
    "onegrid_sending_call_seconds",
    "Time that a provider's call took, well or not.",
    ("service", "provider"),
    buckets=_LONG_SECONDS,
)
SENDING_FAULTS = Counter(
    "onegrid_sending_faults_total",
    "Failures of a service's own part in sending: prepare, concluded.",
    ("service", "part"),
)
STREAMS = Gauge("onegrid_streams", "Watchers that are connected.", ("service",))
DELIVERIES = Counter(
    "onegrid_deliveries_total",
    "Messages to people that were handed on, by channel and outcome: sent, failed.",
    ("service", "channel", "outcome"),
)
NEEDS_MET = Gauge(
    "onegrid_need_met", "Whether a process has what it needs to be ready: 1 or 0.", ("service", "role", "need")
)
CERTIFICATE_EXPIRY = Gauge(
    "onegrid_certificate_expiry_timestamp_seconds",
    "When the certificate ends that the next caller is shown; 0 if its file can't be read. With TLS only.",
    ("service",),
)
BUILD = Gauge("onegrid_build_info", "1, and what runs here.", ("service", "role", "version"))


@dataclass(frozen=True, slots=True)
class Use:
    """Where the users of a pool record how long they waited for a connection, and held it."""

    wait: Histogram
    held: Histogram


def pool_use(service: str, name: str, pool: Pool) -> Use:
    """Export how many connections of a pool are in use."""
    observe_pool(service, name, pool)
    return _times(service, name)


def observe_pool(service: str, name: str, pool: Pool) -> None:
    """The same, for a pool whose users record nothing themselves."""
    if not isinstance(pool, QueuePool):
        raise TypeError(f"{type(pool).__name__} does not report its use")
    _observe(service, name, pool.checkedout, pool.checkedin, pool.size)


def dedicated_use(service: str, busy: Callable[[], Sequence[bool]]) -> Use:
    """The same of connections that each have work of their own; `busy` returns for each whether it is working."""
    _observe(service, "line", lambda: sum(busy()), lambda: busy().count(False), lambda: len(busy()))
    return _times(service, "line")


def _observe(
    service: str, name: str, used: Callable[[], int], idle: Callable[[], int], most: Callable[[], int]
) -> None:
    DATABASE_CONNECTIONS.labels(service, name, "used").set_function(used)
    DATABASE_CONNECTIONS.labels(service, name, "idle").set_function(idle)
    DATABASE_CONNECTIONS_MAX.labels(service, name).set_function(most)


def _times(service: str, name: str) -> Use:
    return Use(DATABASE_WAIT_SECONDS.labels(service, name), DATABASE_HELD_SECONDS.labels(service, name))


def exemplar(traceparent: str) -> dict[str, str] | None:
    """What leads from a sample to its trace, if that is kept."""
    return {"trace_id": traceparent[3:35]} if tracing.sampled(traceparent) else None
