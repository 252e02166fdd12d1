"""Digests (摘要): what one person gets of one district by one channel until a moment, together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_notify.deliveries import sending_id

__all__ = ["DIGESTS_KEPT", "Digest"]

DIGESTS_KEPT: Final = timedelta(days=90)
"""For how long it is known what came together, like other deliveries."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Which digest. Each district has its own: its providers send it in its words, to addresses that it may send to."""

    district: str
    user: str
    """``users/{user}``."""
    channel: Channel
    close_time: datetime
    """What comes until then is in it."""

    @property
    def id(self) -> str:
        """The id of its sending, too: the same for all that comes together."""
        return sending_id(
            f"d-{self.district}-{self.close_time.astimezone(UTC):%Y%m%dT%H%M%SZ}", self.user, self.channel
        )
