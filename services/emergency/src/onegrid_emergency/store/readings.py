"""The statements over what readings have made of devices: their states, alarms, and who is due."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import Connection, and_, case, func, select, text
from sqlalchemy.dialects.postgresql import insert

from onegrid.emergency.v1.sensors_pb2 import DeviceCondition
from onegrid_emergency.sensing.device import Rules
from onegrid_emergency.sensing.judging import Reading, Window
from onegrid_emergency.store.devices import Known, known_of, select_known
from onegrid_emergency.store.sensing_documents import (
    detail_document,
    readings_document,
    readings_of,
    rules_document,
    rules_of,
    window_document,
    window_of,
)
from onegrid_emergency.tables import alarm, device, device_state
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "STORE_QUIET",
    "Alarm",
    "alarms_page",
    "beat",
    "clear_alarm",
    "count_by_condition",
    "due",
    "insert_alarm",
    "known_devices",
    "save_states",
]

STORE_QUIET: Final = """
    WITH item AS (
      SELECT * FROM unnest(
        CAST($2 AS text[]), CAST($3 AS bigint[]), CAST($4 AS bigint[]), CAST($5 AS bigint[]),
        CAST($6 AS double precision[]), CAST($7 AS bigint[])
      ) WITH ORDINALITY AS item (device, version, time_ms, sequence, value, value_since_ms, position)
    ), stored AS (
      UPDATE device_state AS state
      SET version = state.version + 1, time_ms = item.time_ms, sequence = item.sequence, value = item.value,
        value_since_ms = item.value_since_ms, receive_time = $8
      FROM item
      WHERE state.district = $1 AND state.device = item.device AND state.version = item.version
      RETURNING item.position
    )
    SELECT count(*) AS count, CASE WHEN count(*) < $9 THEN array_agg(position) END AS positions FROM stored
"""
"""Stores the last readings of devices of which nothing else has changed, if the states are those that were judged; for
a `DedicatedConnection`. Items in the order of the devices, so that two statements can't wait for one another."""

