"""What all tables share."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData

__all__ = ["metadata", "moment"]

metadata = MetaData()


def moment(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[object]:
    """A column with a moment."""
    return Column(name, DateTime(timezone=True), nullable=nullable, primary_key=primary_key)
