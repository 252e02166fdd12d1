"""A service's log of a district's devices: appended to, read for judging, and thinned when positions are old.

What is kept of a device is the same in whatever order its batches arrive: entries by their counters, or as conflicts;
the union of the counters that have arrived; the smallest anchor of each boot; when it was heard of. Batches of one
device are stored one after another, by the row of its log; those of different devices do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

from onegrid.field.v1.field_pb2 import BatchResult, CounterRange, Entry, Outcome, RefusalReason, SignedBatch
from onegrid_kit.errors import Conflict, SignatureInvalid
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.model import DEVICE_KEY, DeviceLog, Sending
from onegrid_kit.field.reading import Accept, Part, read_batch, result_of
from onegrid_kit.field.signing import is_signed_by

__all__ = ["Appended", "KeptEntry", "Log", "Wanted", "append", "forget", "outstanding", "read"]

_MOST_RANGES: Final = 100
_TRIES: Final = 3
_MISSING: Final = "unnest(int8multirange(int8range(1, newest + 1)) - arrived)"

# The row of the log is locked first: each other part waits for what it returns.
_APPEND = text(
    f"""
    WITH item AS MATERIALIZED (
      SELECT * FROM unnest(
        CAST(:counters AS bigint[]), CAST(:entry_ids AS uuid[]), CAST(:hashes AS bytea[]), CAST(:subjects AS text[]),
        CAST(:bodies AS bytea[])
      ) WITH ORDINALITY AS item (counter, entry_id, hash, subject, body, position)
    ), sent AS (
      SELECT CAST(:district AS text) AS district, CAST(:device_key AS uuid) AS device_key,
             CAST(:boot_id AS uuid) AS boot_id, CAST(:uptime AS interval) AS uptime, CAST(:newest AS bigint) AS newest,
             CAST(:now AS timestamptz) AS receive_time
    ), log AS (
      INSERT INTO field_log AS known (district, device_key, arrived, newest)
      SELECT district, device_key,
             (SELECT coalesce(range_agg(int8range(counter, counter, '[]')), '{{}}') FROM item), newest
      FROM sent
      ON CONFLICT (district, device_key) DO UPDATE SET
        arrived = known.arrived + excluded.arrived, newest = greatest(known.newest, excluded.newest)
      RETURNING arrived, newest
    ), boot AS (
      INSERT INTO field_boot AS known (district, device_key, boot_id, anchor)
      SELECT district, device_key, boot_id, receive_time - uptime FROM log CROSS JOIN sent
      ON CONFLICT (district, device_key, boot_id) DO UPDATE SET anchor = excluded.anchor
      WHERE known.anchor > excluded.anchor
      RETURNING boot_id
    ), heard AS (
      INSERT INTO field_sending (district, device_key, receive_time, boot_id, uptime, newest)
      SELECT district, device_key, receive_time, boot_id, uptime, sent.newest FROM log CROSS JOIN sent
      ON CONFLICT DO NOTHING
    ), stored AS (
      INSERT INTO field_entry (district, device_key, counter, entry_id, hash, subject, receive_time, body)
      SELECT district, device_key, counter, entry_id, hash, subject, receive_time, body
      FROM log CROSS JOIN sent CROSS JOIN item ORDER BY position
      ON CONFLICT DO NOTHING RETURNING hash
    ), other AS (
      SELECT looked_at.*, known_hash = hash AS same, known_hash IS NOT NULL OR id_is_known IS TRUE AS there FROM (
        -- Each by its key: in a join, or as EXISTS, the planner reads whole tables for these while they are small, and
        -- for a while after.
        SELECT item.*, (
          SELECT hash FROM field_entry AS known
          WHERE known.district = sent.district AND known.device_key = sent.device_key AND known.counter = item.counter
        ) AS known_hash, (
          SELECT true FROM field_entry AS known WHERE known.district = sent.district AND known.entry_id = item.entry_id
        ) AS id_is_known
        FROM item CROSS JOIN sent WHERE item.hash NOT IN (SELECT hash FROM stored) OFFSET 0
      ) AS looked_at
    ), conflicted AS (
      INSERT INTO field_conflict (district, device_key, counter, entry_id, hash, subject, receive_time, body)
      SELECT district, device_key, counter, entry_id, hash, subject, receive_time, body
      FROM other CROSS JOIN sent WHERE there AND same IS NOT TRUE ORDER BY position
      ON CONFLICT DO NOTHING RETURNING hash
    )
    SELECT ARRAY(SELECT position FROM other WHERE same) AS repeated,
           ARRAY(SELECT position FROM other WHERE there AND same IS NOT TRUE) AS conflicting,
           ARRAY(SELECT position FROM other WHERE hash IN (SELECT hash FROM conflicted)) AS conflicting_first,
           ARRAY(SELECT position FROM other WHERE NOT there) AS unseen,
           ARRAY(SELECT lower(range) FROM {_MISSING} AS range ORDER BY 1 LIMIT {_MOST_RANGES}) AS first,
           ARRAY(SELECT upper(range) - 1 FROM {_MISSING} AS range ORDER BY 1 LIMIT {_MOST_RANGES}) AS last,
           EXISTS (SELECT FROM boot) OR EXISTS (
             SELECT FROM sent
             JOIN field_boot AS own USING (district, device_key, boot_id)
             JOIN field_sending AS other ON other.district = sent.district AND other.device_key = sent.device_key
               AND other.receive_time > own.anchor + sent.uptime
           ) AS clock_learned
    FROM log
    """
)
_CONTRADICTED = text(
    " UNION ".join(
        f"""
        SELECT subject FROM {table} WHERE district = :district AND subject <> '' AND {condition}
        """
        for table in ("field_entry", "field_conflict")
        for condition in (
            "device_key = CAST(:device_key AS uuid) AND counter = ANY(CAST(:counters AS bigint[]))",
            "entry_id = ANY(CAST(:entry_ids AS uuid[]))",
        )
    )
)
_OUTSTANDING = text(
    f"""
    SELECT lower(range) AS first, upper(range) - 1 AS last FROM field_log CROSS JOIN {_MISSING} AS range
    WHERE district = :district AND device_key = CAST(:device_key AS uuid) ORDER BY first LIMIT :most
    """
)
_READ = text(
    """
    SELECT number, body, hash, conflicted
    FROM unnest(CAST(:districts AS text[]), CAST(:subjects AS text[])) WITH ORDINALITY
      AS wanted (district, subject, number)
    CROSS JOIN LATERAL (
      SELECT device_key, counter, hash, body, coalesce((
        SELECT true FROM field_conflict AS other
        WHERE other.district = entry.district AND other.device_key = entry.device_key AND other.counter = entry.counter
        LIMIT 1
      ), (
        SELECT true FROM field_conflict AS other
        WHERE other.district = entry.district AND other.entry_id = entry.entry_id
        LIMIT 1
      ), false) AS conflicted
      FROM field_entry AS entry
      WHERE entry.district = wanted.district AND entry.subject = wanted.subject AND entry.subject <> ''
      UNION ALL
      SELECT device_key, counter, hash, body, true
      FROM field_conflict AS entry
      WHERE entry.district = wanted.district AND entry.subject = wanted.subject AND entry.subject <> ''
      OFFSET 0  -- By the index for each of them: in a join, the planner may read all that there is.
    ) AS found WHERE body IS NOT NULL ORDER BY number, device_key, counter, hash
    """
)
_WANTED: Final = """
    unnest(CAST(:districts AS text[]), CAST(:device_keys AS uuid[]), CAST(:since AS timestamptz[])) WITH ORDINALITY
      AS wanted (district, device_key, since, number)
    """
_DEVICES = text(
    f"""
    SELECT number, lost_time, revoke_time,
      ARRAY(SELECT lower(range) FROM {_MISSING} AS range ORDER BY 1) AS first,
      ARRAY(SELECT upper(range) - 1 FROM {_MISSING} AS range ORDER BY 1) AS last
    FROM {_WANTED}
    LEFT JOIN field_log AS log ON log.district = wanted.district AND log.device_key = wanted.device_key
    LEFT JOIN field_device_key AS key ON key.device_key = wanted.device_key
    """
)
_BOOTS = text(
    f"""
    SELECT number, boot_id, anchor FROM {_WANTED}
    JOIN field_boot AS boot ON boot.district = wanted.district AND boot.device_key = wanted.device_key
    """
)
_SENDINGS = text(
    f"""
    SELECT number, boot_id, uptime, newest FROM {_WANTED}
    CROSS JOIN LATERAL (
      SELECT boot_id, uptime, newest FROM field_sending AS since
      WHERE since.district = wanted.district AND since.device_key = wanted.device_key
        AND since.receive_time >= wanted.since
      UNION ALL
      (SELECT boot_id, uptime, newest FROM field_sending AS before
       WHERE before.district = wanted.district AND before.device_key = wanted.device_key
         AND before.receive_time < wanted.since
       ORDER BY receive_time DESC LIMIT 1)
    ) AS sending
    """
)


def _forgetting(table: str) -> str:
    return f"""
    UPDATE {table} SET body = NULL, subject = '' WHERE ctid = ANY(ARRAY(
      SELECT ctid FROM {table} WHERE receive_time < :before AND body IS NOT NULL
      ORDER BY receive_time LIMIT :most FOR UPDATE SKIP LOCKED
    ))
    """


_FORGET = [text(_forgetting(table)) for table in ("field_entry", "field_conflict")]
# The last one says that nothing lacks which was made before.
_FORGET_SENDINGS = text(
    """
    DELETE FROM field_sending AS old WHERE receive_time < :before AND EXISTS (
      SELECT FROM field_sending AS later
      WHERE later.district = old.district AND later.device_key = old.device_key
        AND later.receive_time > old.receive_time AND later.receive_time < :before
    )
    """
)
_FORGET_BOOTS = text(
    """
    DELETE FROM field_boot AS boot WHERE anchor < :before AND NOT EXISTS (
      SELECT FROM field_sending AS sending
      WHERE sending.district = boot.district AND sending.device_key = boot.device_key
        AND sending.boot_id = boot.boot_id
    )
    """
)


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An entry as the log has it."""

    entry: Entry
    hash: bytes
    conflicted: bool
    """Whether another one has its counter or id."""


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of a batch."""

    result: BatchResult
    """What its sender is answered."""
    new: tuple[KeptEntry, ...]
    """Those of its entries that the log did not have, conflicts among them, in their order. A service does at once what
    follows of them, in the same transaction: it is given each of them once.
    """
    contradicted: frozenset[str] = frozenset()
    """What those are about, by name, that have the counter or the id of one of the new entries: they are judged
    otherwise from now on.
    """
    clock_learned: bool = False
    """Whether more is known of when the device made its entries, also those that the log had: the batch is the first
    one of a boot, or was on its way for a shorter time than all others, or for so long that another overtook it.
    """


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subject of which the log is to be read."""

    district: str
    subject: str
    """The name by which its entries were accepted."""
    since: datetime
    """When what is judged began; what devices sent long before is not needed."""
    devices: Collection[str] = ()
    """The names of devices of which something is to be known, also if they have no entry about it."""


