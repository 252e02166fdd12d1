"""Attempts at quizzes, and what is granted for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import jwt
from google.protobuf.message import Message

from onegrid.partyedu.v1 import attempt_methods_pb2 as pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1.attempts_pb2 import Attempt
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from ..acting import DISTRICT
from ..calling import District
from .organizations import a_member, member, organization, somebody
from .quizzes import quiz

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def as_member(district: District, caller: str = "admin") -> str:
    """The caller, who is a member from then on."""
    if not district.attempt(members_pb.GetMemberRequest(name="members/me"), caller).ok:
        claims = jwt.decode(district.tokens[caller], options={"verify_signature": False})
        admitted = a_member(organization(district).name, user=claims["sub"])
        eventually(lambda: district.attempt(admitted, "admin").ok)
    return caller


def attempt(district: District, of: str = "", office: str = DISTRICT) -> Attempt:
    """A new one of the administrator's, at that quiz or a new one."""
    request = pb.StartAttemptRequest(quiz=of or quiz(district, office, publish=True).name)
    return district.do(request, as_member(district), pb.StartAttemptResponse).attempt


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    taken, who = f"attempts/{DISTRICT}-{'0' * 20}", f"members/{DISTRICT}-{'0' * 20}"
    at = f"quizzes/{place}-none"
    if there:
        begun = attempt(district, office=place)
        taken, at = begun.name, begun.quiz
        who = member(district, organization(district, place).name).name
    yield pb.SaveAnswerRequest(name=taken, slot=1, answer=["A"], sequence=1)
    yield pb.SubmitAttemptRequest(name=taken)
    yield pb.GetAttemptRequest(name=taken)
    yield pb.ListAttemptsRequest(quiz=at)
    yield pb.GetEvidenceRequest(name=taken)
    yield pb.SetAccommodationRequest(quiz=at, member=who, extra_minutes=10)
    yield pb.ListAccommodationsRequest(quiz=at)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first, second = (quiz(district, STREET, publish=True).name for _ in range(2))
    for of in (first, first, first, second):
        begun = attempt(district, of)
        district.do(pb.SubmitAttemptRequest(name=begun.name), "admin", pb.SubmitAttemptResponse)
        granted = pb.SetAccommodationRequest(quiz=of, member=somebody(district).name, extra_minutes=10)
        district.do(granted, "admin", pb.SetAccommodationResponse)
    return {
        "ListAttempts": tuple(pb.ListAttemptsRequest(quiz=of) for of in (first, second)),
        "ListOwnAttempts": (pb.ListOwnAttemptsRequest(), pb.ListOwnAttemptsRequest(quiz=first)),
        "ListAccommodations": tuple(pb.ListAccommodationsRequest(quiz=of) for of in (first, second)),
    }


def starting(district: District) -> tuple[str, Message]:
    return as_member(district), pb.StartAttemptRequest(quiz=quiz(district, publish=True).name)


def saving(district: District) -> tuple[str, Message]:
    return "admin", pb.SaveAnswerRequest(name=attempt(district).name, slot=1, answer=["A"], sequence=1)


def granting(district: District) -> tuple[str, Message]:
    of, who = quiz(district).name, somebody(district).name
    return "admin", pb.SetAccommodationRequest(quiz=of, member=who, extra_minutes=10)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "StartAttempt": starting,
    "SaveAnswer": saving,
    "SubmitAttempt": lambda district: ("admin", pb.SubmitAttemptRequest(name=attempt(district).name)),
    "SetAccommodation": granting,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "StartAttempt": lambda request: setattr(request, "quiz", request.quiz + "x"),  # type: ignore[attr-defined]
    "SaveAnswer": lambda request: setattr(request, "sequence", 2),
    "SubmitAttempt": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
    "SetAccommodation": lambda request: setattr(request, "extra_attempts", 1),
}
"""Something of each request that can be other without breaking its rules."""
