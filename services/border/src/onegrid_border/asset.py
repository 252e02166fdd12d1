"""Assets (边防设施) and their inspections, as the rules see them: frozen, and changed only into others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.border.v1.resources_pb2 import AssetCondition, AssetKind
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit import codes
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import Location
from onegrid_kit.names import ResourceName

__all__ = ["ASSET", "INSPECTION", "Asset", "Inspection"]

ASSET: Final = ResourceName("assets/{asset}")
INSPECTION: Final = ResourceName("assets/{asset}/inspections/{number}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """How somebody found an asset."""

    asset: str
    """The asset's id."""
    number: int
    """Counted from 1 in the order in which they are entered."""
    condition: AssetCondition
    note: str
    inspector: str
    """``users/{user}``."""
    inspect_time: datetime
    create_time: datetime
    repair_request_time: datetime | None = None
    petition: str = ""
    """``petitions/{petition}`` that the request for its repair has become."""
    petition_state: State = State.STATE_UNSPECIFIED
    escalate_time: datetime | None = None
    incident: Incident | None = None

    @property
    def name(self) -> str:
        """``assets/{asset}/inspections/{number}``."""
        return INSPECTION.name(self.asset, self.number)

    @property
    def found_sound(self) -> bool:
        """Whether the asset was as it should be."""
        return self.condition == AssetCondition.ASSET_CONDITION_SOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something that stands on the border and is looked after."""

    id: str
    version: int = 1
    kind: AssetKind
    display_name: str
    course: tuple[Location, ...]
    """Where it stands; of what is long, from one end to the other."""
    condition: AssetCondition = AssetCondition.ASSET_CONDITION_UNSPECIFIED
    inspect_time: datetime | None = None
    inspections: int = 0
    """How many there have been."""
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def office(self) -> str:
        """The code of the place or department that answers for it."""
        return codes.office_of(self.id)

    @property
    def name(self) -> str:
        """``assets/{asset}``."""
        return ASSET.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with its description."""
        return str(self.version)

    def inspected(self, inspection: Inspection) -> Asset:
        """With one inspection more. Its condition is that of the inspection made last; of two of one moment, of the one
        that was entered last.
        """
        after = replace(self, inspections=inspection.number)
        if self.inspect_time is not None and inspection.inspect_time < self.inspect_time:
            return after
        return replace(after, condition=inspection.condition, inspect_time=inspection.inspect_time)
