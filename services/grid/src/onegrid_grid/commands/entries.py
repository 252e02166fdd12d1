"""Entries of the field log: taken, and what follows of them at once."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from onegrid.field.v1.field_pb2 import BatchResult, Entry, SignedBatch
from onegrid.grid.v1.records_pb2 import RoundRecord
from onegrid_grid.commands.findings import record_findings
from onegrid_grid.commands.looking import look_soon
from onegrid_grid.inspection_round import ROUND, Round, cell_of
from onegrid_grid.records import record_of, texts_of
from onegrid_grid.store import rounds as store
from onegrid_grid.store.registry import known_cells
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation
from onegrid_kit.field import log
from onegrid_kit.field.contents import content_in, content_refused
from onegrid_kit.field.device_keys import DeviceKey, find_device_key
from onegrid_kit.persons import naming

__all__ = ["append_entries"]

_SAME_BOOT: Final = timedelta(days=2)
"""For how long what a device sends later may correct the clock of rounds that it has sent before."""


def append_entries(conn: Connection, batch: SignedBatch, call: Call) -> BatchResult:
    """Take what a device has recorded. Raises DeviceKeyUnknown or SignatureInvalid."""
    key = find_device_key(conn, batch.device_key)
    accepting = _Accepting(conn, key)
    appended = log.append(conn, "grid", key, batch, call.now, accepting.subject_of)
    recorded = [(each, record_of(each.entry)) for each in appended.new]
    touched = {ROUND.id(record.round) for _, record in recorded}
    new = [Round(id=each, create_time=call.now, update_time=call.now) for each in sorted(touched)]
    store.enter_rounds(conn, new)
    record_findings(conn, [(each, record) for each, record in recorded if record.HasField("find")], key, call)
    of_device = store.rounds_of_device(conn, key.name, call.now - _SAME_BOOT) if appended.clock_learned else ()
    look_soon(conn, {*touched, *map(ROUND.id, appended.contradicted), *of_device}, call.now)
    return appended.result


class _Accepting:
    """Says of each entry of a batch what it is about."""

    def __init__(self, conn: Connection, key: DeviceKey) -> None:
        self._conn = conn
        self._district = key.district
        self._known: dict[str, bool] = {}

    def subject_of(self, entry: Entry) -> str:
        """The name of the round. Raises EntryRefused."""
        record = content_in(entry, RoundRecord)
        if not self._is_known(cell_of(ROUND.id(record.round))):
            raise content_refused(FieldViolation("content.round", "begins with no cell of the device's district"))
        violations = naming(partial(known_cells, self._conn), texts_of(record))
        if violations:
            raise content_refused(*violations)
        return record.round

    def _is_known(self, cell: str) -> bool:
        if cell not in self._known:
            at_home = codes.district_of(cell) == self._district
            self._known[cell] = at_home and bool(known_cells(self._conn, {cell}))
        return self._known[cell]
