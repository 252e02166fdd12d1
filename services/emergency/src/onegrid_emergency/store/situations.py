"""The statements over reports of the situation."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from onegrid_emergency.situation import Casualties, SituationReport
from onegrid_emergency.tables import situation_report
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind

__all__ = ["insert_situation_report", "situation_reports_page"]


def insert_situation_report(conn: Connection, new: SituationReport) -> None:
    """Store what was reported upward."""
    conn.execute(situation_report.insert().values(district=codes.district_of(new.incident), **asdict(new)))


def situation_reports_page(conn: Connection, incident_id: str, after: Position, limit: int) -> list[SituationReport]:
    """What was reported of an incident, the oldest first."""
    query = select(situation_report).where(
        situation_report.c.district == codes.district_of(incident_id),
        situation_report.c.incident == incident_id,
        behind(after, situation_report.c.number),
    )
    return [_situation_report(row) for row in conn.execute(query.order_by(situation_report.c.number).limit(limit))]


def _situation_report(row: Any) -> SituationReport:
    values = dict(row._mapping)
    del values["district"]
    return SituationReport(**{**values, "casualties": Casualties(**values["casualties"])})
