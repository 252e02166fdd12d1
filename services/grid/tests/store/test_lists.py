"""Lists do bounded work, however many appointments there were."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from onegrid_grid.store import registry as store
from onegrid_kit.testing.explaining import Explained

DISTRICT = "210602"
APPOINTMENTS = """
    INSERT INTO appointment (district, cell, id, "user", post, start_time, end_time)
    SELECT :district, :district || to_char(n % 400, 'FM000000000'), to_char(n, 'FM00000000'), 'users/00worker', 1,
           CAST(:start AS timestamptz) + n * interval '1 hour', CASE WHEN n < 19000 THEN CAST(:start AS timestamptz) END
    FROM generate_series(1, 20000) AS n
"""


@pytest.mark.parametrize("show_ended", [False, True])
def test_the_appointments_of_a_place_are_listed_without_reading_all_that_it_had(
    engine: Engine, show_ended: bool
) -> None:
    with engine.begin() as conn:
        conn.execute(text(APPOINTMENTS), {"district": DISTRICT, "start": datetime(2020, 11, 11, tzinfo=UTC)})
        conn.execute(text("ANALYZE appointment"))
    explained = Explained(engine)
    for place in (DISTRICT, f"{DISTRICT}000", f"{DISTRICT}000000007"):
        work = explained.work(lambda conn, place=place: store.appointments_page(conn, place, show_ended, (), 51))  # type: ignore[misc]
        assert not work.read_whole
        assert work.rows <= 51, place
    explained.close()
