"""Between the contract's messages and the records of what members completed."""

from __future__ import annotations

from onegrid.partyedu.v1 import completions_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.completion import Completion, Training
from onegrid_partyedu.member import MEMBER

__all__ = ["completion", "training"]


def completion(of: Completion) -> completions_pb2.Completion:
    """What was completed, as a message."""
    return completions_pb2.Completion(
        member=MEMBER.name(of.member),
        subject=of.subject,
        kind=of.kind,
        year=of.year,
        minutes=of.minutes,
        percent=of.percent,
        complete_time=timestamp(of.complete_time),
    )


def training(of: Training) -> completions_pb2.Training:
    """The training as a message."""
    return completions_pb2.Training(
        name=of.name,
        display_name=of.display_name,
        minutes=of.minutes,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )
