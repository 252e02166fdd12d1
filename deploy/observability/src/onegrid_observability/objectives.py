"""What a service promises, as data: a file of `objectives/` each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from prometheus_client.utils import floatToGoString

__all__ = ["ROOT", "WINDOWS", "Objective", "Promises", "read"]

ROOT: Final = Path(__file__).resolve().parents[2]
"""Where the data is."""
WINDOWS: Final = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Over how long each share of errors is recorded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """A share of what happens that must be good, over 30 days."""

    service: str
    name: str
    kind: str
    """availability and latency of calls, freshness and handling of events."""
    target: float
    """Percent."""
    methods: Sequence[str] = ()
    within: float = 0.0
    """Seconds; a bucket's boundary."""

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return round(1 - self.target / 100, 6)

    @property
    def bad(self) -> str:
        """How many were bad, in PromQL; $window stands for over how long."""
        match self.kind:
            case "availability":
                return self._increase("onegrid_rpc_faults_total", self._of_methods)
            case "latency":
                return f"{self._all('onegrid_rpc_duration_seconds', self._answered)}"
            case "freshness":
                return f"{self._all('onegrid_event_carry_seconds', '')}"
            case "handling":
                return self._increase("onegrid_events_handled_total", 'outcome=~"failed|parked"')
        raise ValueError(f"{self.service}, {self.name}: an objective of the kind {self.kind} is not known")

    @property
    def total(self) -> str:
        """How many there were, in PromQL."""
        match self.kind:
            case "availability":
                return self._increase("onegrid_rpc_duration_seconds_count", self._of_methods)
            case "latency":
                return self._increase("onegrid_rpc_duration_seconds_count", self._answered)
            case "freshness":
                return self._increase("onegrid_event_carry_seconds_count", "")
        return self._increase("onegrid_events_handled_total", 'outcome!~"duplicate|expired"')

    @property
    def promise(self) -> str:
        """In words."""
        within = f" within {self.within:g} s" if self.within else ""
        return f"{self.name}: {self.target:g} %{within}"

    @property
    def bound(self) -> str:
        """The bucket's boundary as metrics spell it."""
        return str(floatToGoString(self.within))  # type: ignore[no-untyped-call]

    @property
    def _of_methods(self) -> str:
        return f'method=~"{"|".join(self.methods)}"'

    @property
    def _answered(self) -> str:
        return f'{self._of_methods}, code="OK"'

    def _all(self, histogram: str, labels: str) -> str:
        """Those of a histogram that lie above the bound."""
        within = ", ".join(filter(None, (labels, f'le="{self.bound}"')))
        return f"{self._increase(f'{histogram}_count', labels)} - {self._increase(f'{histogram}_bucket', within)}"

    def _increase(self, metric: str, labels: str) -> str:
        selected = ", ".join(filter(None, (f'service="{self.service}"', labels)))
        return f"sum(increase({metric}{{{selected}}}[$window]))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """The objectives of one service, and the alerts and panels of its own."""

    service: str
    methods: Mapping[str, Sequence[str]]
    """The contract's methods by class."""
    objectives: Sequence[Objective]
    records: Sequence[Mapping[str, str]]
    alerts: Sequence[Mapping[str, Any]]
    panels: Sequence[Mapping[str, Any]]
    sender: bool
    """Whether it calls outside systems."""
    field_log: bool
    """Whether it takes entries of the field log."""


def read(path: Path) -> Promises:
    """The promises of a file."""
    data = yaml.load(path.read_text(), yaml.CSafeLoader)
    methods = data["methods"]
    objectives = [
        Objective(
            service=data["service"],
            name=each["name"],
            kind=each["kind"],
            target=each["target"],
            methods=methods[each["of"]] if "of" in each else (),
            within=each.get("within", 0.0),
        )
        for each in data["objectives"]
    ]
    return Promises(
        service=data["service"],
        methods=methods,
        objectives=objectives,
        records=data.get("records", ()),
        alerts=data.get("alerts", ()),
        panels=data.get("panels", ()),
        sender=data.get("sender", False),
        field_log=data.get("field_log", False),
    )
