"""How an urgent notice goes on to those who have not read it, rung by rung (逐级触达)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from onegrid.notify.v1 import resources_pb2
from onegrid.notify.v1.delivery_pb2 import Channel
from onegrid_kit.timestamps import timestamp

__all__ = ["BEGIN_RUNG", "CLIMB", "Escalation", "Progress", "Rung", "climbing_id", "visit_item"]

BEGIN_RUNG: Final = "begin rung"
"""The kind of deadline at which a rung of a notice begins."""
CLIMB: Final = "climb rung"
"""The kind of work that goes through those who have not read a notice."""
_VISITS: Final = uuid.UUID("8d4e1f7a-6f3b-4a55-9a35-5f0a0f2c7f10")


@dataclass(frozen=True, slots=True)
class Escalation:
    """The rungs of a notice."""

    after: timedelta
    """The time between two rungs."""
    channels: tuple[Channel, ...]
    door_to_door: bool

    @property
    def rungs(self) -> tuple[Channel, ...]:
        """The channel of each rung, in order; unspecified for the visits at the end."""
        return (*self.channels, *([Channel.CHANNEL_UNSPECIFIED] if self.door_to_door else []))

    def json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "after_s": self.after.total_seconds(),
            "channels": [int(channel) for channel in self.channels],
            "door_to_door": self.door_to_door,
        }

    @classmethod
    def of_json(cls, value: Mapping[str, Any]) -> Escalation:
        """What `json` stored."""
        return cls(timedelta(seconds=value["after_s"]), tuple(value["channels"]), value["door_to_door"])

    def message(self) -> resources_pb2.Escalation:
        """As the contract has it."""
        message = resources_pb2.Escalation(channels=self.channels, door_to_door=self.door_to_door)
        message.after.FromTimedelta(self.after)
        return message

    @classmethod
    def of_message(cls, message: resources_pb2.Escalation) -> Escalation:
        """As editors want it."""
        return cls(message.after.ToTimedelta(), tuple(message.channels), message.door_to_door)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A rung that is due at some time, or was begun."""

    number: int
    """Counted from 1; it goes on when the escalation begins anew."""
    version: int
    """It is for who has not read this version of the notice or a later one."""
    step: int
    """Which of the escalation's rungs it is, counted from 1."""
    channel: Channel
    due_time: datetime | None
    """None: some time after the one before it."""
    begin_time: datetime | None = None
    end_time: datetime | None = None
    unread: int = 0
    """To how many it was handed on."""

    def message(self) -> resources_pb2.Rung:
        """As the contract has it."""
        return resources_pb2.Rung(
            number=self.number,
            channel=self.channel,
            due_time=timestamp(self.due_time),
            begin_time=timestamp(self.begin_time),
            end_time=timestamp(self.end_time),
            unread=self.unread,
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """Where an escalation stands."""

    rungs: Sequence[Rung]
    to_visit: int
    visited: int
    not_found: int


def climbing_id(article: str, number: int) -> str:
    """The id of the work that does this rung of the article of this name."""
    return f"{CLIMB} {article} {number}"


def visit_item(article: str, number: int) -> str:
    """The id of the message that asks for visits at this rung: each who gets one gets one."""
    return f"m-{uuid.uuid5(_VISITS, f'{article} {number}').hex}"
