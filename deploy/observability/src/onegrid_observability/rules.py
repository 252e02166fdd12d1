"""Recording rules and alerts for Prometheus.

Alerts are on burn rates, as in the Google SRE workbook (ch. 5): over a long window, so that a blip does not page, and
over a short one, so that the alert resolves soon after recovery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from onegrid_observability.metrics import NOT_ALWAYS, documented, families, family, series
from onegrid_observability.objectives import ROOT, WINDOWS, Objective, Promises
from onegrid_observability.per_release import ANY_BROKER, ANY_RELEASE, per_release

__all__ = [
    "BURNS",
    "KINDS",
    "NEVER_ENDS",
    "WHOSE",
    "Burn",
    "alerts_of",
    "asked",
    "burning",
    "data_alerts",
    "labels_of",
    "missing",
    "of_data",
    "of_platform",
    "of_service",
    "platform_alerts",
    "readable",
]

OPERATORS: Final = "operators"
_LEASES: Final = "leases"
"""What the name of a group ends in whose alerts ask for a leader."""
NEVER_ENDS: Final = "none"
"""The severity of the alert that fires as long as alerting works at all."""
WHOSE: Final = "{{ $labels.namespace }}{{ with $labels.release }}/{{ . }}{{ end }}"
"""The release that an alert is about, in its annotations; of a broker, maybe the namespace alone."""


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast is too fast: at 1, a budget for 30 days lasts 30 days."""

    rate: float
    long: str
    short: str
    severity: str


BURNS: Final = (
    Burn(14.4, "1h", "5m", "page"),
    Burn(6, "6h", "30m", "page"),
    Burn(3, "1d", "2h", "ticket"),
    Burn(1, "3d", "6h", "ticket"),
)
FEW: Final = 5
"""No alert below this number of errors in the long window: at night, one failure of ten calls is not worth a page."""
KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    "availability": (
        "CallsFail",
        "calls fail",
        'Look for "call failed" in the logs of its api, and whether its database answers.',
    ),
    "latency": (
        "CallsSlow",
        "calls are slow",
        "Look at its dashboard: is it the event loop, the pool, or the database?",
    ),
    "freshness": (
        "EventsLate",
        "events are carried late",
        "Look at the log of the relay that leads, and whether the broker confirms.",
    ),
    "handling": ("HandlersFail", "handlers fail", 'Look for "handler failed" in the logs of its worker.'),
}
"""By an objective's kind: its alert, what is wrong then, and what to do first."""
_OF_ALL_SERVICES: Final = {
    "service:onegrid_rpc:rate5m": "sum by (service) (rate(onegrid_rpc_duration_seconds_count[5m]))",
    "service:onegrid_rpc_faults:rate5m": "sum by (service) (rate(onegrid_rpc_faults_total[5m]))",
    "service:onegrid_rpc_duration_seconds:p99_5m": "histogram_quantile(0.99, "
    'sum by (service, le) (rate(onegrid_rpc_duration_seconds_bucket{method!~"Watch.*"}[5m])))',
}


def of_service(promises: Promises) -> dict[str, Any]:
    """The rules of one service."""
    service = promises.service
    recorded = [
        *(record for objective in promises.objectives for record in _records(objective)),
        *({"record": each["record"], "expr": per_release(each["expr"])} for each in promises.records),
    ]
    burning = [_burning(objective, burn) for objective in promises.objectives for burn in BURNS]
    alerts = [*alerts_of(promises), missing(promises)]
    # Those that ask for a leader are a group of their own, which the chart leaves out of a tier.
    parts: dict[str, list[dict[str, Any]]] = {"alerts": [], _LEASES: []}
    for each in alerts:
        parts[_LEASES if each.get("leases") else "alerts"].append(_alert(each, service))
    return {
        "groups": [
            {"name": f"onegrid-{service}-records", "rules": recorded},
            {"name": f"onegrid-{service}-objectives", "rules": burning},
            *({"name": f"onegrid-{service}-{part}", "rules": rules} for part, rules in parts.items()),
        ]
    }


def of_platform() -> dict[str, Any]:
    """The rules of what no service has alone."""
    recorded = [{"record": name, "expr": per_release(query)} for name, query in _OF_ALL_SERVICES.items()]
    return {
        "groups": [
            {"name": "onegrid-platform-records", "rules": recorded},
            {"name": "onegrid-platform-alerts", "rules": [_alert(each, "") for each in platform_alerts()]},
        ]
    }


def of_data() -> dict[str, Any]:
    """The rules of the data stores, a group each. Their broker is of the release that the rules are of."""
    return {
        "groups": [
            {"name": f"onegrid-data-{store}", "rules": [_alert(each, "", broker=ANY_RELEASE) for each in alerts]}
            for store, alerts in data_alerts().items()
        ]
    }


def alerts_of(promises: Promises) -> Sequence[Mapping[str, Any]]:
    """The alerts of a service that are no objectives, as data: those that all have, those of its roles, and its own."""
    placeholders = {
        "$service": promises.service,
        "$queue": f"onegrid.{promises.service}",
        "$commands": "|".join(promises.methods["commands"]),
        "$command": promises.methods["commands"][0],
    }
    parts = {"sender.yaml": promises.sender, "field_log.yaml": promises.field_log}
    files = ["service.yaml", *(name for name, has_it in parts.items() if has_it)]
    common = "".join((ROOT / "alerts" / name).read_text() for name in files)
    for name in sorted(placeholders, key=len, reverse=True):
        common = common.replace(name, placeholders[name])
    return [*yaml.load(common, yaml.CSafeLoader), *promises.alerts]


