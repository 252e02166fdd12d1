"""Entries of the field log: taken, and what follows of them at once."""

from __future__ import annotations

from datetime import UTC

from sqlalchemy import Connection

from onegrid.border.v1.patrols_pb2 import AlarmKind
from onegrid.field.v1.field_pb2 import BatchResult, Entry, RefusalReason, SignedBatch
from onegrid_border.alarm import Alarm
from onegrid_border.commands import alarms
from onegrid_border.commands.looking import look_soon
from onegrid_border.commands.observations import record_observation
from onegrid_border.commands.texts import naming
from onegrid_border.patrol import PATROL, Patrol
from onegrid_border.records import record_in, record_of, texts_of
from onegrid_border.store import alarms as alarm_store
from onegrid_border.store import patrols as store
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation
from onegrid_kit.field import log
from onegrid_kit.field.device_keys import DeviceKey, find_device_key
from onegrid_kit.field.errors import EntryRefused
from onegrid_kit.field.log import KeptEntry

__all__ = ["append_entries"]


def append_entries(conn: Connection, batch: SignedBatch, call: Call) -> BatchResult:
    """Take what a device has recorded. Raises DeviceKeyUnknown or SignatureInvalid."""
    key = find_device_key(conn, batch.device_key)
    accepting = _Accepting(conn, key)
    appended = log.append(conn, "border", key, batch, call.now, accepting.subject_of)
    touched = {record_of(each.entry).patrol for each in appended.new}
    for each in appended.new:
        match record_of(each.entry).WhichOneof("record"):
            case "call_for_help":
                _call_for_help(conn, each, call)
            case "observe":
                record_observation(conn, accepting.patrol_of(each), each, key, call)
    # Where entries were missing, it may be known now what was not reached.
    waiting = store.outstanding_of(conn, key.district, key.name)
    look_soon(conn, {*map(PATROL.id, touched), *waiting}, call.now)
    return appended.result


def _call_for_help(conn: Connection, kept: KeptEntry, call: Call) -> None:
    """Raise the alarm in the transaction that stores the entry: help waits for no judgement."""
    record = record_of(kept.entry)
    patrol = store.find_patrol(conn, PATROL.id(record.patrol))
    if patrol is None or alarm_store.find_alarm(conn, patrol.id, _alarm_id(kept)) is not None:
        return
    alarm = Alarm(
        patrol=patrol.id,
        id=_alarm_id(kept),
        kind=AlarmKind.ALARM_KIND_CALL_FOR_HELP,
        unit=patrol.unit,
        lone=patrol.lone,
        text=record.call_for_help.text,
        since_time=kept.entry.device_time.ToDatetime(UTC),
        raise_time=call.now,
        position=patrol.position,
    )
    alarms.keep(conn, alarm, call)


def _alarm_id(kept: KeptEntry) -> str:
    return f"help-{kept.hash.hex()[:16]}"


class _Accepting:
    """Says of each entry of a batch what it is about."""

    def __init__(self, conn: Connection, key: DeviceKey) -> None:
        self._conn = conn
        self._district = key.district
        self._known: dict[str, Patrol | None] = {}

    def subject_of(self, entry: Entry) -> str:
        """The name of the patrol. Raises EntryRefused."""
        record = record_in(entry)
        id_ = PATROL.id(record.patrol)
        if id_ not in self._known:
            at_home = codes.district_of(id_) == self._district
            self._known[id_] = store.find_patrol(self._conn, id_) if at_home else None
        if self._known[id_] is None:
            raise _refused(FieldViolation("content.patrol", "is no patrol of the device's district"))
        _, violations = naming(self._conn, texts_of(record))
        if violations:
            raise _refused(*violations)
        return record.patrol

    def patrol_of(self, kept: KeptEntry) -> Patrol:
        """The patrol of an entry that was accepted."""
        patrol = self._known[PATROL.id(record_of(kept.entry).patrol)]
        assert patrol is not None
        return patrol


def _refused(*violations: FieldViolation) -> EntryRefused:
    return EntryRefused(RefusalReason.REFUSAL_REASON_CONTENT_REFUSED, *violations)
