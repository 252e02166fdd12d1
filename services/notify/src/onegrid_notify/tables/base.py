"""What all tables share."""

from __future__ import annotations

from sqlalchemy import DateTime, MetaData

__all__ = ["TIME", "metadata"]

metadata = MetaData()
TIME = DateTime(timezone=True)
