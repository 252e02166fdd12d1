"""Rosters as tests define them, and callers who may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.duty.v1 import resources_pb2
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid_kit.callers import Caller
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.callers import administrator, staff

DISTRICT: Final = "210602"
ROSTER: Final = f"rosters/{DISTRICT}-command-centre"
ADMIN: Final = administrator("admin", DISTRICT)
COMMANDER: Final = staff("commander", BuiltInRole.BUILT_IN_ROLE_COMMANDER, DISTRICT)
READER: Final = staff("supervisor", BuiltInRole.BUILT_IN_ROLE_SUPERVISOR, DISTRICT)
"""Somebody who may read the district's rosters, and no more."""
WORKER: Final = staff("worker", BuiltInRole.BUILT_IN_ROLE_GRID_WORKER, f"{DISTRICT}003007005")
WANG, LI, ZHANG, ZHAO, BOSS = (f"users/{name:0>8}" for name in ("wang", "li", "zhang", "zhao", "boss"))
START: Final = datetime(2020, 11, 11, 6, 36, tzinfo=UTC)
"""When the tests' clock begins: 14:36 in China."""
HANDOFF: Final = datetime(2020, 11, 11, 0, tzinfo=UTC)
"""The handoff of that day: 8:00 in China."""
A_DAY: Final = timedelta(days=1)


def rotation(*users: str, **more: Any) -> resources_pb2.Rotation:
    """Turns of a day from the day before the tests' clock on, handed over at 8:00."""
    values: dict[str, Any] = {"first_date": "2020-11-10", "handoff_time": "08:00", "unit": 2, "length": 1, **more}
    return resources_pb2.Rotation(users=users, **values)


async def define(api: Serving, by: Caller = COMMANDER, **more: Any) -> resources_pb2.Roster:
    """The roster of the command centre: Wang and Li in turns, so that Li has the day of the tests' clock."""
    values: dict[str, Any] = {
        "name": ROSTER,
        "kind": resources_pb2.ROSTER_KIND_COMMAND_CENTRE,
        "display_name": "指挥中心值班",
        "rotations": [rotation(WANG, LI)],
        **more,
    }
    answer: resources_pb2.Roster = (await api.call(by, "DefineRoster", **values)).roster
    return answer


def moment(of: Timestamp) -> datetime:
    return of.ToDatetime(UTC)


async def shifts(api: Serving, begin: datetime, end: datetime) -> list[tuple[str, datetime, datetime]]:
    """Who is on duty from when until when."""
    answer = await api.call(READER, "ListShifts", roster=ROSTER, begin_time=begin, end_time=end)
    return [(each.user, moment(each.begin_time), moment(each.end_time)) for each in answer.shifts]
