"""How far a member is with study plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit.paging import Position
from onegrid_partyedu.member import Member
from onegrid_partyedu.store import completions
from onegrid_partyedu.store import study_plans as store
from onegrid_partyedu.study_plan import Progress, StudyPlan, progress_of

__all__ = ["progress_page"]


def progress_page(
    conn: Connection, of: Member, now: datetime, after: Position, limit: int
) -> Sequence[tuple[StudyPlan, Sequence[Progress]]]:
    """The plans of a member, each with how far the member is, the one that ends last first."""
    plans = store.plans_of_member(conn, of.id, now, after, limit)
    if not plans:
        return []
    since, until = min(each.since for each in plans), max(each.until for each in plans)
    done = completions.completions_between(conn, of.id, since, until)
    return [(each, progress_of(each, done, now)) for each in plans]
