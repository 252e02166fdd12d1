"""What emergency may do with incidents, as far as it announces it: for tests of those who follow its events."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from google.protobuf.message import Message
from hypothesis import strategies as st
from sqlalchemy import Connection

from onegrid.emergency.v1 import events_pb2 as emergency
from onegrid.emergency.v1.resources_pb2 import IncidentLevel, IncidentState
from onegrid_kit.events import Delivery
from onegrid_kit.incidents import Incident
from onegrid_kit.service import Service
from onegrid_kit.testing.api import TEST_CIPHER
from onegrid_kit.timestamps import timestamp

__all__ = ["Emergency", "handle_all", "history"]

REPORTED, RESPONDING, ALL_CLEAR, REVIEWED, DISMISSED, MERGED = (
    IncidentState.INCIDENT_STATE_REPORTED,
    IncidentState.INCIDENT_STATE_RESPONDING,
    IncidentState.INCIDENT_STATE_ALL_CLEAR,
    IncidentState.INCIDENT_STATE_REVIEWED,
    IncidentState.INCIDENT_STATE_DISMISSED,
    IncidentState.INCIDENT_STATE_MERGED,
)
NOW: Final = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
"""Of all of it: the clocks of several processes say nothing of the order."""
DISTRICT: Final = "210602"
OPEN: Final = (REPORTED, RESPONDING)
LEVELS: Final = (
    IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED,
    IncidentLevel.INCIDENT_LEVEL_I,
    IncidentLevel.INCIDENT_LEVEL_II,
    IncidentLevel.INCIDENT_LEVEL_III,
    IncidentLevel.INCIDENT_LEVEL_IV,
)
MOVES: Final[dict[str, tuple[Sequence[IncidentState], IncidentState, type[Message], bool]]] = {
    "respond": ((REPORTED,), RESPONDING, emergency.IncidentResponded, False),
    "clear": ((RESPONDING,), ALL_CLEAR, emergency.AllClearDeclared, True),
    "reopen": ((ALL_CLEAR,), RESPONDING, emergency.IncidentReopened, True),
    "review": ((ALL_CLEAR,), REVIEWED, emergency.IncidentReviewed, False),
    "dismiss": (OPEN, DISMISSED, emergency.IncidentDismissed, True),
}
"""From where each step leads where, how it is announced, and whether it is worth a note to those whose it is."""


@dataclass
class One:
    """An incident."""

    name: str
    sequence: int = 1
    state: IncidentState = REPORTED
    level: IncidentLevel = IncidentLevel.INCIDENT_LEVEL_UNSPECIFIED
    sources: list[str] = field(default_factory=list)


class Emergency:
    """What emergency makes of these sources, an incident of each at first; what it announces, and what it comes to."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.events: list[Message] = []
        self.noted: Counter[tuple[str, str, int, int]] = Counter()
        self.incidents: list[One] = []
        for source in sources:
            self._report([source])

    def links(self) -> dict[str, Incident]:
        """The incident of each source in the end."""
        return {source: Incident(i.name, i.state, i.level) for i in self.incidents for source in i.sources}

    def move(self, one: One, move: str) -> None:
        """Take a step, if it can be taken."""
        before, after, event, noted = MOVES[move]
        if one.state in before:
            one.state = after
            self._announce(one, event, noted=one.sources if noted else ())

    def grade(self, one: One, level: IncidentLevel) -> None:
        """Grade an incident."""
        if one.state in (*OPEN, ALL_CLEAR):
            one.level = level
            self._announce(one, emergency.IncidentGraded)

    def merge(self, into: One, merged: One) -> None:
        """Merge one into another."""
        if into is merged or into.state not in OPEN or merged.state not in OPEN:
            return
        moved, merged.sources, merged.state = merged.sources, [], MERGED
        self._announce(merged, emergency.IncidentMerged, into=into.name)
        into.sources = [*into.sources, *moved]
        self._announce(into, emergency.ReportsMoved, noted=moved, sources=moved)

    def split(self, one: One, chosen: Sequence[str], home: One) -> None:
        """Split sources off: back into one that was merged, or into a new one."""
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


def history(data: st.DataObject, sources: Sequence[str]) -> Emergency:
    """Something that may happen to the incidents of these sources, which are names of resources."""
    made = Emergency(sources)
    for _ in range(data.draw(st.integers(3, 12))):
        going_on = [each for each in made.incidents if each.state in OPEN] or made.incidents
        one, other = data.draw(st.sampled_from(going_on)), data.draw(st.sampled_from(made.incidents))
        match data.draw(st.sampled_from(["merge", "merge", "merge", "split", "split", "grade", *MOVES])):
            case "grade":
                made.grade(one, data.draw(st.sampled_from(LEVELS)))
            case "merge":
                made.merge(one, other)
            case "split":
                largest = max(made.incidents, key=lambda each: len(each.sources))
                made.split(largest, data.draw(st.lists(st.sampled_from(largest.sources), unique=True)), other)
            case move:
                made.move(other, move)
    return made


def handle_all(service: Service, conn: Connection, events: Sequence[Message]) -> None:
    """Have a service handle these events, in this order and each anew, in one transaction."""
    handlers = service.load_handlers()
    for event in events:
        delivery = Delivery(id=str(uuid.uuid4()), type=event.DESCRIPTOR.full_name, subject="", time=NOW)
        for handler in handlers:
            if handler.message is type(event):
                handler.handle(conn, event, delivery, TEST_CIPHER)
