"""What promtool tries the rules with: an hour of samples, one a minute, that make alerts fire or leave them quiet.

Each trial is of three releases in one Prometheus, two of a namespace and two of a name: what happens in the first must
be said of the first, and of no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from onegrid_observability.objectives import Objective, Promises
from onegrid_observability.per_release import LABELS, absentees
from onegrid_observability.rules import (
    BURNS,
    KINDS,
    NEVER_ENDS,
    WHOSE,
    Burn,
    alerts_of,
    burning,
    data_alerts,
    labels_of,
    missing,
    platform_alerts,
    readable,
)

__all__ = [
    "IT",
    "of_data",
    "of_data_that_is_gone",
    "of_platform",
    "of_platform_without_a_broker",
    "of_service",
    "of_service_that_is_gone",
]

_EACH_MINUTE = 100_000
"""Calls or events; enough to distinguish small shares of them."""
IT: Final = {"namespace": "district", "release": "onegrid"}
"""The release that something happens in."""
_OTHERS: Final = ({"namespace": "district", "release": "canary"}, {"namespace": "street", "release": "onegrid"})
Expected = Mapping[str, Sequence[Mapping[str, Any]]]


def of_service(promises: Promises, rules: str) -> dict[str, Any]:
    """The trials of a service's alerts, which are in the file of rules."""
    tests = [*_burnt(promises.objectives), *_tried(alerts_of(promises), promises.service)]
    return _file(rules, tests)


def of_service_that_is_gone(promises: Promises, rules: str) -> dict[str, Any]:
    """The trial of a release of which nothing is scraped, while others are well: with its own rules, in the file."""
    metrics = missing(promises)
    there = metrics["quiet"]["series"]
    nothing = _gone([*alerts_of(promises), {**metrics, "quiet": {"series": {}}}], promises.service)
    return _file(rules, [nothing, _trial("what is there", there, there, {metrics["alert"]: ()})])


def of_data(rules: str) -> dict[str, Any]:
    """The trials of the data stores' alerts, which are in the file of rules; each by itself, since their samples
    contradict one another.
    """
    return _file(rules, [trial for alert in _of_stores() for trial in _tried([alert], "")])


def of_data_that_is_gone(rules: str) -> dict[str, Any]:
    """The trial of data stores of which nothing is scraped, while others are well: with their rules, in the file."""
    return _file(rules, [_gone(_of_stores(), "")])


def of_platform(rules: str) -> dict[str, Any]:
    """The trials of the platform's alerts, which are in the file of rules; each by itself, as those of data stores."""
    return _file(rules, [trial for alert in platform_alerts() for trial in _tried([alert], "")])


def of_platform_without_a_broker(rules: str) -> dict[str, Any]:
    """The trial of a platform whose broker nobody scrapes: with its own rules, in the file. A broker has no release."""
    others = {'up{job="onegrid-petition"}': "1x60"}
    return _file(rules, [_gone(platform_alerts(), "", {"namespace": IT["namespace"]}, others)])


def _file(rules: str, tests: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"rule_files": [rules], "evaluation_interval": "5m", "tests": tests}


def _burnt(objectives: Sequence[Objective]) -> Iterator[dict[str, Any]]:
    """A share of errors that stays the same burns the budget at the same rate in every window."""

    def bad(objective: Objective, rate: float) -> int:
        return round(_EACH_MINUTE * objective.budget * rate)

    def all_of(burns: Sequence[Burn]) -> Expected:
        return {
            alert: [
                _firing(made, {**made["labels"], **IT})
                for made in (burning(objective, burn) for objective in objectives for burn in burns)
                if made["alert"] == alert
            ]
            for alert, _, _ in KINDS.values()
        }

    well = _merged(_samples(each, [(0, _EACH_MINUTE, 60)]) for each in objectives)
    for rate in (0.9, *(burn.rate * 1.1 for burn in reversed(BURNS))):
        series = _merged(_samples(each, [(bad(each, rate), _EACH_MINUTE, 60)]) for each in objectives)
        yield _trial(f"burns at {rate:.3g}", series, well, all_of([burn for burn in BURNS if burn.rate < rate]))
    series = _merged(_samples(each, [(bad(each, 20), _EACH_MINUTE, 50), (0, _EACH_MINUTE, 10)]) for each in objectives)
    yield _trial("burnt fast, and well again", series, well, all_of([burn for burn in BURNS if burn.short != "5m"]))
    series = _merged(_samples(each, [(0, 0, 30), (1, 1, 1), (0, 0, 29)]) for each in objectives)
    yield _trial("a single call, and a bad one", series, well, all_of([]))


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
    ends = [each for each in alerts if each["severity"] != NEVER_ENDS]
    fires = _merged(each["fires"]["series"] for each in alerts)
    quiet = _merged(each["quiet"]["series"] for each in ends)
    firing = {
        each["alert"]: [_firing(each, {**labels_of(each, service), **each["fires"].get("labels", {}), **IT})]
        for each in alerts
    }
    yield _trial("what fires", fires, quiet, firing)
    yield _trial("what is quiet", quiet, quiet, dict.fromkeys((each["alert"] for each in ends), ()))


def _of_stores() -> Sequence[Mapping[str, Any]]:
    return [alert for alerts in data_alerts().values() for alert in alerts]


def _gone(
    alerts: Sequence[Mapping[str, Any]],
    service: str,
    whose: Mapping[str, str] = IT,
    others: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    firing = {
        each["alert"]: [_firing(each, {**labels_of(each, service), **labels, **of}) for labels in gone]
        for each in alerts
        # What never ends is of the release itself, whatever else is asked for.
        for of in [IT if each["severity"] == NEVER_ENDS else whose]
        if (gone := absentees(each["expr"]))
    }
    quiet = _merged(each["quiet"]["series"] for each in alerts if "quiet" in each)
    return _trial("what is gone", {}, quiet if others is None else others, firing)


def _firing(alert: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    whose = "/".join(labels[name] for name in LABELS if name in labels)
    annotations = {
        key: re.sub(r"{{ \$labels\.(\w+) }}", lambda match: str(labels.get(match[1], "")), text.replace(WHOSE, whose))
        for key, text in readable(alert).items()
    }
    return {"exp_labels": labels, "exp_annotations": annotations}


def _of(series: str, release: Mapping[str, str]) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in release.items())
    series = series.replace("$release", release["release"])
    return f"{series[:-1]}, {labels}}}" if series.endswith("}") else f"{series}{{{labels}}}"


def _trial(name: str, series: Mapping[str, str], others: Mapping[str, str], expected: Expected) -> dict[str, Any]:
    samples = [(_of(selector, IT), values) for selector, values in series.items()]
    samples += [(_of(selector, each), values) for each in _OTHERS for selector, values in others.items()]
    return {
        "name": name,
        "interval": "1m",
        "input_series": [{"series": selector, "values": values} for selector, values in samples],
        "alert_rule_test": [
            {"eval_time": "1h", "alertname": alert, "exp_alerts": list(firing)} for alert, firing in expected.items()
        ],
    }
