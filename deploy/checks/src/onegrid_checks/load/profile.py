"""A load profile: what arrives when, and what must hold. Read from YAML; whatever is not understood is refused."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

import yaml

from onegrid_checks.settings import SettingsError

__all__ = ["METHODS", "Latency", "Objectives", "Phase", "Profile", "read"]

METHODS: Final[Mapping[str, str]] = {
    "FilePetition": "petition",
    "GetPetition": "petition",
    "ListPetitions": "petition",
    "GetPublicTimeline": "petition",
    "LocateCell": "grid",
    "AcceptPetition": "petition",
    "DispatchPetition": "petition",
    "TakeTask": "petition",
    "ListInboxItems": "notify",
    "CountInboxItems": "notify",
    "ReportIncident": "emergency",
    "DismissIncident": "emergency",
    "ListIncidents": "emergency",
    "IngestReadings": "emergency",
    "AppendEntries": "border",
    "GetPatrol": "border",
    "StartAttempt": "partyedu",
    "GetAttempt": "partyedu",
    "SaveAnswer": "partyedu",
    "SubmitAttempt": "partyedu",
    "ReportStudy": "partyedu",
    "GetCourse": "partyedu",
    "GetStudyPlanProgress": "partyedu",
    "StoreStatements": "partyedu",
}
"""What a mix is made of, and whose method each is."""


@dataclass(frozen=True)
class Phase:
    """A stretch of time in which calls arrive at a rate that stays, or goes evenly from one to another."""

    name: str
    seconds: float
    begins: float
    """Calls a second at its beginning."""
    ends: float
    """Calls a second at its end."""
    slack: float
    """How many times as long as the objectives say calls may take in this phase."""


@dataclass(frozen=True)
class Latency:
    """How long half of the calls, and 99 of 100, may take, in milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class Objectives:
    """What must hold."""

    errors: int
    """How many calls may fail, after the client's policy repeated them."""
    made: float
    """The least share of arrivals that were really made, when they were due."""
    latency_ms: Mapping[str, Latency]
    """By method; of those that are not named nothing is asked."""


@dataclass(frozen=True)
class Profile:
    """The load of one size of platform."""

    name: str
    connections: int
    """To each service's replicas; calls take turns."""
    watchers: int
    """Streams that are held open."""
    phases: tuple[Phase, ...]
    mix: Mapping[str, float]
    """The weight of each method among the arrivals."""
    objectives: Objectives

    def of(self, services: Container[str]) -> Self:
        """The same for a platform that has only these services."""
        return replace(self, mix={each: weight for each, weight in self.mix.items() if METHODS[each] in services})


def read(path: Path) -> Profile:
    """Read a profile. Raises SettingsError, which names the invalid field and what it takes."""
    try:
        value = yaml.load(path.read_text(), yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"CHECKS_PROFILE: {error}") from None
    try:
        return _profile(value)
    except _InvalidField as error:
        raise SettingsError(f"{path}: {error}") from None


class _InvalidField(Exception):
    pass


def _profile(value: object) -> Profile:
    top = _mapping(value, "the profile", ("name", "connections", "watchers", "phases", "mix", "objectives"))
    phases = top["phases"]
    if not isinstance(phases, list) or not phases:
        raise _InvalidField("phases: takes a list of at least one phase")
    made = tuple(_phase(each, f"phases[{number}]") for number, each in enumerate(phases))
    if len({phase.name for phase in made}) != len(made):
        raise _InvalidField("phases: each takes a name of its own")
    mix = _by_method(top["mix"], "mix")
    weights = {method: _number(weight, f"mix.{method}") for method, weight in mix.items()}
    if not weights.get("FilePetition"):
        raise _InvalidField(
            "mix.FilePetition: takes a weight above 0; the other calls are about petitions that were filed"
        )
    return Profile(
        name=_name(top["name"], "name"),
        connections=_count(top["connections"], "connections", least=1),
        watchers=_count(top["watchers"], "watchers"),
        phases=made,
        mix=weights,
        objectives=_objectives(top["objectives"]),
    )


def _phase(value: object, where: str) -> Phase:
    steady = isinstance(value, dict) and "rate" in value
    rates = ("rate",) if steady else ("from", "to")
    fields = _mapping(value, where, ("name", "seconds", *rates), optional=("slack",))
    begins, ends = (_number(fields[rate], f"{where}.{rate}") for rate in (rates[0], rates[-1]))
    if not begins + ends:
        raise _InvalidField(f"{where}: takes a rate above 0")
    return Phase(
        name=_name(fields["name"], f"{where}.name"),
        seconds=_number(fields["seconds"], f"{where}.seconds", least=1),
        begins=begins,
        ends=ends,
        slack=_number(fields.get("slack", 1), f"{where}.slack", least=1),
    )


def _objectives(value: object) -> Objectives:
    fields = _mapping(value, "objectives", ("errors", "made", "latency_ms"))
    made = _number(fields["made"], "objectives.made")
    if made > 1:
        raise _InvalidField(f"objectives.made: takes a share between 0 and 1, not {made}")
    latency = {}
    for method, each in _by_method(fields["latency_ms"], "objectives.latency_ms").items():
        where = f"objectives.latency_ms.{method}"
        limits = _mapping(each, where, ("p50", "p99"))
        latency[method] = Latency(*(_number(limits[name], f"{where}.{name}", least=1) for name in ("p50", "p99")))
        if latency[method].p50 > latency[method].p99:
            raise _InvalidField(f"{where}: p50 can't be above p99")
    return Objectives(_count(fields["errors"], "objectives.errors"), made, latency)


def _mapping(value: object, where: str, fields: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _InvalidField(f"{where}: takes a mapping of {', '.join(fields)}")
    missing = [name for name in fields if name not in value]
    unknown = [str(name) for name in value if name not in (*fields, *optional)]
    if missing or unknown:
        faults = [f"{', '.join(missing)} missing"] * bool(missing) + [f"{', '.join(unknown)} unknown"] * bool(unknown)
        raise _InvalidField(f"{where}: {'; '.join(faults)}; it takes {', '.join((*fields, *optional))}")
    return value


def _by_method(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not value or set(value) - set(METHODS):
        raise _InvalidField(f"{where}: takes a mapping of some of {', '.join(METHODS)}")
    return value


def _number(value: object, where: str, least: float = 0) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < least:
        raise _InvalidField(f"{where}: takes a number, at least {least}, not {value!r}")
    return float(value)


def _count(value: object, where: str, least: int = 0) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise _InvalidField(f"{where}: takes a whole number, at least {least}, not {value!r}")
    return value


def _name(value: object, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise _InvalidField(f"{where}: takes a name, not {value!r}")
    return value
