"""Signals: what connected readers are sent, in the order of the transactions that wrote them.

A signal is read once no older transaction runs: so none can come before one that was read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from onegrid_kit import codes
from onegrid_notify.item import Signal

__all__ = [
    "MISSED_SIGNALS",
    "NEW_SIGNALS",
    "SIGNALS_END",
    "forget_signals",
    "signal_article",
    "signal_of",
]

_SIGNAL_ARTICLE = text(
    "INSERT INTO signal (district, item, user_name, removed, time) VALUES (:district, :item, '', :removed, :time)"
)
_XID = "CAST(CAST(%s AS text) AS xid8)"
_NUMBER = "CAST(CAST(%s AS text) AS bigint)"
_SIGNAL = f"""
  {_NUMBER % "signal.transaction"} AS transaction, signal.number, signal.district, signal.item, signal.user_name,
  signal.removed, signal.time
"""

SIGNALS_END = f"SELECT {_NUMBER % 'pg_snapshot_xmin(pg_current_snapshot())'} AS horizon"
"""The transaction before which no signal can come any more."""
NEW_SIGNALS = f"""
  SELECT {_NUMBER % "horizon.transaction"} AS horizon, {_SIGNAL}
  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS transaction) AS horizon
  LEFT JOIN LATERAL (
    SELECT * FROM signal
    WHERE (signal.transaction, signal.number) > ({_XID % "CAST($1 AS bigint)"}, CAST($2 AS bigint))
      AND signal.transaction < horizon.transaction
    ORDER BY signal.transaction, signal.number LIMIT CAST($3 AS integer)
  ) AS signal ON true
  ORDER BY signal.transaction, signal.number
"""
"""The signals behind a position, as many as asked for, with the end as in `SIGNALS_END`; one row if there are none."""
_OF_USER = f"""
  SELECT * FROM signal
  WHERE signal.user_name = %s
    AND (signal.transaction, signal.number) > ({_XID % "wanted.transaction"}, wanted.number)
    AND (signal.transaction, signal.number) <= ({_XID % "wanted.until_transaction"}, wanted.until_number)
  ORDER BY signal.transaction, signal.number LIMIT wanted.most
"""
MISSED_SIGNALS = f"""
  SELECT wanted.position, {_SIGNAL}
  FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS wanted (
    position integer, user_name text, transaction bigint, number bigint, until_transaction bigint, until_number bigint,
    most integer)
  CROSS JOIN LATERAL (
    SELECT * FROM (({_OF_USER % "''"}) UNION ALL ({_OF_USER % "wanted.user_name"})) AS signal
    ORDER BY signal.transaction, signal.number LIMIT wanted.most
  ) AS signal
  ORDER BY wanted.position, signal.transaction, signal.number
"""
"""The signals for readers between two positions, as many as asked for of each."""


def signal_article(conn: Connection, article_id: str, time: datetime, *, removed: bool = False) -> None:
    """Send an article to those connected readers whom it is for, or take it from them."""
    values = {"district": codes.district_of(article_id), "item": article_id, "removed": removed, "time": time}
    conn.execute(_SIGNAL_ARTICLE, values)


def forget_signals(conn: Connection, before: datetime) -> None:
    """Delete the signals that are older than the tokens which a stream goes on from."""
    conn.execute(text("DELETE FROM signal WHERE time < :before"), {"before": before})


def signal_of(row: Mapping[str, Any]) -> Signal:
    """The signal of a row."""
    return Signal(
        (row["transaction"], row["number"]), row["district"], row["item"], row["user_name"], row["removed"], row["time"]
    )
