"""Units over real gRPC and a real database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.border.v1.events_pb2 import UnitDefined
from onegrid.border.v1.resources_pb2 import Unit
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced

from .people import CITIZEN, COMMANDER, DISTRICT, OTHER_STREET, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

UNIT, DISTRICT_UNIT = f"units/{STREET}-river-1", f"units/{DISTRICT}-boats"


async def define(api: Serving, name: str = UNIT, caller: Caller = COMMANDER, **fields: Any) -> Unit:
    unit = Unit(**{"name": name, "display_name": "江桥分队", **fields})
    answer: Unit = (await api.call(caller, "DefineUnit", unit=unit)).unit
    return answer


async def test_a_unit_is_entered_changed_retired_and_entered_again(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    new = await define(api, roster=f"rosters/{STREET}-border")
    assert (await api.call(STREET_DESK, "GetUnit", name=UNIT)).unit == new
    clock.set(clock.now() + timedelta(hours=1))
    assert await define(api, roster=f"rosters/{STREET}-border") == new
    changed = await define(api, lone=True, etag=new.etag)
    assert (changed.lone, changed.roster, changed.create_time) == (True, "", new.create_time)
    with pytest.raises(Refused) as refused:
        await define(api, etag=new.etag)
    assert (refused.value.reason, refused.value.metadata["etag"]) == ("STALE_ETAG", changed.etag)
    retired = (await api.call(COMMANDER, "RetireUnit", name=UNIT, etag=changed.etag)).unit
    assert retired.retire_time == retired.update_time
    assert (await api.call(COMMANDER, "RetireUnit", name=UNIT)).unit == retired
    again = await define(api, lone=True)
    assert not again.HasField("retire_time")
    assert announced(engine) == [
        UnitDefined(unit=each, version=version) for version, each in enumerate((new, changed, retired, again), start=1)
    ]


async def test_units_are_listed_by_the_places_that_answer_for_them(api: Serving) -> None:
    for name in (UNIT, DISTRICT_UNIT, f"units/{OTHER_STREET}-river-2"):
        await define(api, name)
    await api.call(COMMANDER, "RetireUnit", name=f"units/{OTHER_STREET}-river-2")
    for caller, scope, expected in (
        (COMMANDER, DISTRICT, [UNIT, DISTRICT_UNIT]),
        (COMMANDER, OTHER_STREET, []),
        (STREET_DESK, STREET, [UNIT]),
    ):
        listed = (await api.call(caller, "ListUnits", scope=scope)).units
        assert sorted(each.name for each in listed) == sorted(expected)


async def test_offices_manage_their_own_units_alone(api: Serving) -> None:
    await define(api, UNIT, STREET_DESK)
    for caller, name in ((OTHER_STREET_DESK, UNIT), (STREET_DESK, DISTRICT_UNIT), (WORKER, UNIT), (CITIZEN, UNIT)):
        with pytest.raises(Refused) as refused:
            await define(api, name, caller)
        assert refused.value.reason == "PERMISSION_DENIED"


async def test_units_that_nobody_entered_are_not_found(api: Serving) -> None:
    for method in ("GetUnit", "RetireUnit"):
        with pytest.raises(Refused) as refused:
            await api.call(COMMANDER, method, name=UNIT)
        assert refused.value.reason == "NOT_FOUND"
