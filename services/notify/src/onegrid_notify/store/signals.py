"""What connected readers are sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, text

from onegrid_kit import codes

__all__ = ["signal_article"]

_SIGNAL = text(
    """
    INSERT INTO signal (district, item, user_name, removed, time)
    VALUES (:district, :item, '', :removed, :time)
    """
)


def signal_article(conn: Connection, article_id: str, time: datetime, *, removed: bool = False) -> None:
    """Have an article's item sent to those readers for whom it is, or have it removed from what they show."""
    conn.execute(
        _SIGNAL, {"district": codes.district_of(article_id), "item": article_id, "removed": removed, "time": time}
    )
