"""How much is to be studied in a year."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.persons import require_nobody
from onegrid_partyedu.errors import HoursDutyLimitReached
from onegrid_partyedu.hours import MOST_DUTIES, HoursDuty
from onegrid_partyedu.store import hours as store
from onegrid_partyedu.store.known import known_cells

__all__ = ["define_hours_duty"]


def define_hours_duty(conn: Connection, wanted: HoursDuty, call: Call) -> HoursDuty:
    """Enter a duty, or make it what it is to be. Raises InvalidRequest, PersonInText or HoursDutyLimitReached."""
    if wanted.last_year and wanted.last_year < wanted.first_year:
        raise InvalidRequest(FieldViolation("hours_duty.last_year", "is before first_year"))
    require_nobody(partial(known_cells, conn), **{"hours_duty.display_name": wanted.display_name})
    store.lock_duties(conn, wanted.district)
    before = store.duties_of(conn, wanted.district)
    if wanted.id not in {each.id for each in before} and len(before) >= MOST_DUTIES:
        raise HoursDutyLimitReached(wanted.district, MOST_DUTIES)
    store.save_duty(conn, wanted)
    return wanted