@dataclass(frozen=True, slots=True)
class Log:
    """What is judged together."""

    entries: tuple[KeptEntry, ...]
    devices: Mapping[str, DeviceLog]
    """Of each device that has one of the entries, or was asked for, by its name."""


def append(
    conn: Connection, service: str, key: DeviceKey, batch: SignedBatch, now: datetime, accept: Accept
) -> Appended:
    """Store the entries of a batch that are right, each once, however often and in whatever order they come.

    `service`: the name of the service whose log it is. `batch` keeps the rules of its message. `now`: the server's
    time. Raises SignatureInvalid if the batch is not signed for this service with this key; Conflict if another batch
    was in the way several times.
    """
    if batch.device_key != key.name or not is_signed_by(batch, service, key.public_key):
        raise SignatureInvalid
    parts = read_batch(batch, accept)
    # One that stands twice in a batch is stored once.
    taken = {part.hash: part for part in parts if part.reason == RefusalReason.REFUSAL_REASON_UNSPECIFIED}
    kept = _keep(conn, key, batch, list(taken.values()), now)
    results, answered = [], set()
    for part in parts:
        outcome = kept.outcomes.get(part.hash, Outcome.OUTCOME_REFUSED)
        if outcome == Outcome.OUTCOME_STORED and part.hash in answered:
            outcome = Outcome.OUTCOME_REPEATED
        answered.add(part.hash)
        results.append(result_of(part, outcome))
    new = tuple(
        KeptEntry(part.entry, part.hash, kept.outcomes[part.hash] == Outcome.OUTCOME_CONFLICT)
        for part in taken.values()
        if part.hash in kept.new and part.entry is not None
    )
    return Appended(
        BatchResult(results=results, outstanding=kept.outstanding),
        new,
        _contradicted(conn, key, [each.entry for each in new if each.conflicted]),
        kept.clock_learned,
    )


