"""Grafana's dashboards: every panel's query is asked of Prometheus, with the variables as a first visitor has them.

A panel that may be empty on a healthy platform is marked by a line of its description that begins `may be empty`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from onegrid_checks.checklist import Checklist
from onegrid_checks.observability.faults import first, settled
from onegrid_checks.observability.prometheus import Prometheus, PrometheusError
from onegrid_checks.settings import SettingsError

__all__ = ["Dashboard", "Query", "check", "read", "substituted"]

MAY_BE_EMPTY: Final = "may be empty"
# Grafana makes these of the time range and of the scrape interval; these are an hour's.
_BUILT_IN: Final = {
    "__rate_interval": "5m",
    "__interval": "30s",
    "__interval_ms": "30000",
    "__range": "1h",
    "__range_s": "3600",
    "__range_ms": "3600000",
}
_VARIABLE: Final = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}|\[\[(\w+)(?::\w+)?\]\]")
_LABEL_VALUES: Final = re.compile(r"label_values\(\s*(?:(?P<selector>.+)\s*,\s*)?(?P<label>\w+)\s*\)", re.DOTALL)


@dataclass(frozen=True)
class Query:
    """What a panel asks."""

    panel: str
    expression: str
    may_be_empty: bool


@dataclass(frozen=True)
class Dashboard:
    """A dashboard, read from its file."""

    title: str
    queries: Sequence[Query]
    variables: Sequence[Mapping[str, Any]]


def read(folder: Path) -> Sequence[Dashboard]:
    """The dashboards in the folder. Raises SettingsError."""
    files = sorted(folder.glob("*.json"))
    if not files:
        raise SettingsError(f"CHECKS_DASHBOARDS: there is no *.json in {folder}")
    found = []
    for path in files:
        try:
            document = json.loads(path.read_text())
            variables = document.get("templating", {}).get("list", [])
            found.append(Dashboard(document["title"], list(_queries(document["panels"])), variables))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SettingsError(f"{path} is no dashboard: {type(error).__name__}: {error}") from None
    return found


async def check(dashboards: Sequence[Dashboard], prometheus: Prometheus, deadline: float, checklist: Checklist) -> None:
    """Ask Prometheus what each panel asks."""
    for dashboard in dashboards:
        faults = await settled(lambda dashboard=dashboard: _faults(dashboard, prometheus), deadline)  # type: ignore[misc]
        panels = len({query.panel for query in dashboard.queries})
        checklist.expect(
            f"dashboard {dashboard.title}: each of {panels} panels shows data",
            panels > 0 and not faults,
            actual=first(faults) or "no panel that asks anything",
            look=f"{prometheus.url}/graph: ask it the expression; mark a panel that may be empty in its description",
        )


def substituted(expression: str, values: Mapping[str, str]) -> str:
    """The expression with its variables as they are chosen. Raises KeyError for one that is not known."""
    return _VARIABLE.sub(lambda found: values[next(name for name in found.groups() if name)], expression)


def _queries(panels: Sequence[Mapping[str, Any]]) -> Iterator[Query]:
    for panel in panels:
        yield from _queries(panel.get("panels", ()))
        lines = panel.get("description", "").lower().splitlines()
        may_be_empty = any(line.strip().startswith(MAY_BE_EMPTY) for line in lines)
        for target in panel.get("targets", ()):
            yield Query(panel.get("title") or f"panel {panel['id']}", target["expr"], may_be_empty)


async def _faults(dashboard: Dashboard, prometheus: Prometheus) -> list[str]:
    try:
        values = await _chosen(dashboard.variables, prometheus)
    except (PrometheusError, LookupError) as error:
        return [str(error)]

    async def fault(query: Query) -> str:
        try:
            expression = substituted(query.expression, values)
            if await prometheus.has_data(expression) or query.may_be_empty:
                return ""
        except PrometheusError as error:
            return f"{query.panel}: {error}"
        except KeyError as error:
            return f"{query.panel}: there is no variable {error}"
        return f"{query.panel} has none: {expression}"

    return [fault for fault in await asyncio.gather(*map(fault, dashboard.queries)) if fault]


async def _chosen(variables: Sequence[Mapping[str, Any]], prometheus: Prometheus) -> Mapping[str, str]:
    """Each variable's value: all there are where several may be chosen, else the first. Raises LookupError."""
    values = dict(_BUILT_IN)
    for variable in variables:
        name, kind = variable["name"], variable["type"]
        if kind == "datasource":
            continue
        options = await _options(variable, values, prometheus)
        if not options:
            raise LookupError(f"the variable {name} has nothing to choose from")
        if variable.get("includeAll") and variable.get("allValue"):
            values[name] = variable["allValue"]
        elif variable.get("multi") or variable.get("includeAll"):
            values[name] = f"({'|'.join(map(re.escape, options))})"
        else:
            values[name] = options[0]
    return values


async def _options(variable: Mapping[str, Any], values: Mapping[str, str], prometheus: Prometheus) -> Sequence[str]:
    query = variable.get("query", "")
    text = str(query.get("query", "") if isinstance(query, dict) else query)
    match variable["type"]:
        case "query":
            found = _LABEL_VALUES.fullmatch(substituted(text, values).strip())
            if found is None:
                raise LookupError(f"the variable {variable['name']} asks {text!r}; only label_values(…) is understood")
            return await prometheus.label_values(found["label"], found["selector"] or "")
        case "custom" | "interval":
            return [each.strip().split(" : ")[-1] for each in text.split(",")]
        case "constant" | "textbox":
            return [text]
    raise LookupError(f"the variable {variable['name']} is of a type that is not understood: {variable['type']}")
