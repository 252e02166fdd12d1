"""Whatever order emergency's events come in, and however often, petitions end with the same links and timelines."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from onegrid.emergency.v1 import events_pb2 as emergency
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid_kit.events import Delivery
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.timestamps import timestamp
from onegrid_petition import store
from onegrid_petition.main import SERVICE
from onegrid_petition.petition import PETITION, Incident

from .desk import Desk
from .people import DISTRICT

REPORTED, RESPONDING, ALL_CLEAR, REVIEWED, DISMISSED, MERGED = (
    IncidentState.INCIDENT_STATE_REPORTED,
    IncidentState.INCIDENT_STATE_RESPONDING,
    IncidentState.INCIDENT_STATE_ALL_CLEAR,
    IncidentState.INCIDENT_STATE_REVIEWED,
    IncidentState.INCIDENT_STATE_DISMISSED,
    IncidentState.INCIDENT_STATE_MERGED,
)
OPEN: Final = (REPORTED, RESPONDING)
MOVES: Final[dict[str, tuple[Sequence[IncidentState], IncidentState, type[Message], bool]]] = {
    "respond": ((REPORTED,), RESPONDING, emergency.IncidentResponded, False),
    "clear": ((RESPONDING,), ALL_CLEAR, emergency.AllClearDeclared, True),
    "reopen": ((ALL_CLEAR,), RESPONDING, emergency.IncidentReopened, True),
    "review": ((ALL_CLEAR,), REVIEWED, emergency.IncidentReviewed, False),
    "dismiss": (OPEN, DISMISSED, emergency.IncidentDismissed, True),
}
"""From where each step leads where, how it is announced, and whether timelines say so."""
HANDLERS: Final = [
    each for each in SERVICE.load_handlers() if each.message.DESCRIPTOR.full_name.startswith("onegrid.emergency.")
]
NOW: Final = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
"""Of all of it: the clocks of several processes say nothing of the order."""


@dataclass
class One:
    """An incident."""

    name: str
    sequence: int = 1
    state: IncidentState = REPORTED
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    sources: list[str] = field(default_factory=list)


class Emergency:
    """What emergency does, as far as it announces it."""

    def __init__(self, petitions: Sequence[str]) -> None:
        self.events: list[Message] = []
        self.noted: Counter[tuple[str, str, int, int]] = Counter()
        self.incidents: list[One] = []
        for petition in petitions:
            self._report([petition])

    def links(self) -> dict[str, Incident]:
        return {source: Incident(i.name, i.state, i.level) for i in self.incidents for source in i.sources}

    def move(self, one: One, move: str) -> None:
        before, after, event, noted = MOVES[move]
        if one.state in before:
            one.state = after
            self._announce(one, event, noted=one.sources if noted else ())

    def grade(self, one: One, level: IncidentLevel) -> None:
        if one.state in (*OPEN, ALL_CLEAR):
            one.level = level
            self._announce(one, emergency.IncidentGraded)

    def merge(self, into: One, merged: One) -> None:
        if into is merged or into.state not in OPEN or merged.state not in OPEN:
            return
        moved, merged.sources, merged.state = merged.sources, [], MERGED
        self._announce(merged, emergency.IncidentMerged, into=into.name)
        into.sources = [*into.sources, *moved]
        self._announce(into, emergency.ReportsMoved, noted=moved, sources=moved)

    def split(self, one: One, chosen: Sequence[str], home: One) -> None:
        if one.state not in OPEN or not 0 < len(chosen) < len(one.sources):
            return
        one.sources = [source for source in one.sources if source not in chosen]
        if home.state == MERGED:
            home.state, home.sources = REPORTED, [*chosen]
            self._announce(home, emergency.ReportsMoved, noted=chosen, sources=chosen)
        else:
            self._report(chosen)
        self._announce(one, emergency.ReportsDetached)

    def _report(self, sources: Sequence[str]) -> None:
        one = One(f"incidents/{DISTRICT}-20201111-{len(self.incidents):08}", 0, sources=[*sources])
        self.incidents.append(one)
        self.events.append(
            emergency.IncidentReported(incident=one.name, place=DISTRICT, source_name=sources[0], time=timestamp(NOW))
        )
        self._announce(one, emergency.ReportsMoved, noted=sources, sources=sources)
        if len(sources) == 1:
            # What is reported, and not split off, is announced by the first alone.
            self.events.pop()

    def _announce(self, one: One, event: type[Message], *, noted: Sequence[str] = (), **fields: object) -> None:
        one.sequence += 1
        step = emergency.IncidentStep(
            incident=one.name,
            sequence=one.sequence,
            time=timestamp(NOW),
            place=DISTRICT,
            state=one.state,
            level=one.level,
            sources=one.sources,
        )
        self.events.append(event(step=step, **fields))
        self.noted.update((source, one.name, one.state, one.level) for source in noted)


def history(data: st.DataObject, petitions: Sequence[str]) -> Emergency:
    """Something that may happen."""
    made = Emergency(petitions)
    for _ in range(data.draw(st.integers(3, 12))):
        going_on = [each for each in made.incidents if each.state in OPEN] or made.incidents
        one, other = data.draw(st.sampled_from(going_on)), data.draw(st.sampled_from(made.incidents))
        match data.draw(st.sampled_from(["merge", "merge", "merge", "split", "split", "grade", *MOVES])):
            case "grade":
                made.grade(one, data.draw(st.sampled_from(IncidentLevel.values())))
            case "merge":
                made.merge(one, other)
            case "split":
                largest = max(made.incidents, key=lambda each: len(each.sources))
                made.split(largest, data.draw(st.lists(st.sampled_from(largest.sources), unique=True)), other)
            case move:
                made.move(other, move)
    return made


def handle(conn: Connection, events: Sequence[Message]) -> None:
    for event in events:
        delivery = Delivery(id=str(uuid.uuid4()), type=event.DESCRIPTOR.full_name, subject="", time=NOW)
        for handler in HANDLERS:
            if handler.message is type(event):
                handler.handle(conn, event, delivery, TEST_CIPHER)


@pytest.fixture
async def petitions(desk: Desk) -> list[str]:
    """The names of some."""
    return [(await desk.file()).name for _ in range(4)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_order_of_emergencys_events_ends_with_the_same_links_and_timelines(
    petitions: list[str], engine: Engine, data: st.DataObject
) -> None:
    made = history(data, petitions)
    again = data.draw(st.lists(st.sampled_from(made.events), max_size=5))
    with engine.connect() as conn:
        handle(conn, data.draw(st.permutations([*made.events, *again])))
        found: dict[str, Any] = store.petitions_by_id(conn, [PETITION.id(name) for name in petitions])
        assert {each.name: each.incident for each in found.values()} == made.links()
        noted = Counter(
            (name, entry.incident.name, entry.incident.state, entry.incident.level)
            for name in petitions
            for entry in store.entries(conn, PETITION.id(name), (), 500, internal=True)
            if entry.incident
        )
        assert noted == made.noted
        conn.rollback()
