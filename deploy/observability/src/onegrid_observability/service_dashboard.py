"""The dashboard of one service, made from what it promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from onegrid_observability.objectives import Objective, Promises
from onegrid_observability.panels import Board, Row, bars, curves, number

__all__ = ["of_service"]


def of_service(promises: Promises) -> Board:
    """The dashboard of one service: its objectives and its state."""
    service = promises.service
    title = f"OneGrid · {service}"
    rows = [
        Row("Objectives", list(_objectives(promises.objectives))),
        Row("Calls", list(_calls(promises))),
        Row("Processes", list(_processes(service))),
        Row("Events", list(_events(service))),
    ]
    if promises.sender:
        rows.append(Row("Calls to outside systems", list(_sendings(service))))
    if promises.panels:
        rows.append(Row(f"Only {service}", [_own(panel) for panel in promises.panels]))
    return Board(f"onegrid-{service}", title, f"The objectives of {service}, and its state.", rows, service)


def _objectives(objectives: Sequence[Objective]) -> Iterator[Builder[Panel]]:
    service = objectives[0].service
    yield curves(
        "How fast the budgets burn",
        (f'objective:onegrid_errors:burn_rate6h{{service="{service}"}}', "{{objective}}"),
        limit=1,
        width=12,
        about="Over six hours. At 1, a budget for 30 days lasts 30 days.",
    )
    yield curves(
        "Share of errors",
        (f'objective:onegrid_errors:ratio_rate5m{{service="{service}"}}', "{{objective}}"),
        unit="percentunit",
        width=12,
        about="Over five minutes.",
    )
    for objective in objectives:
        bad, total = (text.replace("$window", "30d") for text in (objective.bad, objective.total))
        yield number(
            objective.promise,
            f"1 - ({bad}) / ({total} > 0) / {objective.budget:g}",
            "budget left",
            unit="percentunit",
            may_be_empty=True,
            about="What is left of the budget for 30 days; below 0 it is overspent.",
        )


def _calls(promises: Promises) -> Iterator[Builder[Panel]]:
    of = f'service="{promises.service}"'
    yield curves(
        "Calls a second",
        (f"sum by (method) (rate(onegrid_rpc_duration_seconds_count{{{of}}}[$__rate_interval])) > 0", "{{method}}"),
        unit="reqps",
    )
    yield curves(
        "Refused and failed, a second",
        (
            "sum by (method, code) "
            f'(rate(onegrid_rpc_duration_seconds_count{{{of}, code!="OK"}}[$__rate_interval])) > 0',
            "{{method}} {{code}}",
        ),
        unit="reqps",
        may_be_empty=True,
    )
    yield curves(
        "Faults of ours, a second",
        (f"sum by (method) (rate(onegrid_rpc_faults_total{{{of}}}[$__rate_interval]))", "{{method}}"),
        unit="reqps",
    )
    for name, methods in promises.methods.items():
        bounds = [o.within for o in promises.objectives if o.kind == "latency" and o.methods == methods]
        if not bounds:
            continue
        selected = f'{of}, code="OK", method=~"{"|".join(methods)}"'
        quantiles = [
            (
                f"histogram_quantile({quantile}, sum by (le) "
                f"(rate(onegrid_rpc_duration_seconds_bucket{{{selected}}}[$__rate_interval])))",
                f"{quantile:.0%}",
            )
            for quantile in (0.5, 0.9, 0.99)
        ]
        yield curves(
            f"How long {name} take",
            *quantiles,
            unit="s",
            limit=bounds[0],
            may_be_empty=True,
            about="The dots are calls that were traced.",
        )


def _processes(service: str) -> Iterator[Builder[Panel]]:
    of = f'service="{service}"'
    process = f"* on (job, instance) group_left (service, role) onegrid_build_info{{{of}}}"
    yield curves(
        "Running calls and streams",
        (f"sum(onegrid_rpc_in_flight{{{of}}})", "calls"),
        (f"sum(onegrid_streams{{{of}}})", "streams"),
    )
    yield curves(
        "How late the event loop is",
        (
            f"histogram_quantile(0.99, sum by (instance, le) "
            f"(rate(onegrid_event_loop_lag_seconds_bucket{{{of}}}[$__rate_interval])))",
            "{{instance}}",
        ),
        unit="s",
        limit=0.25,
    )
    yield curves(
        "Tokens judged, a second",
        (f"sum by (outcome) (rate(onegrid_token_lookups_total{{{of}}}[$__rate_interval]))", "{{outcome}}"),
        unit="reqps",
        about="`cached` ones cost nothing.",
    )
    yield curves(
        "Processors used", (f"rate(process_cpu_seconds_total[$__rate_interval]) {process}", "{{role}} {{instance}}")
    )
    yield curves("Memory", (f"process_resident_memory_bytes {process}", "{{role}} {{instance}}"), unit="bytes")
    yield curves(
        "Wait for a database connection",
        (
            f"histogram_quantile(0.99, sum by (pool, le) "
            f"(rate(onegrid_database_wait_seconds_bucket{{{of}}}[$__rate_interval])))",
            "{{pool}}",
        ),
        unit="s",
        limit=0.1,
        about="99 of 100 wait less.",
    )
    yield curves(
        "Background tasks begun again",
        (f"sum by (task) (increase(onegrid_background_restarts_total{{{of}}}[$__rate_interval]))", "{{task}}"),
    )
    yield curves(
        "Since jobs last ended well",
        (f"time() - max by (name) (onegrid_job_last_success_timestamp_seconds{{{of}}})", "{{name}}"),
        unit="s",
    )
    yield curves(
        "Work in steps that is not done",
        (f"max by (kind, state) (onegrid_stepped_work{{{of}}})", "{{kind}} {{state}}"),
        may_be_empty=True,
    )
    yield curves(
        "Rows that steps did, a second",
        (f"sum by (kind) (rate(onegrid_stepped_work_rows_total{{{of}}}[$__rate_interval]))", "{{kind}}"),
        may_be_empty=True,
    )
    yield curves(
        "Lateness of deadlines, 99th percentile",
        (
            "histogram_quantile(0.99, "
            f"sum by (le, kind) (rate(onegrid_ladder_late_seconds_bucket{{{of}}}[$__rate_interval])))",
            "{{kind}}",
        ),
        unit="s",
        may_be_empty=True,
    )
    yield curves(
        "For how long a deadline has been due",
        (f"max by (kind) (onegrid_ladder_oldest_due_seconds{{{of}}})", "{{kind}}"),
        unit="s",
        may_be_empty=True,
    )
    yield bars("What runs", f"count by (role, version) (onegrid_build_info{{{of}}})", "{{role}} {{version}}")


def _events(service: str) -> Iterator[Builder[Panel]]:
    of = f'service="{service}"'
    yield curves("Events not yet carried", (f"max(onegrid_outbox_events{{{of}}})", "events"))
    yield curves(
        "Handled, a second",
        (
            f"sum by (handler, outcome) (rate(onegrid_events_handled_total{{{of}}}[$__rate_interval])) > 0",
            "{{handler}} {{outcome}}",
        ),
        unit="ops",
        may_be_empty=True,
    )
    yield curves("Set aside", (f"max by (state) (onegrid_parked_events{{{of}}})", "{{state}}"), limit=1)


def _sendings(service: str) -> Iterator[Builder[Panel]]:
    of = f'service="{service}"'
    yield curves(
        "Waiting",
        (f"max by (channel, lane) (onegrid_sendings_waiting{{{of}}})", "{{channel}} {{lane}}"),
        may_be_empty=True,
    )
    yield curves(
        "How late the longest due one is",
        (f"max by (channel, lane) (onegrid_sendings_oldest_due_seconds{{{of}}})", "{{channel}} {{lane}}"),
        unit="s",
        may_be_empty=True,
    )
    yield curves(
        "Failed and unknown",
        (f"max by (state) (onegrid_sendings_unresolved{{{of}}})", "{{state}}"),
        about="Unknown ones wait for the provider's word, or an operator's.",
    )
    yield curves(
        "Attempts, a second",
        (
            f"sum by (provider, outcome) (rate(onegrid_sending_attempts_total{{{of}}}[$__rate_interval])) > 0",
            "{{provider}} {{outcome}}",
        ),
        unit="ops",
        may_be_empty=True,
    )
    yield curves(
        "How long calls take",
        (
            f"histogram_quantile(0.9, sum by (provider, le) "
            f"(rate(onegrid_sending_call_seconds_bucket{{{of}}}[$__rate_interval])))",
            "{{provider}}",
        ),
        unit="s",
        may_be_empty=True,
        about="Nine of ten take less.",
    )
    yield curves(
        "Deferred by limits and dropped, a second",
        (
            f"sum by (provider, scope) (rate(onegrid_sendings_deferred_total{{{of}}}[$__rate_interval])) > 0",
            "{{provider}} {{scope}}",
        ),
        (
            f"sum by (channel, code) (rate(onegrid_sendings_dropped_total{{{of}}}[$__rate_interval])) > 0",
            "{{channel}} {{code}}",
        ),
        unit="ops",
        may_be_empty=True,
    )


def _own(panel: Mapping[str, Any]) -> Builder[Panel]:
    return curves(
        panel["title"],
        (panel["expr"], panel["legend"]),
        unit=panel.get("unit", "short"),
        may_be_empty=panel.get("may_be_empty", False),
    )
