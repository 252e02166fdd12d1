"""Requests for counselling (心理咨询) and legal aid (法律援助), which become petitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from onegrid.notify.v1 import resources_pb2
from onegrid.notify.v1.resources_pb2 import AidKind, AidState
from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit.cipher import Cipher
from onegrid_kit.names import ResourceName
from onegrid_kit.timestamps import timestamp

__all__ = ["AID_REQUEST", "KEPT", "MAX_OPEN", "TEXT_PURPOSE", "AidRequest", "state_with"]

TEXT_PURPOSE: Final = "notify.aid_text"
"""What the text of a request is encrypted for; part of its key."""
AID_REQUEST: Final = ResourceName("aidRequests/{request}")
MAX_OPEN: Final = 5
"""How many requests a person may have that are not closed."""
KEPT: Final = timedelta(days=365)
"""For how long a request is kept once it is closed."""
_ENDED: Final = (State.STATE_CLOSED, State.STATE_DECLINED, State.STATE_WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AidRequest:
    """A request for counselling or legal aid."""

    district: str
    id: str
    user: str
    """Who asks: ``users/{user}``."""
    kind: AidKind
    sealed_text: bytes
    """What it is about, encrypted."""
    place: str
    anonymous: bool
    state: AidState = AidState.AID_STATE_REQUESTED
    petition: str = ""
    """``petitions/{petition}``, once it is one."""
    create_time: datetime
    update_time: datetime

    @property
    def name(self) -> str:
        """``aidRequests/{request}``."""
        return AID_REQUEST.name(self.id)

    def message(self, cipher: Cipher) -> resources_pb2.AidRequest:
        """As the contract has it. Raises CipherError."""
        return resources_pb2.AidRequest(
            name=self.name,
            kind=self.kind,
            text=cipher.decrypt(self.sealed_text, TEXT_PURPOSE),
            place=self.place,
            anonymous=self.anonymous,
            state=self.state,
            petition=self.petition,
            create_time=timestamp(self.create_time),
            update_time=timestamp(self.update_time),
        )


def state_with(petition: State) -> AidState:
    """Where a request stands whose petition is in that state."""
    return AidState.AID_STATE_CLOSED if petition in _ENDED else AidState.AID_STATE_FILED