def missing(promises: Promises) -> Mapping[str, Any]:
    """The alert of metrics that are not there, though others ask for them: silence would look like health."""
    queries = [each["expr"] for each in alerts_of(promises)]
    queries += [query.replace("$window", "5m") for each in promises.objectives for query in (each.bad, each.total)]
    of_service = f'service="{promises.service}"'
    there = [
        f"{series(metric)}{{{of_service}}}"
        for metric in sorted(families(queries))
        if metric in documented() and metric not in NOT_ALWAYS
    ]
    names = [each.partition("{")[0] for each in there]
    absent = (
        f'label_replace(absent({each}), "metric", "{name}", "", "")' for each, name in zip(there, names, strict=True)
    )
    return {
        "alert": "MetricMissing",
        "severity": "ticket",
        "for": "15m",
        "expr": "\nor ".join(absent),
        "summary": f"{{{{ $labels.metric }}}} of {promises.service} is not there; alerts that ask for it can not fire.",
        "first": "Look at Prometheus' targets whether what exports it is scraped, and with which labels.",
        "quiet": {"series": dict.fromkeys(there, "1x60")},
    }


def platform_alerts() -> Sequence[Mapping[str, Any]]:
    """The alerts of the platform, as data."""
    alerts: list[dict[str, Any]] = yaml.load((ROOT / "alerts" / "platform.yaml").read_text(), yaml.CSafeLoader)
    return alerts


def asked(file: Mapping[str, Any]) -> Mapping[str, set[str]]:
    """The metrics that each alert of a file of rules asks for, itself and by what is recorded."""
    rules = [rule for group in file["groups"] for rule in group["rules"]]
    found: dict[str, set[str]] = {}
    recorded: dict[tuple[str, str], set[str]] = {}
    for rule in rules:
        metrics, objective = families([rule["expr"]]), rule.get("labels", {}).get("objective", "")
        if "record" in rule:
            recorded.setdefault((family(rule["record"]), objective), set()).update(metrics)
        else:
            behind = (recorded.get((metric, objective), set()) for metric in metrics)
            found.setdefault(rule["alert"], set()).update(metrics, *behind)
    return found


def data_alerts() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """The alerts of the data stores, as data, by store."""
    alerts: dict[str, list[dict[str, Any]]] = yaml.load((ROOT / "alerts" / "data.yaml").read_text(), yaml.CSafeLoader)
    return alerts


def readable(alert: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of an alert: first of all, which release it is about."""
    summary = f"{WHOSE}: {alert['summary']}"
    return {
        "summary": summary,
        "description": f"{summary} {alert['first']}",
        "runbook_url": f"docs/runbooks/{alert['alert']}.md",
    }


def labels_of(alert: Mapping[str, Any], service: str) -> dict[str, str]:
    """How urgent it is, for whom (who runs the platform, or who supervises what is done with it), of which service."""
    own = {"service": service} if service else {}
    return {"severity": alert["severity"], "audience": alert.get("audience", OPERATORS), **own}


def _records(objective: Objective) -> list[dict[str, Any]]:
    labels = {"service": objective.service, "objective": objective.name, "kind": objective.kind}
    made: list[dict[str, Any]] = []
    for window in WINDOWS:
        bad, total = (text.replace("$window", window) for text in (objective.bad, objective.total))
        # Where nothing happens, nothing is bad.
        ratio = f"({bad})\n/ ({total} > 0)\nor 0 * {total}"
        made.append(
            {"record": f"objective:onegrid_errors:ratio_rate{window}", "expr": per_release(ratio), "labels": labels}
        )
    for burn in BURNS:
        bad = objective.bad.replace("$window", burn.long)
        made.append(
            {"record": f"objective:onegrid_errors:increase{burn.long}", "expr": per_release(bad), "labels": labels}
        )
    selected = f'{{service="{objective.service}", objective="{objective.name}"}}'
    burnt = f"objective:onegrid_errors:ratio_rate6h{selected} / {objective.budget:g}"
    made.append({"record": "objective:onegrid_errors:burn_rate6h", "expr": per_release(burnt), "labels": labels})
    return made


def burning(objective: Objective, burn: Burn) -> dict[str, Any]:
    """The alert of an objective whose budget burns so fast, as data."""
    name, wrong, first = KINDS[objective.kind]
    return {
        "alert": name,
        "summary": f"{objective.service}: {wrong}; at this rate the budget for 30 days is used up in "
        f"{_lasting(burn)} ({objective.promise}).",
        "first": first,
        "labels": {
            "severity": burn.severity,
            "audience": OPERATORS,
            "service": objective.service,
            "objective": objective.name,
            "kind": objective.kind,
            "burn": f"{burn.rate:g}",
        },
    }


def _burning(objective: Objective, burn: Burn) -> dict[str, Any]:
    alert = burning(objective, burn)
    selected = f'{{service="{objective.service}", objective="{objective.name}"}}'
    limit = f"{burn.rate:g} * {objective.budget:g}"
    return {
        "alert": alert["alert"],
        "expr": per_release(
            f"objective:onegrid_errors:ratio_rate{burn.long}{selected} > {limit}\n"
            f"and objective:onegrid_errors:ratio_rate{burn.short}{selected} > {limit}\n"
            f"and objective:onegrid_errors:increase{burn.long}{selected} > {FEW}"
        ),
        "labels": alert["labels"],
        "annotations": readable(alert),
    }


def _lasting(burn: Burn) -> str:
    days = 30 / burn.rate
    return f"{days:.0f} days" if days >= 3 else f"{days * 24:.0f} hours"


def _alert(alert: Mapping[str, Any], service: str, broker: str = ANY_BROKER) -> dict[str, Any]:
    return {
        "alert": alert["alert"],
        "expr": per_release(alert["expr"], broker=broker),
        "for": alert["for"],
        "labels": labels_of(alert, service),
        "annotations": readable(alert),
    }