def outstanding(conn: Connection, key: DeviceKey, most: int = _MOST_RANGES) -> list[CounterRange]:
    """The entries of a device that have not arrived, up to the newest that it has told of, so many ranges at most."""
    values = {"district": key.district, "device_key": DEVICE_KEY.id(key.name), "most": most}
    return [CounterRange(first=row.first, last=row.last) for row in conn.execute(_OUTSTANDING, values)]


def read(conn: Connection, wanted: Sequence[Wanted]) -> list[Log]:
    """The entries about each of these subjects, in their order, with what is known of the devices. However many they
    are, it takes the same few statements.
    """
    if not wanted:
        return []
    values = {"districts": [each.district for each in wanted], "subjects": [each.subject for each in wanted]}
    entries: list[list[KeptEntry]] = [[] for _ in wanted]
    for row in conn.execute(_READ, values).all():
        entries[row.number - 1].append(KeptEntry(Entry.FromString(row.body), bytes(row.hash), row.conflicted))
    names = [
        {*one.devices, *(each.entry.device_key for each in found)} for one, found in zip(wanted, entries, strict=True)
    ]
    devices = _device_logs(
        conn, [(one.district, name, one.since) for one, own in zip(wanted, names, strict=True) for name in own]
    )
    return [
        Log(tuple(found), {name: devices[one.district, name, one.since] for name in sorted(own)})
        for one, found, own in zip(wanted, entries, names, strict=True)
    ]