_SAVE = text(
    """
    UPDATE device_state AS state
    SET version = state.version + 1, time_ms = item.time_ms, sequence = item.sequence,
      value = CAST(item.value AS double precision), value_since_ms = item.value_since_ms, condition = item.condition,
      receive_time = item.receive_time, silent = item.silent, due_time = item.due_time,
      detail = nullif(item.detail, 'null'), incident = item.incident
    FROM jsonb_to_recordset(CAST(:document AS jsonb)) AS item (
      district text, device text, time_ms bigint, sequence bigint, value text, value_since_ms bigint,
      condition smallint, receive_time timestamptz, silent boolean, due_time timestamptz, detail jsonb, incident text)
    WHERE state.district = item.district AND state.device = item.device
    """
)
_BEAT = text(
    """
    INSERT INTO receiver AS known (name, beat_time, ready_since) VALUES (:name, :now, :now)
    ON CONFLICT (name) DO UPDATE SET
      ready_since = CASE WHEN known.beat_time < :missed THEN excluded.ready_since ELSE known.ready_since END,
      beat_time = greatest(known.beat_time, excluded.beat_time)
    RETURNING ready_since
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm of a device."""

    district: str
    device: str
    """The device's id."""
    id: str
    threshold: str
    reading: Reading
    """The one that raised it."""
    raise_time: datetime
    clear_time: datetime | None = None
    incident: str
    """The incident's id."""
    report: str
    """The report's id."""
    rules: Rules
    """Those by which it was raised."""
    window: Window
    """The readings until it was raised."""
    after: tuple[Reading, ...] = ()
    """Those until it was cleared."""


def known_devices(conn: Connection, district: str, ids: Sequence[str], *, lock: bool = False) -> list[Known]:
    """Those of these devices that are in use, with their states; locked in the order of their ids, if they are to be
    changed.
    """
    query = select_known().where(
        device_state.c.district == district, device_state.c.device.in_(ids), device.c.retire_time.is_(None)
    )
    if lock:
        query = query.order_by(device_state.c.device).with_for_update(of=device_state)
    return [known_of(row) for row in conn.execute(query)]


def due(conn: Connection, now: datetime, most: int) -> list[Known]:
    """Devices that must be looked at, the longest due first, locked; those that somebody else looks at are left out."""
    query = (
        select_known()
        .where(device_state.c.due_time <= now)
        .order_by(device_state.c.due_time)
        .limit(most)
        .with_for_update(of=device_state, skip_locked=True)
    )
    return [known_of(row) for row in conn.execute(query)]


def save_states(conn: Connection, changed: Sequence[Known]) -> None:
    """Store states that were locked."""
    if not changed:
        return
    document = [
        {
            "district": each.device.district,
            "device": each.device.id,
            "time_ms": each.state.time,
            "sequence": each.state.sequence,
            "value": str(each.state.value),
            "value_since_ms": each.state.value_since,
            "condition": each.state.condition,
            "receive_time": each.receive_time,
            "silent": each.silent,
            "due_time": each.due_time,
            "detail": detail_document(each.state),
            "incident": each.incident,
        }
        for each in changed
    ]
    conn.execute(_SAVE, {"document": orjson.dumps(document).decode()})


def insert_alarm(conn: Connection, new: Alarm) -> None:
    """Store a raised alarm."""
    conn.execute(
        insert(alarm).values(
            district=new.district,
            device=new.device,
            id=new.id,
            threshold=new.threshold,
            time_ms=new.reading.time,
            sequence=new.reading.sequence,
            value=new.reading.value,
            raise_time=new.raise_time,
            incident=new.incident,
            report=new.report,
            rules=rules_document(new.rules),
            window=window_document(new.window),
        )
    )


def clear_alarm(
    conn: Connection, device_id: str, threshold: str, now: datetime, readings: Sequence[Reading]
) -> Alarm | None:
    """Store that the device's alarm of that threshold is cleared, with the readings until then; the alarm, if one is
    raised.
    """
    raised = (
        alarm.c.district == codes.district_of(device_id),
        alarm.c.device == device_id,
        alarm.c.threshold == threshold,
        alarm.c.clear_time.is_(None),
    )
    row = conn.execute(select(alarm).where(*raised)).first()
    if row is None:
        return None
    after = [each for each in readings if each[:2] > (row.time_ms, row.sequence)]
    window = {**row.window, "after": readings_document(after)}
    cleared = alarm.update().where(*raised).values(clear_time=now, window=window).returning(*alarm.c)
    return _alarm(conn.execute(cleared).one())


def alarms_page(conn: Connection, device_id: str, after: Position, limit: int) -> list[Alarm]:
    """The device's alarms, the newest first."""
    order = (alarm.c.raise_time, alarm.c.id)
    query = select(alarm).where(
        alarm.c.district == codes.district_of(device_id),
        alarm.c.device == device_id,
        behind(after, *order, descending=True),
    )
    rows = conn.execute(query.order_by(*(each.desc() for each in order)).limit(limit))
    return [_alarm(row) for row in rows]


def count_by_condition(conn: Connection) -> Mapping[int, int]:
    """How many devices in use are in each condition."""
    of_device = case((device_state.c.silent, DeviceCondition.DEVICE_CONDITION_SILENT), else_=device_state.c.condition)
    query = (
        select(of_device, func.count())
        .join_from(
            device_state,
            device,
            and_(device.c.district == device_state.c.district, device.c.id == device_state.c.device),
        )
        .where(device.c.retire_time.is_(None))
        .group_by(of_device)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def beat(conn: Connection, name: str, now: datetime, missed: datetime) -> datetime:
    """Note that readings can arrive by this way; since when they can without a pause. There was one if it was noted
    last before `missed`.
    """
    ready: datetime = conn.execute(_BEAT, {"name": name, "now": now, "missed": missed}).scalar_one()
    return ready


def _alarm(row: Any) -> Alarm:
    document: Mapping[str, Any] = row.window
    return Alarm(
        district=row.district,
        device=row.device,
        id=row.id,
        threshold=row.threshold,
        reading=Reading(row.time_ms, row.sequence, row.value),
        raise_time=row.raise_time,
        clear_time=row.clear_time,
        incident=row.incident,
        report=row.report,
        rules=rules_of(row.rules),
        window=window_of(document),
        after=readings_of(document.get("after", ())),
    )
