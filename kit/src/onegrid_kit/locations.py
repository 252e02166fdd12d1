"""Positions, as the rules see them and as messages say them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import overload

from google.protobuf.message import Message

from onegrid.common.v1.common_pb2 import Point

__all__ = ["Location", "location_in", "location_of", "point"]


@dataclass(frozen=True, slots=True)
class Location:
    """A position in WGS 84, degrees."""

    longitude: float
    latitude: float


def location_of(message: Point) -> Location:
    """The position that a message gives."""
    return Location(message.longitude, message.latitude)


def location_in(message: Message, field: str = "location") -> Location | None:
    """The position in this field of a message; None if it is not set."""
    return location_of(getattr(message, field)) if message.HasField(field) else None


@overload
def point(location: Location) -> Point: ...


@overload
def point(location: Location | None) -> Point | None: ...


def point(location: Location | None) -> Point | None:
    """The message of a position; None stays unset."""
    return None if location is None else Point(longitude=location.longitude, latitude=location.latitude)
