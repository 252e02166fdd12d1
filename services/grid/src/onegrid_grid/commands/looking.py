"""Looking at rounds: what their logs come to by now.

A round is looked at when entries have arrived, and when something is learned of a device that made some. Everything
follows from the entries and the moment, so a look that is missed, repeated or late changes nothing that the next one
does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid_grid import round_log
from onegrid_grid.inspection_round import ROUND, Round
from onegrid_grid.records import BEFORE, recorded_in
from onegrid_grid.store import rounds as store
from onegrid_grid.store.findings import CORRECTIONS
from onegrid_kit import ladder
from onegrid_kit.field import log as field_log
from onegrid_kit.field.log import Wanted
from onegrid_kit.field.model import JudgedEntry, derived_id
from onegrid_kit.ladder import Climb, Next

__all__ = ["LOOK", "look_at_rounds", "look_soon"]

LOOK: Final = "round"


def look_soon(conn: Connection, ids: Iterable[str], now: datetime) -> None:
    """Have these rounds looked at once this transaction is committed."""
    # In one order, so that two transactions do not wait for one another.
    ladder.restart(conn, LOOK, sorted(map(ROUND.name, ids)), now)


def look_at_rounds(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Judge these rounds. All are read, and what changes is stored, together."""
    rounds = list(store.lock_rounds(conn, [ROUND.id(climb.subject) for climb in climbs]).values())
    logs = field_log.read(
        conn, [Wanted(each.district, each.name, each.create_time - BEFORE, each.devices) for each in rounds]
    )
    changed: list[Round] = []
    found: list[tuple[str, str, JudgedEntry]] = []
    for before, log in zip(rounds, logs, strict=True):
        if len(log.entries) < before.entries:
            # Entries are deleted after a time: what was made of them stays.
            continue
        recorded = recorded_in(log)
        after, entries = round_log.judged(before, round_log.Log(recorded, log.devices), now)
        if after != before:
            changed.append(replace(after, version=before.version + 1, update_time=now))
        kinds = {each.entry.hash: each.record.WhichOneof("record") for each in recorded}
        found += (
            (before.district, derived_id(each.entry.hash), each) for each in entries if kinds[each.entry.hash] == "find"
        )
    store.update_rounds(conn, changed)
    CORRECTIONS.make(conn, found)
    return [None for _ in climbs]
