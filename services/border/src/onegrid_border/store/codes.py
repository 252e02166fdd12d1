"""The statements over codes of checkpoints, and over what entries show of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from onegrid_border.checkpoint_code import CheckpointCode, Reading
from onegrid_border.evidence import Shown, ShownCodes, Standing, Tap
from onegrid_border.patrol import Patrol
from onegrid_border.tables import checkpoint_code, shown_code
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = [
    "codes_at",
    "codes_page",
    "end_codes",
    "find_code",
    "insert_code",
    "insert_shown",
    "lock_tags",
    "shown_on",
    "tag_in_use",
    "update_taps",
]

# In one order, so that two who lock several do not wait for one another.
_LOCK_TAGS: Final = text(
    """
    SELECT pg_advisory_xact_lock(hashtext('tag'), key) FROM (
      SELECT DISTINCT hashtext(district || ' ' || uid) AS key
      FROM unnest(CAST(:districts AS text[]), CAST(:uids AS text[])) AS tag (district, uid)
      ORDER BY key OFFSET 0
    ) AS tag
    """
)
# Of a tag those taps of other patrols by which a tap is judged: `reused` says why no others are needed.
_OTHERS: Final = text(
    """
    SELECT own.patrol AS of_patrol, other.entry, own.uid, other.counter, other.time, other.standing
    FROM unnest(
      CAST(:districts AS text[]), CAST(:patrols AS text[]), CAST(:uids AS text[]), CAST(:counts AS integer[])
    ) AS own (district, patrol, uid, counter)
    CROSS JOIN LATERAL (
      SELECT entry, counter, time, standing FROM shown_code AS same
      WHERE same.district = own.district AND same.uid = own.uid AND same.counter = own.counter
        AND same.patrol <> own.patrol AND same.time IS NOT NULL
      UNION ALL
      (SELECT entry, counter, time, standing FROM (
         -- By the count, of which few are higher: by the time, all that a tag has ever given would be read.
         SELECT entry, counter, time, standing FROM shown_code AS higher
         WHERE higher.district = own.district AND higher.uid = own.uid AND higher.counter > own.counter
           AND higher.patrol <> own.patrol AND higher.time IS NOT NULL AND higher.standing = 0
         OFFSET 0
       ) AS higher
       ORDER BY time LIMIT 1)
    ) AS other
    """
)
_UPDATE_TAPS: Final = text(
    """
    UPDATE shown_code AS known SET time = changed.time, standing = changed.standing
    FROM unnest(
      CAST(:districts AS text[]), CAST(:entries AS bytea[]), CAST(:times AS timestamptz[]),
      CAST(:standings AS smallint[])
    ) AS changed (district, entry, time, standing)
    WHERE known.district = changed.district AND known.entry = changed.entry
    """
)
_TOUCHED: Final = text(
    """
    SELECT DISTINCT other.patrol
    FROM unnest(
      CAST(:districts AS text[]), CAST(:patrols AS text[]), CAST(:uids AS text[]), CAST(:counts AS integer[]),
      CAST(:since AS timestamptz[])
    ) AS changed (district, patrol, uid, counter, since)
    CROSS JOIN LATERAL (
      SELECT patrol FROM shown_code AS same
      WHERE same.district = changed.district AND same.uid = changed.uid AND same.counter = changed.counter
      UNION ALL
      SELECT patrol FROM shown_code AS later
      WHERE later.district = changed.district AND later.uid = changed.uid AND later.time > changed.since
        AND later.counter < changed.counter
    ) AS other
    WHERE other.patrol <> changed.patrol
    """
)


def lock_tags(conn: Connection, tags: Iterable[tuple[str, str]]) -> None:
    """Have nobody else register these tags, or store what they gave, until the transaction ends. Each is given by its
    district and UID.
    """
    wanted = set(tags)
    if wanted:
        conn.execute(_LOCK_TAGS, {"districts": [each for each, _ in wanted], "uids": [each for _, each in wanted]})


def find_code(conn: Connection, route: str, checkpoint: str, number: int) -> CheckpointCode | None:
    """The code of that number."""
    c = checkpoint_code.c
    query = select(checkpoint_code).where(*_of(route), c.checkpoint == checkpoint, c.number == number)
    row = conn.execute(query).one_or_none()
    return None if row is None else _code(row)


def tag_in_use(conn: Connection, district: str, uid: str, moment: datetime) -> CheckpointCode | None:
    """Where the tag of that UID counts at that moment."""
    c = checkpoint_code.c
    query = select(checkpoint_code).where(
        c.district == district, c.uid == uid, or_(c.end_time.is_(None), c.end_time > moment)
    )
    row = conn.execute(query.limit(1)).one_or_none()
    return None if row is None else _code(row)


def codes_at(conn: Connection, checkpoints: Collection[tuple[str, str]]) -> list[CheckpointCode]:
    """All codes of these checkpoints, each given by the ids of its route and its own."""
    c = checkpoint_code.c
    districts = {codes.district_of(route) for route, _ in checkpoints}
    found = select(checkpoint_code).where(
        c.district.in_(districts), tuple_(c.route, c.checkpoint).in_(sorted(checkpoints))
    )
    return [_code(row) for row in conn.execute(found.order_by(c.route, c.checkpoint, c.number))]


def insert_code(conn: Connection, new: CheckpointCode) -> None:
    """Enter a code."""
    conn.execute(insert(checkpoint_code).values(district=new.district, **asdict(new)))


def end_codes(conn: Connection, ended: Iterable[CheckpointCode]) -> None:
    """Store from when these count no more."""
    c = checkpoint_code.c
    for each in ended:
        one = and_(*_of(each.route), c.checkpoint == each.checkpoint, c.number == each.number)
        conn.execute(checkpoint_code.update().where(one).values(end_time=each.end_time))


def codes_page(
    conn: Connection, route: str, now: datetime, after: Position, limit: int, *, show_ended: bool
) -> list[CheckpointCode]:
    """The codes of a route's checkpoints, by checkpoint and number; those that count now or later, or all."""
    c = checkpoint_code.c
    query = select(checkpoint_code).where(*_of(route), behind(after, c.checkpoint, c.number))
    if not show_ended:
        query = query.where(or_(c.end_time.is_(None), c.end_time > now))
    return [_code(row) for row in conn.execute(query.order_by(c.checkpoint, c.number).limit(limit))]


