"""Addresses that nothing is sent to (禁发名单). They are known by their blind index alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from onegrid.notify.v1.delivery_pb2 import Channel, SuppressionReason
from onegrid_kit.names import ResourceName

__all__ = ["SUPPRESSION", "Suppression", "suppression_id"]

SUPPRESSION: Final = ResourceName("suppressions/{suppression}")
_ID_BYTES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Nothing is sent to an address, for a district."""

    district: str
    value_index: bytes
    """The blind index of the address."""
    channel: Channel
    reason: SuppressionReason
    note: str
    """An operator's words, or the code of a provider's answer."""
    create_time: datetime

    @property
    def name(self) -> str:
        """``suppressions/{suppression}``."""
        return SUPPRESSION.name(suppression_id(self.district, self.value_index))


def suppression_id(district: str, value_index: bytes) -> str:
    """The id of an address' suppression: whoever does not know the address does not find it out by that."""
    return f"{district}-{value_index[:_ID_BYTES].hex()}"
