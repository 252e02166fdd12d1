"""A service that comes later hears of all that is current: it is announced again, in steps.

A release may bring a new service, or a new handler of an old one; an installation may take in a service that it had
left out. Their projections begin empty, and events of the past are gone. So a service says how what it announces can be
announced as it is now (`Service.current`), and that is done once for each subscriber that the contract names, as soon
as its queue is there. The other subscribers get the same again, and keep the newest version as always.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from google.protobuf.message import Message
from sqlalchemy import Connection, text

from onegrid_kit import ids, outbox, steps
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.events import require_event
from onegrid_kit.logs import log
from onegrid_kit.paging import Position
from onegrid_kit.steps import Progress, Steps, Work

__all__ = ["Current", "announce_to", "steps_of"]

_PIECE: Final = 5000
_PAUSE_S: Final = 1.0
_NOTE: Final = text(
    """
    INSERT INTO announced_to (event_type, subscriber)
    SELECT CAST(:event_type AS text), unnest(CAST(:subscribers AS text[]))
    ON CONFLICT DO NOTHING RETURNING subscriber
    """
)
_FORGET: Final = text(
    "DELETE FROM announced_to WHERE event_type = :event_type AND subscriber <> ALL (CAST(:subscribers AS text[]))"
)
_WAITING: Final = text("SELECT count(*) FROM (SELECT FROM outbox LIMIT :most) AS waiting")


@dataclass(frozen=True, slots=True)
class Current:
    """How all that is current of one kind is announced."""

    message: type[Message]
    """The event that announces one."""
    page: Callable[[Connection, datetime, Position, int], Sequence[tuple[Position, str, Message]]]
    """The next ones behind a position, at most so many: the position of each, its subject, and the event."""

    @property
    def type(self) -> str:
        """The event's type."""
        return self.message.DESCRIPTOR.full_name

    @property
    def work(self) -> str:
        """The kind of work that announces them."""
        return f"announce {self.message.DESCRIPTOR.name}"


def steps_of(all_current: Sequence[Current]) -> tuple[Steps, ...]:
    """The kinds of work that announce what is current."""
    for each in all_current:
        require_event(each.message)
    return tuple(Steps(each.work, partial(_announce_piece, each)) for each in all_current)


def announce_to(
    conn: Connection,
    all_current: Sequence[Current],
    expected: Mapping[str, Collection[str]],
    missing: Collection[str] = (),
) -> None:
    """Start to announce what is current of each type that has a subscriber for the first time.

    `expected`: the subscribers of each type that this installation has; `missing`: those whose queue is not there yet.
    One that the installation leaves out for a while is new when it returns.
    """
    for each in all_current:
        names = expected.get(each.type, ())
        conn.execute(_FORGET, {"event_type": each.type, "subscribers": sorted(names)})
        present = sorted(set(names) - set(missing))
        new = sorted(conn.execute(_NOTE, {"event_type": each.type, "subscribers": present}).scalars())
        if new:
            log.info("what is current is announced to new subscribers", type=each.type, subscribers=new)
            steps.start(conn, each.work, ids.new_id(), subject=each.type, parameters={"subscribers": new})


def _announce_piece(current: Current, conn: Connection, work: Work, now: datetime) -> Progress:
    if conn.execute(_WAITING, {"most": _PIECE}).scalar_one() == _PIECE:
        # What happens meanwhile stands behind these in the outbox: it must not wait for long.
        time.sleep(_PAUSE_S)
        return Progress(work.cursor, 0, finished=False)
    after: tuple[Any, ...] = tuple(work.cursor.get("after", ()))
    page = current.page(conn, now, after, _PIECE)
    call = Call(caller=ANONYMOUS, now=now, method=current.work, traceparent=work.traceparent)
    outbox.append(conn, call, [(subject, event) for _, subject, event in page])
    last = page[-1][0] if page else after
    return Progress({"after": list(last)}, len(page), finished=len(page) < _PIECE)
