"""Entries of the field log: taken, and what follows of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import AlarmKind
from onegrid.border.v1.records_pb2 import CheckIn, PatrolRecord
from onegrid.field.v1.field_pb2 import BatchResult, Entry, SignedBatch
from onegrid_border.alarm import Alarm
from onegrid_border.commands import alarms
from onegrid_border.commands.codes import keep_shown
from onegrid_border.commands.looking import look_soon, walked_with
from onegrid_border.commands.observations import record_observation
from onegrid_border.patrol import PATROL, Patrol
from onegrid_border.records import record_in, record_of, texts_of
from onegrid_border.store import alarms as alarm_store
from onegrid_border.store import patrols as store
from onegrid_border.store.cells import known_cells
from onegrid_kit import codes, outbox
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.errors import FieldViolation
from onegrid_kit.field import log
from onegrid_kit.field.contents import content_refused
from onegrid_kit.field.device_keys import DeviceKey, find_device_key
from onegrid_kit.field.log import KeptEntry
from onegrid_kit.persons import naming

__all__ = ["append_entries"]


def append_entries(conn: Connection, batch: SignedBatch, cipher: Cipher, call: Call) -> BatchResult:
    """Take what a device has recorded. Raises DeviceKeyUnknown or SignatureInvalid."""
    key = find_device_key(conn, batch.device_key)
    accepting = _Accepting(conn, key)
    appended = log.append(conn, "border", key, batch, call.now, accepting.subject_of)
    records = [record_of(each.entry) for each in appended.new]
    touched = {record.patrol for record in records}
    calls: list[Alarm] = []
    read: list[tuple[KeptEntry, CheckIn, Patrol]] = []
    for each, record in zip(appended.new, records, strict=True):
        patrol = accepting.patrol_of(record)
        match record.WhichOneof("record"):
            case "call_for_help":
                calls.append(_called_for_help(each, record, patrol, call.now))
            case "observe":
                record_observation(conn, patrol, each, key, call)
            case "check_in" if record.check_in.code:
                read.append((each, record.check_in, patrol))
    if read:
        keep_shown(conn, read, cipher)
    if calls:
        _call_for_help(conn, calls, call)
    # Where entries were missing, it may be known now what was not reached.
    waiting = store.outstanding_of(conn, key.district, key.name)
    shifted = walked_with(conn, key.name, call.now) if appended.clock_learned else ()
    look_soon(conn, {*map(PATROL.id, touched | appended.contradicted), *waiting, *shifted}, call.now)
    return appended.result


def _call_for_help(conn: Connection, calls: Sequence[Alarm], call: Call) -> None:
    """Raise the alarms in the transaction that stores the entries: help waits for no judgement."""
    known = alarm_store.known_alarms(conn, [each.name for each in calls])
    raised = [each for each in calls if each.name not in known]
    alarms.keep(conn, raised, call.now)
    outbox.append(conn, call, list(map(alarms.news_of, raised)))


def _called_for_help(kept: KeptEntry, record: PatrolRecord, patrol: Patrol, now: datetime) -> Alarm:
    return Alarm(
        patrol=patrol.id,
        id=f"help-{kept.hash.hex()[:16]}",
        kind=AlarmKind.ALARM_KIND_CALL_FOR_HELP,
        unit=patrol.unit,
        lone=patrol.lone,
        text=record.call_for_help.text,
        since_time=kept.entry.device_time.ToDatetime(UTC),
        raise_time=now,
        position=patrol.position,
    )


class _Accepting:
    """Says of each entry of a batch what it is about."""

    def __init__(self, conn: Connection, key: DeviceKey) -> None:
        self._conn = conn
        self._district = key.district
        self._found: dict[str, Patrol] = {}
        self._unknown: set[str] = set()

    def subject_of(self, entry: Entry) -> str:
        """The name of the patrol. Raises EntryRefused."""
        record = record_in(entry)
        id_ = PATROL.id(record.patrol)
        if not self._is_known(id_):
            raise content_refused(FieldViolation("content.patrol", "is no patrol of the device's district"))
        violations = naming(partial(known_cells, self._conn), texts_of(record))
        if violations:
            raise content_refused(*violations)
        return record.patrol

    def _is_known(self, id_: str) -> bool:
        if id_ not in self._found and id_ not in self._unknown:
            at_home = codes.district_of(id_) == self._district
            found = store.find_patrol(self._conn, id_) if at_home else None
            if found is None:
                self._unknown.add(id_)
            else:
                self._found[id_] = found
        return id_ in self._found

    def patrol_of(self, record: PatrolRecord) -> Patrol:
        """The patrol that a record that was accepted is about."""
        return self._found[PATROL.id(record.patrol)]
