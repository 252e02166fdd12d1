"""Resources that are made of single entries, such as what was noticed: made at once, of what an entry alone says, and
corrected once it is judged together with others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, Table, bindparam, or_, update

from onegrid_kit.field import judging
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.log import KeptEntry
from onegrid_kit.field.model import DeviceLog, JudgedEntry, logged

__all__ = ["Corrections", "judged_alone"]


def judged_alone(kept: KeptEntry, key: DeviceKey, now: datetime) -> JudgedEntry:
    """An entry that has just been stored, judged as far as it can be. What follows from other entries, and from the
    device's clock, is known once all are judged. `key`: of the device that made it. `now`: the server's time.
    """
    alone = logged(kept.entry, kept.hash, conflicted=kept.conflicted)
    device = DeviceLog(lost_time=key.lost_time, revoke_time=key.revoke_time)
    (entry,) = judging.judge([alone], {key.name: device}, now).entries
    return entry


class Corrections:
    """Has what was made of entries say when those were made, and what is odd about them.

    `table`: what was made, with `district`, the column `key` by which it is found, and of its entry `time`, `anchored`
    and `marks`.
    """

    def __init__(self, table: Table, key: str) -> None:
        c = table.c
        self._correct = (
            update(table)
            .where(
                c.district == bindparam("of_district"),
                c[key] == bindparam("of_key"),
                or_(
                    c.time.is_distinct_from(bindparam("time")),
                    c.anchored.is_distinct_from(bindparam("anchored")),
                    c.marks.is_distinct_from(bindparam("marks")),
                ),
            )
            .values(time=bindparam("time"), anchored=bindparam("anchored"), marks=bindparam("marks"))
        )

    def make(self, conn: Connection, judged: Iterable[tuple[str, str, JudgedEntry]]) -> None:
        """Correct what was made of these entries: each has its district, and the key of what was made of it."""
        rows = [
            {
                "of_district": district,
                "of_key": key,
                "time": each.time,
                "anchored": each.anchored,
                "marks": list(each.marks),
            }
            # In one order, so that two who change several do not wait for one another.
            for district, key, each in sorted(judged, key=lambda one: one[:2])
        ]
        if rows:
            conn.execute(self._correct, rows)
