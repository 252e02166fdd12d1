"""What dashboards are made of: a few kinds of panels, of the same look everywhere.

Each panel says where its numbers come from, and leads to the runbooks of the alerts that ask for the same metrics.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLink,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from onegrid_observability.metrics import families, meaning
from onegrid_observability.per_release import per_release

__all__ = ["Board", "Row", "bars", "board", "curves", "number"]

_RUNBOOKS: Final = "docs/runbooks"
"""Where charts put the address at which people read them."""

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_MAY_BE_EMPTY: Final = "may be empty: nothing is shown while nothing of the kind happens"
_HEIGHT: Final = 8
_ONE: Final = 'namespace="$namespace",release="$release"'
_SEVERAL: Final = 'namespace=~"$namespace",release=~"$release"'
_BROKER: Final = 'namespace="$broker"'
# What Grafana makes of its variable is no duration before.
_INTERVALS: Final = {"[$__rate_interval]": "[59m59s]"}

P = TypeVar("P", timeseries.Panel, stat.Panel, bargauge.Panel)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together."""

    title: str
    panels: Sequence[Builder[Panel]]


@dataclass(frozen=True, slots=True)
class Board:
    """A dashboard before it is written."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]
    service: str = ""
    """Whose it is; empty: of all."""
    by_service: bool = False
    """Whether it asks for `$service`, which its reader chooses."""
    side_by_side: bool = False
    """Whether it shows several releases beside one another; else it is about one, which its reader chooses."""
    known: str = "onegrid_build_info"
    """What each release has that it can be about."""


def curves(
    title: str,
    *queries: tuple[str, str],
    unit: str = "short",
    about: str = "",
    may_be_empty: bool = False,
    limit: float | None = None,
    width: int = 8,
) -> timeseries.Panel:
    """How something went: expressions, and what their series are called. It is red above the limit."""
    panel = _common(timeseries.Panel(), title, about, may_be_empty, unit, limit, width)
    legend = common.VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    panel = panel.legend(legend.placement(LegendPlacement.BOTTOM)).fill_opacity(8)
    if limit is not None:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.LINE))
    for expression, name in queries:
        # A histogram's samples lead to traces.
        panel = panel.with_target(_query(expression, name).range().exemplar("_bucket{" in expression))
    return panel


def number(
    title: str,
    expression: str,
    name: str = "",
    *,
    unit: str = "short",
    about: str = "",
    may_be_empty: bool = False,
    limit: float | None = None,
    width: int = 6,
) -> stat.Panel:
    """How something is now."""
    panel = _common(stat.Panel(), title, about, may_be_empty, unit, limit, width).height(4)
    return panel.reduce_options(_last()).with_target(_query(expression, name).instant())


def bars(
    title: str,
    expression: str,
    name: str,
    *,
    unit: str = "short",
    about: str = "",
    may_be_empty: bool = False,
    limit: float | None = None,
    width: int = 8,
) -> bargauge.Panel:
    """How several are now, beside one another."""
    panel = _common(bargauge.Panel(), title, about, may_be_empty, unit, limit, width)
    return panel.reduce_options(_last()).with_target(_query(expression, name).instant())


def board(made: Board, alerts: Mapping[str, AbstractSet[str]]) -> str:
    """The dashboard as JSON; of the alerts, the metrics that each asks for."""
    built = (
        dashboard.Dashboard(made.title)
        .uid(made.uid)
        .description(made.about)
        .tags(["onegrid"])
        .readonly()
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    of = f'service="{made.service}"' if made.service else ""
    several = made.side_by_side
    in_namespace = f'namespace{"=~" if several else "="}"$namespace"'
    built = built.with_variable(_choice("namespace", "Namespace", f"{made.known}{{{of}}}", several=several))
    known = f"{made.known}{{{','.join(filter(None, (of, in_namespace)))}}}"
    built = built.with_variable(_choice("release", "Release", known, several=several))
    if made.by_service:
        known = f"onegrid_build_info{{{_ONE}}}"
        built = built.with_variable(_choice("service", "Service", known, several=True))
    ids = itertools.count(1)
    asked: list[str] = []
    for row in made.rows:
        built = built.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            finished = panel.build()
            asked += _finish(finished, alerts, side_by_side=made.side_by_side)
            built = built.with_panel(_Built(finished, next(ids)))
    if any("$broker" in query for query in asked):
        known = "rabbitmq_queue_messages_ready"
        built = built.with_variable(_choice("namespace", "RabbitMQ in", known, name="broker"))
    text: str = JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(built.build())
    return text + "\n"


@dataclass(frozen=True, slots=True)
class _Built(Builder[Panel]):
    """A panel that is ready, for a dashboard to place."""

    panel: Panel
    id: int

    def build(self) -> Panel:
        self.panel.id_val = self.id
        return self.panel


def _choice(label: str, title: str, known: str, *, several: bool = False, name: str = "") -> dashboard.QueryVariable:
    """A variable that has the values of a label."""
    made = (
        dashboard.QueryVariable(name or label)
        .label(title)
        .datasource(_SOURCE)
        .query(f"label_values({known}, {label})")
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )
    return made.multi(True).include_all(True).all_value(".*") if several else made


def _finish(panel: Panel, alerts: Mapping[str, AbstractSet[str]], *, side_by_side: bool) -> Sequence[str]:
    """Have it ask for the chosen release, say what it shows, and lead to runbooks; what it asks for."""
    queries = []
    for target in panel.targets or ():
        query = target.expr  # type: ignore[attr-defined]
        for written, readable in _INTERVALS.items():
            query = query.replace(written, readable)
        queries.append(query)
        made = per_release(query, _SEVERAL if side_by_side else _ONE, _BROKER, grouped=side_by_side)
        for written, readable in _INTERVALS.items():
            made = made.replace(readable, written)
        target.expr = made  # type: ignore[attr-defined]
        whose = "{{namespace}}/{{release}} " if side_by_side else ""
        target.legend_format = f"{whose}{target.legend_format}".strip() or "__auto"  # type: ignore[attr-defined]
    asked = families(queries)
    sources = [f"`{metric}`: {meaning(metric)}" for metric in sorted(asked)]
    panel.description = "\n".join(filter(None, (panel.description, *sources)))
    panel.links = [
        DashboardLink(
            title=f"Runbook: {alert}", type_val=DashboardLinkType.LINK, url=f"{_RUNBOOKS}/{alert}.md", target_blank=True
        )
        for alert, metrics in alerts.items()
        if metrics & asked
    ]
    return [target.expr for target in panel.targets or ()]  # type: ignore[attr-defined]


def _common(panel: P, title: str, about: str, may_be_empty: bool, unit: str, limit: float | None, width: int) -> P:
    bad = f"Bad from {limit:g} on." if limit is not None else ""
    description = "\n".join(filter(None, (about, bad, _MAY_BE_EMPTY if may_be_empty else "")))
    panel = panel.title(title).datasource(_SOURCE).unit(unit).min(0).span(width).height(_HEIGHT)
    if description:
        panel = panel.description(description)
    if limit is not None:
        steps = [Threshold(None, "green"), Threshold(limit, "red")]
        panel = panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel


def _query(expression: str, name: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(name)


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])
