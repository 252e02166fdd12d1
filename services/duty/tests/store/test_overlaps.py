"""Shifts of one roster never overlap, whoever writes them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from onegrid.duty.v1.resources_pb2 import ShiftSource
from onegrid_duty.shifts import Changes, Shift
from onegrid_duty.store.shifts import store_changes

BEGIN = datetime(2026, 11, 27, tzinfo=UTC)


def a_shift(id_: str, hour: int, roster: str = "210602-a") -> Changes:
    begin = BEGIN + timedelta(hours=hour)
    shift = Shift(
        id=f"{roster}-{id_}",
        roster=roster,
        begin=begin,
        end=begin + timedelta(hours=8),
        user="users/00000000",
        source=ShiftSource.SHIFT_SOURCE_ROTATION,
    )
    return Changes(added=[shift])


def test_the_database_refuses_a_shift_that_overlaps_another_of_its_roster(engine: Engine) -> None:
    with engine.begin() as conn:
        store_changes(conn, "210602-a", a_shift("1", 0), BEGIN)
        store_changes(conn, "210602-a", a_shift("2", 8), BEGIN)
        store_changes(conn, "210602-b", a_shift("1", 4, "210602-b"), BEGIN)
    with pytest.raises(IntegrityError, match="duty_shift_overlap"), engine.begin() as conn:
        store_changes(conn, "210602-a", a_shift("3", 4), BEGIN)


def test_of_transactions_that_write_overlapping_shifts_at_the_same_moment_one_succeeds(engine: Engine) -> None:
    ready = threading.Barrier(4)
    stored: list[int] = []

    def write(number: int) -> None:
        with engine.connect() as conn:
            ready.wait()
            try:
                store_changes(conn, "210602-a", a_shift(str(number), number), BEGIN)
                conn.commit()
            except DBAPIError:
                return
            stored.append(number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored) == 1
