"""Who read something of a person's: pages out of the audit trail, the latest first.

Only what reads is looked at, and found by an index that a service makes in a migration of its own if it asks at all:
every index on the trail is paid for by each read that it is of.

    CREATE INDEX audit_entry_read ON audit_entry (resource COLLATE "C", time, strand, block, position)
      WHERE method ~ '([.](Get|List)[A-Za-z]+|^GET .*)$'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, text

from onegrid_kit.paging import Position

__all__ = ["Access", "Accesses", "is_read"]

_READS: Final = r"([.](Get|List)[A-Za-z]+|^GET .*)$"
_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A read of personal data, as the trail has it."""

    time: datetime
    caller: str
    """``users/{user}``."""
    method: str
    """The method's full name, or an HTTP route's method and path."""
    resource: str
    """What was read."""
    purpose: str
    """As the caller stated it; empty: none was."""
    place: tuple[int, int, int]
    """Strand, block and position: no other entry has the same."""

    @property
    def position(self) -> Position:
        """Where it stands in the list."""
        return (self.time, *self.place)


class Accesses:
    """Reads of what a SELECT names."""

    def __init__(self, read: str) -> None:
        """`read` selects rows (resource, begin_time, end_time): what was read, from when on and until when."""
        self.statement = f"""
            WITH looked_at (resource, begin_time, end_time) AS ({read})
            SELECT access.* FROM looked_at CROSS JOIN LATERAL (
              SELECT time, strand, block, position, caller, method, audit_entry.resource, purpose FROM audit_entry
              WHERE audit_entry.resource COLLATE "C" = looked_at.resource AND method ~ '{_READS}'
                AND time >= looked_at.begin_time AND time < looked_at.end_time
                AND caller <> :besides AND (time, strand, block, position) < (:time, :strand, :block, :position)
              ORDER BY time DESC, strand DESC, block DESC, position DESC
              LIMIT :limit
            ) AS access
            ORDER BY time DESC, strand DESC, block DESC, position DESC
            LIMIT :limit
            """
        """Takes `values`, a position, a number and whom to leave out."""
        self._page = text(self.statement)

    def page(
        self, conn: Connection, values: Mapping[str, object], after: Position, limit: int, *, besides: str = ""
    ) -> list[Access]:
        """So many of them behind a position, the latest first. `values` are the parameters of the SELECT; reads of the
        caller `besides` are left out.
        """
        time, strand, block, position = after or (_END, 0, 0, 0)
        from_ = {"time": time, "strand": strand, "block": block, "position": position}
        rows = conn.execute(self._page, {**values, **from_, "limit": limit, "besides": besides})
        return [
            Access(
                time=row.time,
                caller=row.caller,
                method=row.method,
                resource=row.resource,
                purpose=row.purpose,
                place=(row.strand, row.block, row.position),
            )
            for row in rows
        ]


def is_read(method: str) -> bool:
    """Whether the index has entries of that method."""
    return re.search(_READS, method) is not None
