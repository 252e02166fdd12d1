"""The statements that have offices reminded of the due times that run."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from onegrid.petition.v1.resources_pb2 import State
from onegrid_kit import ladder
from onegrid_petition import lifecycle
from onegrid_petition.deadlines import DEADLINE, SOON, Notice
from onegrid_petition.petition import PETITION

__all__ = ["CLOCK_SET", "CLOCK_STOPPED", "set_clocks"]

_CLIMB: Final = f"SELECT '{DEADLINE}', '{PETITION.name('')}' || id"
CLOCK_SET: Final = ladder.setting(f"{_CLIMB}, {Notice.NEARED:d}, clock_time FROM fresh WHERE clock_time IS NOT NULL")
"""Has reminded of the petitions of `fresh` that have a `clock_time`."""
CLOCK_STOPPED: Final = ladder.stopping(f"{_CLIMB} FROM fresh WHERE clock_stopped")
"""Reminds no more of the petitions of `fresh` that are `clock_stopped`."""
# As the index `petition_other_clock` has it.
_RUNNING: Final = f"""
    CASE WHEN state = {State.STATE_FILED:d} THEN accept_due_time
         WHEN state IN ({", ".join(f"{state:d}" for state in lifecycle.UNDER_WAY)}) THEN conclude_due_time END
"""
_SET_CLOCKS: Final = text(
    f"""
    WITH changed AS (
      SELECT district, id, {_RUNNING} AS due_time FROM petition
      WHERE ({_RUNNING}) IS DISTINCT FROM clock_due_time
      LIMIT :most FOR UPDATE SKIP LOCKED
    ),
    noted AS (
      UPDATE petition SET clock_due_time = changed.due_time FROM changed
      WHERE petition.district = changed.district AND petition.id = changed.id
    ),
    stopped AS ({ladder.stopping(f"{_CLIMB} FROM changed WHERE due_time IS NULL")})
    {
        ladder.setting(
            f"{_CLIMB}, {Notice.NEARED:d}, due_time - CAST(:soon AS interval) FROM changed WHERE due_time IS NOT NULL"
        )
    }
    """
)


def set_clocks(conn: Connection, most: int) -> None:
    """Have offices reminded of the due times that run where an older release has changed them."""
    conn.execute(_SET_CLOCKS, {"soon": SOON, "most": most})