def insert_shown(conn: Connection, shown: Sequence[tuple[bytes, Patrol, Reading]]) -> None:
    """Store that the entries of these hashes show these codes; each is stored once."""
    # Who stores when taps of a tag were made finds all that are stored, and has their patrols looked at again: one that
    # is stored meanwhile would be missed, and may have been judged by what is not committed yet.
    lock_tags(conn, ((patrol.district, reading.uid) for _, patrol, reading in shown if reading.uid))
    rows = []
    for entry, patrol, reading in shown:
        first = reading.codes[0]
        rows.append(
            {
                "district": patrol.district,
                "entry": entry,
                "patrol": patrol.id,
                "route": first.route,
                "checkpoint": first.checkpoint,
                "numbers": [each.number for each in reading.codes],
                "uid": reading.uid,
                "counter": reading.count,
                "standing": int(Standing.DOUBTED),
            }
        )
    conn.execute(insert(shown_code).on_conflict_do_nothing(), rows)


def shown_on(conn: Connection, ids: Collection[str]) -> dict[str, ShownCodes]:
    """What the entries of these patrols show, by patrol; patrols whose entries show nothing are left out. However many
    they are, it takes two statements, and one if no tag was read.
    """
    s, c = shown_code.c, checkpoint_code.c
    same = and_(
        c.district == s.district, c.route == s.route, c.checkpoint == s.checkpoint, c.number == func.any(s.numbers)
    )
    query = select(checkpoint_code, s.patrol, s.entry, s.counter, s.time, s.standing).join_from(
        shown_code, checkpoint_code, same
    )
    wanted = and_(s.district.in_({codes.district_of(each) for each in ids}), s.patrol.in_(ids))
    shown: dict[str, dict[bytes, Shown]] = {}
    for row in conn.execute(query.where(wanted).order_by(s.patrol, s.entry, c.number)):
        of_patrol, entry = shown.setdefault(row.patrol, {}), bytes(row.entry)
        before = of_patrol[entry].reading.codes if entry in of_patrol else ()
        reading = Reading((*before, _code(row)), row.counter)
        of_patrol[entry] = Shown(entry=entry, reading=reading, time=row.time, standing=Standing(row.standing))
    others = _others_of(conn, shown)
    return {patrol: ShownCodes(own, others.get(patrol, [])) for patrol, own in shown.items()}


def update_taps(conn: Connection, changed: Sequence[tuple[str, Tap, datetime | None]]) -> set[str]:
    """Store when taps of patrols were made, each with what was known of that before; the ids of the other patrols whose
    taps may be judged otherwise by that.
    """
    if not changed:
        return set()
    lock_tags(conn, ((codes.district_of(patrol), tap.uid) for patrol, tap, _ in changed))
    values = {
        "districts": [codes.district_of(patrol) for patrol, _, _ in changed],
        "patrols": [patrol for patrol, _, _ in changed],
        "entries": [tap.entry for _, tap, _ in changed],
        "times": [tap.time for _, tap, _ in changed],
        "standings": [int(tap.standing) for _, tap, _ in changed],
        "uids": [tap.uid for _, tap, _ in changed],
        "counts": [tap.count for _, tap, _ in changed],
        "since": [tap.time if before is None else min(tap.time, before) for _, tap, before in changed],
    }
    conn.execute(_UPDATE_TAPS, {name: values[name] for name in ("districts", "entries", "times", "standings")})
    names = ("districts", "patrols", "uids", "counts", "since")
    return set(conn.execute(_TOUCHED, {name: values[name] for name in names}).scalars())


def _others_of(conn: Connection, shown: Mapping[str, Mapping[bytes, Shown]]) -> dict[str, list[Tap]]:
    readings = {(patrol, each.reading) for patrol, own in shown.items() for each in own.values()}
    tapped = sorted({(patrol, reading.uid, reading.count) for patrol, reading in readings if reading.uid})
    if not tapped:
        return {}
    values = {
        "districts": [codes.district_of(patrol) for patrol, _, _ in tapped],
        "patrols": [patrol for patrol, _, _ in tapped],
        "uids": [uid for _, uid, _ in tapped],
        "counts": [count for _, _, count in tapped],
    }
    found: dict[str, list[Tap]] = {}
    for row in conn.execute(_OTHERS, values):
        standing = Standing(row.standing)
        tap = Tap(entry=bytes(row.entry), uid=row.uid, count=row.counter, time=row.time, standing=standing)
        # One that answers for several counts is given once.
        if tap not in found.setdefault(row.of_patrol, []):
            found[row.of_patrol].append(tap)
    return found


def _of(route: str) -> tuple[Any, ...]:
    return checkpoint_code.c.district == codes.district_of(route), checkpoint_code.c.route == route


def _code(row: Any) -> CheckpointCode:
    return CheckpointCode(
        route=row.route,
        checkpoint=row.checkpoint,
        number=row.number,
        evidence=row.evidence,
        uid=row.uid,
        sealed_keys=bytes(row.sealed_keys),
        issue_time=row.issue_time,
        end_time=row.end_time,
    )
