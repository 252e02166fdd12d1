"""Checks that recording and alerting rules are loaded, healthy and have data, and what they show of the platform."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from onegrid_checks.checklist import Checklist
from onegrid_checks.observability.faults import first, settled
from onegrid_checks.observability.prometheus import Prometheus, PrometheusError
from onegrid_checks.settings import SettingsError

__all__ = ["Rule", "check", "read"]

BURN_RATE: Final = "burn_rate"
"""Part of the name of every recording rule of an error budget's burn rate; 1 spends the budget exactly."""
ALWAYS_FIRES: Final = "none"
"""The severity of an alert that is to fire as long as alerting works at all."""
_OF_SPEED: Final = ("latency", "freshness")
"""The label `kind` of rules about objectives of speed."""


@dataclass(frozen=True)
class Rule:
    """A rule of a file."""

    name: str
    expression: str
    records: bool
    """Else it alerts."""
    labels: Mapping[str, str]

    @property
    def of_speed(self) -> bool:
        """Whether it is about how fast something is."""
        return self.labels.get("kind") in _OF_SPEED

    @property
    def recorded(self) -> str:
        """The selector of what it records."""
        return self.name + ("{" + ",".join(f'{k}="{v}"' for k, v in sorted(self.labels.items())) + "}") * bool(
            self.labels
        )


def read(folder: Path) -> Mapping[str, Sequence[Rule]]:
    """The rules of each file in the folder. Raises SettingsError."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise SettingsError(f"CHECKS_RULES: there is no *.yaml in {folder}")
    found = {}
    for path in files:
        try:
            groups = yaml.load(path.read_text(), yaml.CSafeLoader)["groups"]
            found[path.name] = [_rule(rule) for group in groups for rule in group["rules"]]
        except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{path} is no file of Prometheus rules: {type(error).__name__}: {error}") from None
    return found


async def check(
    files: Mapping[str, Sequence[Rule]], prometheus: Prometheus, deadline: float, checklist: Checklist
) -> None:
    """Hold what Prometheus makes of the rules to what the files say."""
    for file, rules in files.items():
        records = [rule for rule in rules if rule.records]
        alerts = [rule for rule in rules if not rule.records]
        faults = await settled(lambda rules=rules: _not_loaded(rules, prometheus), deadline)  # type: ignore[misc]
        checklist.expect(
            f"{file}: Prometheus has loaded its {len(rules)} rules, and evaluates them",
            not faults,
            actual=first(faults),
            look=f"{prometheus.url}/rules and its log: does its rule_files name this file, and was it reloaded?",
        )
        faults = await settled(lambda records=records: _without_data(records, prometheus), deadline)  # type: ignore[misc]
        checklist.expect(
            f"{file}: each of {len(records)} recording rules has data",
            not faults,
            actual=first(faults),
            look=f"{prometheus.url}/targets: is every role scraped? Then the rule's expression, part by part",
        )
        faults = await _unevaluable(alerts, prometheus)
        checklist.expect(
            f"{file}: each of {len(alerts)} alert expressions evaluates",
            not faults,
            actual=first(faults),
            look=f"{prometheus.url}/graph: ask it the expression",
        )
    everything = [rule for rules in files.values() for rule in rules]
    for of_speed in (False, True):
        rules = [rule for rule in everything if rule.of_speed is of_speed]
        if rules or not of_speed:
            await _quiet(rules, prometheus, checklist, of_speed=of_speed)
            await _unburnt(rules, prometheus, checklist, of_speed=of_speed)


def _rule(document: Mapping[str, Any]) -> Rule:
    records = "record" in document
    return Rule(
        name=str(document["record" if records else "alert"]),
        expression=str(document["expr"]),
        records=records,
        labels={str(name): str(value) for name, value in document.get("labels", {}).items()},
    )


async def _not_loaded(rules: Sequence[Rule], prometheus: Prometheus) -> list[str]:
    try:
        loaded = await prometheus.rules()
    except PrometheusError as error:
        return [str(error)]
    missing = Counter(rule.name for rule in rules) - Counter(str(rule["name"]) for rule in loaded)
    names = {rule.name for rule in rules}
    ill = [
        f"{rule['name']}: {rule.get('lastError') or 'not evaluated yet'}"
        for rule in loaded
        if rule["name"] in names and rule["health"] != "ok"
    ]
    return [f"{name} is not loaded" for name in missing] + ill


async def _without_data(records: Sequence[Rule], prometheus: Prometheus) -> list[str]:
    async def fault(rule: Rule) -> str:
        try:
            return "" if await prometheus.has_data(rule.recorded) else f"{rule.recorded} has none"
        except PrometheusError as error:
            return f"{rule.recorded}: {error}"

    return [fault for fault in await asyncio.gather(*map(fault, records)) if fault]


async def _unevaluable(alerts: Sequence[Rule], prometheus: Prometheus) -> list[str]:
    async def fault(rule: Rule) -> str:
        try:
            await prometheus.values(rule.expression)
        except PrometheusError as error:
            return f"{rule.name}: {error}"
        return ""

    return [fault for fault in await asyncio.gather(*map(fault, alerts)) if fault]


async def _quiet(rules: Sequence[Rule], prometheus: Prometheus, checklist: Checklist, *, of_speed: bool) -> None:
    ours = {rule.name for rule in rules if not rule.records}
    wanted = {rule.name for rule in rules if not rule.records and rule.labels.get("severity") == ALWAYS_FIRES}
    try:
        firing = {
            str(rule["name"]): [alert["labels"] for alert in rule["alerts"]]
            for rule in await prometheus.rules()
            if rule.get("state") == "firing" and rule["name"] in ours
        }
        actual = "; ".join(f"{name} {labels}" for name, labels in firing.items()) or "none"
    except PrometheusError as error:
        firing, actual = {"": []}, str(error)
    checklist.expect(
        f"no alert{' of speed' if of_speed else ''} fires" + (f" but {', '.join(sorted(wanted))}" if wanted else ""),
        set(firing) == wanted,
        actual=actual,
        look="docs/runbooks/, under the alert's name",
        of_speed=of_speed,
    )


async def _unburnt(rules: Sequence[Rule], prometheus: Prometheus, checklist: Checklist, *, of_speed: bool) -> None:
    burns = [rule for rule in rules if rule.records and BURN_RATE in rule.name]

    async def burnt(rule: Rule) -> list[str]:
        try:
            values = await prometheus.values(rule.recorded)
        except PrometheusError as error:
            return [f"{rule.recorded}: {error}"]
        return [
            f"{rule.recorded} {value:.2f} {dict(labels)}"
            for labels, value in values
            if not math.isnan(value) and value >= 1
        ]

    faults = [fault for each in await asyncio.gather(*map(burnt, burns)) for fault in each]
    checklist.expect(
        f"no objective{' of speed' if of_speed else ''} is burnt: {len(burns)} burn rates are below 1",
        bool(burns) and not faults,
        actual=first(faults) if burns else f"no recording rule with {BURN_RATE} in its name",
        look="the service's dashboard, errors and latency by method, over the burn rate's window",
        of_speed=of_speed,
    )
