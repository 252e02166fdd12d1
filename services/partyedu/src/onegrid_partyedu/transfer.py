"""Transfers of members between organizations (转接组织关系)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from onegrid.partyedu.v1.members_pb2 import TransferState
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName

__all__ = ["HOLDS", "TRANSFER", "Transfer"]

TRANSFER: Final = ResourceName("transfers/{transfer}")
HOLDS: Final = timedelta(days=90)
"""How long a request waits: letters of introduction (组织关系介绍信) hold for three months at most."""

_REQUESTED: Final = TransferState.TRANSFER_STATE_REQUESTED
_EXPIRED: Final = TransferState.TRANSFER_STATE_EXPIRED


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A member's move, to which both sides agree."""

    id: str
    member: str
    """The member's id."""
    source: str
    """The id of the organization that the member leaves."""
    target: str
    """The id of the one that the member goes to."""
    stored_state: TransferState = _REQUESTED
    """Where it stood when it was last written; that it has expired is written before the next one is requested."""
    reason: str = ""
    create_time: datetime
    expire_time: datetime
    end_time: datetime | None = None

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``transfers/{transfer}``."""
        return TRANSFER.name(self.id)

    def state(self, now: datetime) -> TransferState:
        """Where it stands."""
        return _EXPIRED if self.stored_state == _REQUESTED and self.expire_time <= now else self.stored_state

    def state_name(self, now: datetime) -> str:
        """``REQUESTED``."""
        return short_name(TransferState, self.state(now))

    def waits(self, now: datetime) -> bool:
        """Whether it can be accepted."""
        return self.state(now) == _REQUESTED

    def expired(self) -> Transfer:
        """The transfer once it is written that nobody accepted it in time."""
        return replace(self, stored_state=_EXPIRED)

    def ended(self, state: TransferState, now: datetime, reason: str = "") -> Transfer:
        """The transfer once that is what became of it."""
        return replace(self, stored_state=state, end_time=now, reason=reason)
