"""Trainings, and what members completed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import completion_methods_pb2 as pb
from onegrid.partyedu.v1.completions_pb2 import Training
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .organizations import member, organization, somebody

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)
_COMPLETED = Timestamp(seconds=int(datetime(2024, 7, 1, tzinfo=UTC).timestamp()))


def a_training(office: str) -> Training:
    """One that is not defined yet."""
    return Training(name=f"trainings/{office}-t{next(_numbers)}", display_name="党校春季班", minutes=480)


def training(district: District, office: str = DISTRICT) -> Training:
    """A new one."""
    request = pb.DefineTrainingRequest(training=a_training(office))
    return district.do(request, "admin", pb.DefineTrainingResponse).training


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, who = a_training(place), f"members/{DISTRICT}-{'0' * 20}"
    if there:
        of, who = training(district, place), member(district, organization(district, place).name).name
    yield pb.DefineTrainingRequest(training=Training(name=of.name, display_name="x"))
    yield pb.ListTrainingsRequest(scope=place)
    yield pb.RecordCompletionRequest(member=who, training=of.name, complete_time=_COMPLETED)
    yield pb.ListCompletionsRequest(member=who)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    studied, other = somebody(district), somebody(district)
    for _ in range(4):
        completed = pb.RecordCompletionRequest(
            member=studied.name, training=training(district, STREET).name, complete_time=_COMPLETED
        )
        district.do(completed, "admin", pb.RecordCompletionResponse)
    return {
        "ListTrainings": (pb.ListTrainingsRequest(scope=DISTRICT), pb.ListTrainingsRequest(scope=STREET)),
        "ListCompletions": (
            pb.ListCompletionsRequest(member=studied.name),
            pb.ListCompletionsRequest(member=other.name),
        ),
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineTraining": lambda _: ("admin", pb.DefineTrainingRequest(training=a_training(DISTRICT))),
    "RecordCompletion": lambda district: (
        "admin",
        pb.RecordCompletionRequest(
            member=somebody(district).name, training=training(district).name, complete_time=_COMPLETED
        ),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineTraining": lambda request: setattr(request.training, "minutes", 481),  # type: ignore[attr-defined]
    "RecordCompletion": lambda request: setattr(request, "percent", 90),
}
"""Something of each request that can be other without breaking its rules."""
