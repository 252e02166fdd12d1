"""What dashboards are made of: a few kinds of panels, of the same look everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import GraphTresholdsStyleMode, LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Panel,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

__all__ = ["Board", "Row", "bars", "board", "curves", "number"]

_SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
_MAY_BE_EMPTY: Final = "may be empty: nothing is shown while nothing of the kind happens"
_HEIGHT: Final = 8

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
    by_service: bool = False
    """Whether it asks for `$service`, which its reader chooses."""


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


def board(made: Board) -> str:
    """The dashboard as JSON."""
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
    if made.by_service:
        built = built.with_variable(
            dashboard.QueryVariable("service")
            .label("Service")
            .datasource(_SOURCE)
            .query("label_values(onegrid_build_info, service)")
            .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
            .multi(True)
            .include_all(True)
            .all_value(".*")
        )
    ids = itertools.count(1)
    for row in made.rows:
        built = built.with_row(dashboard.Row(row.title).id(next(ids)))
        for panel in row.panels:
            built = built.with_panel(panel.id(next(ids)))  # type: ignore[attr-defined]
    text: str = JSONEncoder(sort_keys=True, indent=1, ensure_ascii=False).encode(built.build())
    return text + "\n"


def _common(panel: P, title: str, about: str, may_be_empty: bool, unit: str, limit: float | None, width: int) -> P:
    description = "\n".join(filter(None, (about, _MAY_BE_EMPTY if may_be_empty else "")))
    panel = panel.title(title).datasource(_SOURCE).unit(unit).min(0).span(width).height(_HEIGHT)
    if description:
        panel = panel.description(description)
    if limit is not None:
        steps = [Threshold(None, "green"), Threshold(limit, "red")]
        panel = panel.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel


def _query(expression: str, name: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expression).legend_format(name or "__auto")


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"])
