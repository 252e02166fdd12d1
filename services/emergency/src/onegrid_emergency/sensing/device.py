"""Sensors as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Final

from onegrid.emergency.v1.resources_pb2 import IncidentKind
from onegrid.emergency.v1.sensors_pb2 import DeviceKind
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["ALARM", "DEVICE", "Configuration", "Device", "Rules", "Threshold", "incident_kind", "rules_of_kind"]

DEVICE: Final = ResourceName("devices/{device}")
ALARM: Final = ResourceName("devices/{device}/alarms/{alarm}")


@dataclass(frozen=True, slots=True)
class Threshold:
    """When an alarm is raised, and when it is cleared."""

    name: str
    above: bool
    """Whether values at and above the level are dangerous, or those at and below it."""
    raise_level: float
    clear_level: float
    raise_hold_ms: int = 0
    """How long values must have been there, by the device's time."""
    clear_hold_ms: int = 0
    incident_kind: IncidentKind = IncidentKind.INCIDENT_KIND_UNSPECIFIED
    """Unspecified: that of the device's kind."""

    def raises(self, value: float) -> bool:
        """Whether the value has reached the level that raises the alarm."""
        return value >= self.raise_level if self.above else value <= self.raise_level

    def clears(self, value: float) -> bool:
        """Whether the value has come back to the level that clears it."""
        return value <= self.clear_level if self.above else value >= self.clear_level


@dataclass(frozen=True, slots=True)
class Rules:
    """How the readings of a device are judged."""

    thresholds: tuple[Threshold, ...] = ()
    lowest_possible: float = -inf
    highest_possible: float = inf
    flat_after_ms: int = 0
    """0: values may stay the same for ever."""
    reordering_ms: int = 10_000
    """How long a reading waits for those that are missing before it."""
    silent_intervals: int = 3
    quiet_above: float = field(init=False, compare=False)
    """Values between this and the next are possible and far from every threshold: most are, and are judged at once."""
    quiet_below: float = field(init=False, compare=False)

    def __post_init__(self) -> None:
        above = [each.raise_level for each in self.thresholds if each.above]
        below = [each.raise_level for each in self.thresholds if not each.above]
        object.__setattr__(self, "quiet_above", max(self.lowest_possible, *below) if below else self.lowest_possible)
        object.__setattr__(self, "quiet_below", min(self.highest_possible, *above) if above else self.highest_possible)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What is configured of a device."""

    display_name: str
    kind: DeviceKind
    place: str
    location: Location | None
    unit: str
    owner: str
    interval: timedelta
    rules: Rules | None
    """None: those of its kind."""

    @property
    def effective_rules(self) -> Rules:
        """The device's own rules, or those of its kind."""
        return self.rules if self.rules is not None else rules_of_kind(self.kind)

    @property
    def silent_after(self) -> timedelta:
        """After how long without a reading the device is silent."""
        return self.interval * self.effective_rules.silent_intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A registered device, and what its readings have made of it."""

    district: str
    id: str
    version: int
    configuration: Configuration
    create_time: datetime
    retire_time: datetime | None = None


_KINDS: Final = {
    DeviceKind.DEVICE_KIND_SMOKE: Rules((Threshold("smoke", True, 1, 0),), 0, 1),
    DeviceKind.DEVICE_KIND_GAS: Rules((Threshold("gas", True, 25, 20),), 0, 100),
}
_INCIDENT_KINDS: Final = {
    DeviceKind.DEVICE_KIND_WATER_LEVEL: IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
    DeviceKind.DEVICE_KIND_RAINFALL: IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
    DeviceKind.DEVICE_KIND_SMOKE: IncidentKind.INCIDENT_KIND_ACCIDENT,
    DeviceKind.DEVICE_KIND_GAS: IncidentKind.INCIDENT_KIND_ACCIDENT,
    DeviceKind.DEVICE_KIND_TILT: IncidentKind.INCIDENT_KIND_ACCIDENT,
}


def rules_of_kind(kind: DeviceKind) -> Rules:
    """The rules of a device that has none of its own. Where a level depends on the place, there is no threshold."""
    return _KINDS.get(kind, Rules())


def incident_kind(kind: DeviceKind, threshold: Threshold) -> IncidentKind:
    """What kind of incident an alarm becomes."""
    return threshold.incident_kind or _INCIDENT_KINDS.get(kind, IncidentKind.INCIDENT_KIND_UNSPECIFIED)
