"""What promtool tries the rules with: an hour of samples, one a minute, that make alerts fire or leave them quiet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from onegrid_observability.objectives import Objective, Promises
from onegrid_observability.rules import BURNS, KINDS, Burn, alerts_of, burning, labels_of, platform_alerts, readable

__all__ = ["of_platform", "of_service"]

_EACH_MINUTE = 100_000
"""Calls or events; enough to distinguish small shares of them."""
Expected = Mapping[str, Sequence[Mapping[str, Any]]]


def of_service(promises: Promises, rules: str) -> dict[str, Any]:
    """The trials of a service's alerts, which are in the file of rules."""
    tests = [*_burnt(promises.objectives), *_tried(alerts_of(promises), promises.service)]
    return _file(rules, tests)


def of_platform(rules: str) -> dict[str, Any]:
    """The trials of the platform's alerts, which are in the file of rules."""
    return _file(rules, [*_tried(platform_alerts(), "")])


def _file(rules: str, tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"rule_files": [rules], "evaluation_interval": "5m", "tests": tests}


def _burnt(objectives: Sequence[Objective]) -> Iterator[dict[str, Any]]:
    """A share of errors that stays the same burns the budget at the same rate in every window."""

    def bad(objective: Objective, rate: float) -> int:
        return round(_EACH_MINUTE * objective.budget * rate)

    def all_of(burns: Sequence[Burn]) -> Expected:
        return {
            alert: [
                {"exp_labels": made["labels"], "exp_annotations": readable(made)}
                for made in (burning(objective, burn) for objective in objectives for burn in burns)
                if made["alert"] == alert
            ]
            for alert, _, _ in KINDS.values()
        }

    for rate in (0.9, *(burn.rate * 1.1 for burn in reversed(BURNS))):
        series = _merged(_samples(each, [(bad(each, rate), _EACH_MINUTE, 60)]) for each in objectives)
        yield _trial(f"burns at {rate:.3g}", series, all_of([burn for burn in BURNS if burn.rate < rate]))
    series = _merged(_samples(each, [(bad(each, 20), _EACH_MINUTE, 50), (0, _EACH_MINUTE, 10)]) for each in objectives)
    yield _trial("burnt fast, and well again", series, all_of([burn for burn in BURNS if burn.short != "5m"]))
    series = _merged(_samples(each, [(0, 0, 30), (1, 1, 1), (0, 0, 29)]) for each in objectives)
    yield _trial("a single call, and a bad one", series, all_of([]))


def _samples(objective: Objective, minutes: Sequence[tuple[int, int, int]]) -> dict[str, str]:
    """Series that count so many bad ones of so many a minute, for so many minutes."""
    bad, every, good = (
        _counting([(rate(b, n), m) for b, n, m in minutes])
        for rate in (lambda b, _: b, lambda _, n: n, lambda b, n: n - b)
    )
    service = f'service="{objective.service}"'
    if objective.kind in ("availability", "latency"):
        of = f'{service}, method="{objective.methods[0]}"'
        counted = {f'onegrid_rpc_duration_seconds_count{{{of}, code="OK"}}': every}
        if objective.kind == "availability":
            return {**counted, f"onegrid_rpc_faults_total{{{of}}}": bad}
        return {**counted, f'onegrid_rpc_duration_seconds_bucket{{{of}, code="OK", le="{objective.bound}"}}': good}
    if objective.kind == "freshness":
        return {
            f"onegrid_event_carry_seconds_count{{{service}}}": every,
            f'onegrid_event_carry_seconds_bucket{{{service}, le="{objective.bound}"}}': good,
        }
    return {
        f'onegrid_events_handled_total{{{service}, handler="note", outcome="failed"}}': bad,
        f'onegrid_events_handled_total{{{service}, handler="note", outcome="handled"}}': good,
    }


def _counting(pieces: Sequence[tuple[int, int]]) -> str:
    """A counter that grows by so many a minute for so many minutes, one piece after another, as promtool writes it."""
    (rate, minutes), *more = pieces
    written, reached = [f"0+{rate}x{minutes}"], rate * minutes
    for rate, minutes in more:
        written.append(f"{reached + rate}+{rate}x{minutes - 1}")
        reached += rate * minutes
    return " ".join(written)


def _merged(samples: Iterator[dict[str, str]]) -> dict[str, str]:
    return {series: values for each in samples for series, values in each.items()}


def _tried(alerts: Sequence[Mapping[str, Any]], service: str) -> Iterator[dict[str, Any]]:
    firing: dict[str, Sequence[Mapping[str, Any]]] = {}
    for alert in alerts:
        labels = {**labels_of(alert, service), **alert["fires"].get("labels", {})}
        annotations = {
            key: re.sub(r"{{ \$labels\.(\w+) }}", lambda match: str(labels[match[1]]), text)  # noqa: B023
            for key, text in readable(alert).items()
        }
        firing[alert["alert"]] = [{"exp_labels": labels, "exp_annotations": annotations}]
    yield _trial("what fires", _merged(each["fires"]["series"] for each in alerts), firing)
    yield _trial("what is quiet", _merged(each["quiet"]["series"] for each in alerts), dict.fromkeys(firing, ()))


def _trial(name: str, series: Mapping[str, str], expected: Expected) -> dict[str, Any]:
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": selector, "values": values} for selector, values in series.items()],
        "alert_rule_test": [
            {"eval_time": "1h", "alertname": alert, "exp_alerts": list(firing)} for alert, firing in expected.items()
        ],
    }
