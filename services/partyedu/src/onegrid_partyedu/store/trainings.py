"""The statements over trainings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.completion import Training
from onegrid_partyedu.tables import training

__all__ = ["find_trainings", "save_training", "trainings_page"]


def save_training(conn: Connection, new: Training) -> Training:
    """Enter a training, or make it what it is to be; as it is now."""
    values = {"display_name": new.display_name, "minutes": new.minutes, "update_time": new.update_time}
    statement = insert(training).values(district=new.district, id=new.id, create_time=new.create_time, **values)
    row = conn.execute(
        statement.on_conflict_do_update(index_elements=list(training.primary_key), set_=values).returning(training)
    ).one()
    return _training(row)


def find_trainings(conn: Connection, ids: Collection[str]) -> dict[str, Training]:
    """These trainings, by id, those that there are."""
    t = training.c
    districts = {codes.district_of(each) for each in ids}
    query = select(training).where(t.district.in_(districts), t.id.in_(ids))
    return {row.id: _training(row) for row in conn.execute(query)}


def trainings_page(conn: Connection, scope: str, after: Position, limit: int) -> Sequence[Training]:
    """The trainings of a place or department, and of those inside it, by id."""
    t = training.c
    query = select(training).where(
        t.district == codes.district_of(scope), t.id.startswith(scope, autoescape=True), behind(after, t.id)
    )
    return [_training(row) for row in conn.execute(query.order_by(t.id).limit(limit))]


def _training(row: Any) -> Training:
    return Training(
        id=row.id,
        display_name=row.display_name,
        minutes=row.minutes,
        create_time=row.create_time,
        update_time=row.update_time,
    )
