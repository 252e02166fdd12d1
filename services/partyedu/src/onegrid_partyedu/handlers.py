"""What partyedu does when others announce something."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid.identity.v1.events_pb2 import UserDefined
from onegrid.partyedu.v1.events_pb2 import AttemptScored, AttemptStarted, StudyCompleted
from onegrid_kit.cipher import Cipher
from onegrid_kit.events import Delivery, on, on_many_personal, on_personal
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.handlers import keeping_device_keys
from onegrid_partyedu.commands import statements
from onegrid_partyedu.commands.looking import look_at_sittings_soon
from onegrid_partyedu.store import known, study

__all__ = ["HANDLERS"]

_JUDGED_ANEW: Final = timedelta(days=30)


def keep_cell(conn: Connection, event: CellDefined, _: Delivery) -> None:
    """Know that there is a cell."""
    known.keep_cell(conn, event.code, event.version)


def keep_user(conn: Connection, event: UserDefined, _: Delivery) -> None:
    """Know whose account a member can have."""
    known.keep_user(conn, event.district, event.user, event.state, event.version)


def keep_statements(conn: Connection, events: Sequence[tuple[StudyCompleted, Delivery]], cipher: Cipher) -> None:
    """Have the learning record store say so as well: of a list that was imported, there are thousands."""
    completions = {delivery.id: event.completion for event, delivery in events}
    statements.store_completions(conn, completions, cipher, events[0][1].call())


def keep_start(conn: Connection, event: AttemptStarted, delivery: Delivery, cipher: Cipher) -> None:
    """Have the learning record store say that an attempt began."""
    statements.store_start(conn, event.attempt, cipher, delivery.call())


def keep_score(conn: Connection, event: AttemptScored, delivery: Delivery, cipher: Cipher) -> None:
    """Have the learning record store say what an attempt reached."""
    statements.store_score(conn, event, cipher, delivery.call())


def judge_anew(conn: Connection, key: DeviceKey, delivery: Delivery) -> None:
    """Judge anew what a device signed: it may be known by now that it was lost."""
    of_device = study.sittings_of_device(conn, key.name, delivery.time - _JUDGED_ANEW)
    look_at_sittings_soon(conn, of_device, delivery.time)


HANDLERS = (
    on("keep_cell", CellDefined, keep_cell),
    on("keep_user", UserDefined, keep_user),
    on_many_personal("keep_statement", StudyCompleted, keep_statements, in_turn=True),
    on_personal("keep_start", AttemptStarted, keep_start),
    on_personal("keep_score", AttemptScored, keep_score),
    keeping_device_keys(judge_anew),
)