def forget(conn: Connection, before: datetime, most: int = 20_000) -> int:
    """Forget what was received before that moment, positions and authors first of all: how many entries, at most so
    many. Of each its counter, id and hash are kept, so that repetitions and gaps are known as before.
    """
    forgotten = sum(conn.execute(each, {"before": before, "most": most}).rowcount for each in _FORGET)
    conn.execute(_FORGET_SENDINGS, {"before": before})
    conn.execute(_FORGET_BOOTS, {"before": before})
    return forgotten


_Device: TypeAlias = tuple[str, str, datetime]
"""A device of a district, and since when what it sent is of interest."""


@dataclass(frozen=True, slots=True)
class _Kept:
    outcomes: Mapping[bytes, Outcome]
    """Of each entry, by its hash."""
    new: frozenset[bytes]
    outstanding: Sequence[CounterRange]
    clock_learned: bool


def _keep(conn: Connection, key: DeviceKey, batch: SignedBatch, parts: Sequence[Part], now: datetime) -> _Kept:
    values: dict[str, Any] = {
        "district": key.district,
        "device_key": DEVICE_KEY.id(key.name),
        "boot_id": batch.boot_id,
        "uptime": batch.uptime.ToTimedelta(),
        "newest": max([batch.newest_counter, *(each.counter for each in _entries(parts))]),
        "now": now,
    }
    outcomes: dict[bytes, Outcome] = {}
    new: set[bytes] = set()
    clock_learned = False
    for _ in range(_TRIES):
        row = conn.execute(_APPEND, {**values, **_columns(parts)}).one()
        stored = dict.fromkeys((part.hash for part in parts), Outcome.OUTCOME_STORED)
        others = {parts[position - 1].hash: Outcome.OUTCOME_REPEATED for position in row.repeated}
        others |= {parts[position - 1].hash: Outcome.OUTCOME_CONFLICT for position in row.conflicting}
        unseen = [parts[position - 1] for position in sorted(row.unseen)]
        clock_learned |= row.clock_learned
        outcomes |= stored | others
        new |= stored.keys() - others.keys() - {part.hash for part in unseen}
        new |= {parts[position - 1].hash for position in row.conflicting_first}
        if not unseen:
            ranges = [CounterRange(first=one, last=last) for one, last in zip(row.first, row.last, strict=True)]
            return _Kept(outcomes, frozenset(new), ranges, clock_learned)
        # Stored by another batch since the statement began, or twice by this one: the next statement sees which.
        parts = unseen
    raise Conflict


def _contradicted(conn: Connection, key: DeviceKey, entries: Sequence[Entry]) -> frozenset[str]:
    if not entries:
        return frozenset()
    values = {
        "district": key.district,
        "device_key": DEVICE_KEY.id(key.name),
        "counters": [each.counter for each in entries],
        "entry_ids": [each.entry_id for each in entries],
    }
    return frozenset(conn.execute(_CONTRADICTED, values).scalars())


def _entries(parts: Iterable[Part]) -> Iterable[Entry]:
    return (part.entry for part in parts if part.entry is not None)


def _columns(parts: Sequence[Part]) -> dict[str, list[Any]]:
    return {
        "counters": [each.counter for each in _entries(parts)],
        "entry_ids": [each.entry_id for each in _entries(parts)],
        "hashes": [part.hash for part in parts],
        "subjects": [part.subject for part in parts],
        "bodies": [part.body for part in parts],
    }


def _device_logs(conn: Connection, wanted: Iterable[_Device]) -> Mapping[_Device, DeviceLog]:
    devices = sorted(set(wanted))
    if not devices:
        return {}
    values = {
        "districts": [district for district, _, _ in devices],
        "device_keys": [DEVICE_KEY.id(name) for _, name, _ in devices],
        "since": [since for _, _, since in devices],
    }
    anchors: dict[int, dict[str, datetime]] = {}
    for row in conn.execute(_BOOTS, values).all():
        anchors.setdefault(row.number, {})[str(row.boot_id)] = row.anchor
    sendings: dict[int, list[Sending]] = {}
    for row in conn.execute(_SENDINGS, values).all():
        sendings.setdefault(row.number, []).append(Sending(str(row.boot_id), row.uptime, row.newest))
    return {
        devices[row.number - 1]: DeviceLog(
            anchors=anchors.get(row.number, {}),
            sendings=tuple(sendings.get(row.number, ())),
            missing=tuple(zip(row.first or (), row.last or (), strict=True)),
            lost_time=row.lost_time,
            revoke_time=row.revoke_time,
        )
        for row in conn.execute(_DEVICES, values).all()
    }
