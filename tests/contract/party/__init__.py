"""What the tests of all contracts do with partyedu's, a module for each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from ..calling import District
from . import (
    attempts,
    certificates,
    completions,
    courses,
    guidance,
    hours,
    imports,
    meetings,
    organizations,
    quizzes,
    record_accesses,
    records,
    regradings,
    statements,
    study,
    study_plans,
    voice,
)

__all__ = ["CHANGES", "PARTS", "PREPARE", "elsewhere", "lists"]

PARTS = (
    organizations,
    completions,
    courses,
    imports,
    quizzes,
    study,
    study_plans,
    meetings,
    statements,
    hours,
    guidance,
    attempts,
    regradings,
    certificates,
    records,
    record_accesses,
    voice,
)


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    for part in PARTS:
        yield from part.elsewhere(district, place, there=there)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    return {method: queries for part in PARTS for method, queries in part.lists(district).items()}


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    method: prepare for part in PARTS for method, prepare in part.PREPARE.items()
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    method: change for part in PARTS for method, change in part.CHANGES.items()
}
"""Something of each request that can be other without breaking its rules."""
