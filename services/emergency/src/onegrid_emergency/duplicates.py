"""Which incidents may be one: near in place and time. They are suggested, and merged by people alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from onegrid_emergency.incident import Incident
from onegrid_kit.distance import distance_m

__all__ = ["APART", "LOOKED_AT", "MOST", "apart_m", "may_be_one"]

APART: Final = timedelta(hours=2)
"""How much earlier or later the other one may have happened."""
LOOKED_AT: Final = 200
"""How many that happened around that time are looked at, the nearest in time first."""
MOST: Final = 20
"""How many are suggested."""
_NEAR_M: Final = 500.0


def may_be_one(one: Incident, other: Incident) -> bool:
    """Whether the two are near one another; where one of them has no coordinates, whether they are in one place."""
    apart = apart_m(one, other)
    return one.place == other.place if apart is None else apart <= _NEAR_M


def apart_m(one: Incident, other: Incident) -> float | None:
    """How far apart they are; None where one of them has no coordinates."""
    if one.location is None or other.location is None:
        return None
    return distance_m(one.location, other.location)
