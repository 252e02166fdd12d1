"""An upgrade brings what petitions have already into the form that the new release expects."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from onegrid.petition.v1.events_pb2 import PetitionRescheduled
from onegrid.petition.v1.resources_pb2 import WorkItem
from onegrid_kit.clock import CHINA, SettableClock
from onegrid_kit.migrations import migrate
from onegrid_petition.main import SERVICE

from .desk import Desk
from .people import ADMINISTRATOR, COMMANDER, COMMUNITY, DISTRICT, LEAD, STREET

# Indexes go with their columns.
UNDO = """
    DROP TABLE area_tally;
    DROP FUNCTION count_first_in_areas, count_more_in_areas CASCADE;
    DROP INDEX petition_state_kind, search_without_month;
    ALTER TABLE search DROP COLUMN letters;
    ALTER TABLE petition DROP COLUMN accept_time, DROP COLUMN promised_working_days, DROP COLUMN promise_time,
      DROP COLUMN conclude_due_estimated, DROP COLUMN origin, DROP COLUMN extend_time,
      DROP COLUMN clock_due_time, DROP COLUMN emergency_report_time, DROP COLUMN incident,
      DROP COLUMN incident_state, DROP COLUMN incident_level;
    ALTER TABLE timeline DROP COLUMN incident, DROP COLUMN incident_state, DROP COLUMN incident_level;
    DROP TABLE incident, tracked;
    DELETE FROM climb;
    UPDATE onegrid_version SET version_num = 'petition0002';
"""
COUNTED = "UPDATE petition SET conclude_due_time = :due; UPDATE task SET due_time = :due"


@pytest.mark.parametrize(("year", "mended"), [(2026, True), (2020, False)])
async def test_deadlines_that_were_counted_without_holidays_are_mended_after_the_upgrade(
    desk: Desk, engine: Engine, database_url: str, clock: SettableClock, year: int, mended: bool
) -> None:
    name = f"workItems/{LEAD}-001"
    item = WorkItem(name=name, display_name="用工", department=LEAD, promised_working_days=25)
    await desk.call(ADMINISTRATOR, "BatchCreateWorkItems", district=DISTRICT, work_items=[item])
    clock.set(datetime(year, 11, 27, 2, tzinfo=UTC))
    petition = await desk.file()
    await desk.call(COMMANDER, "AcceptPetition", name=petition.name)
    right = (await desk.call(COMMANDER, "DispatchPetition", name=petition.name, work_item=name)).petition
    wrong = datetime(year + 1, 1, 1, 16, tzinfo=UTC)
    with engine.begin() as conn:
        for statement in COUNTED.split(";"):
            conn.execute(text(statement), {"due": wrong})
        conn.execute(text(UNDO))
    engine.dispose()
    migrate(SERVICE, database_url)
    desk.handle_events()
    desk.run_job("recompute deadlines")
    after = (await desk.call(COMMANDER, "GetPetition", name=petition.name)).petition
    assert after.accept_time == right.accept_time
    due = right.conclude_due_time.ToDatetime(tzinfo=UTC) if mended else wrong
    assert after.conclude_due_time.ToDatetime(tzinfo=UTC) == after.tasks[0].due_time.ToDatetime(tzinfo=UTC) == due
    assert [type(event) for event in desk.announced()] == ([PetitionRescheduled] if mended else [])


async def test_what_was_counted_before_the_upgrade_is_in_the_figures_of_every_area(
    desk: Desk, engine: Engine, database_url: str, clock: SettableClock
) -> None:
    await desk.file()
    desk.handle_events()
    with engine.begin() as conn:
        conn.execute(text(UNDO))
    engine.dispose()
    migrate(SERVICE, database_url)
    await desk.file()
    desk.handle_events()
    day = clock.now().astimezone(CHINA).date().isoformat()
    for area in (DISTRICT, STREET, COMMUNITY):
        answer = await desk.call(COMMANDER, "SummarizePetitions", place=area, first_day=day, last_day=day)
        assert answer.filed == 2


def test_a_migration_holds_no_lock_while_the_next_one_works(engine: Engine, database_url: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(UNDO))
    with engine.begin() as conn:
        # The figures are added up only when nobody counts any more: it waits for this one, in vain.
        conn.execute(text("LOCK TABLE tally IN ROW EXCLUSIVE MODE"))
        with pytest.raises(OperationalError, match="lock timeout"):
            migrate(SERVICE, database_url)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT version_num FROM onegrid_version")).scalar_one() == "petition0005"
    migrate(SERVICE, database_url)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM area_tally")).scalar_one() == 0
