"""Party organizations on grid's map, as partyedu announces them."""

from __future__ import annotations

import pytest

from onegrid.common.v1.common_pb2 import Point
from onegrid.options.v1.options_pb2 import BuiltInRole
from onegrid.partyedu.v1.events_pb2 import OrganizationDefined
from onegrid.partyedu.v1.organizations_pb2 import Organization, OrganizationForm, OrganizationKind
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.callers import staff
from onegrid_kit.testing.events import Events
from onegrid_kit.timestamps import timestamp

from .people import COMMUNITY, DISTRICT, STREET

CELL = f"{COMMUNITY}001"
COMMITTEE, BRANCH = f"organizations/{STREET}-committee", f"organizations/{DISTRICT}D07-branch"
WATCHER = staff("watcher", BuiltInRole.BUILT_IN_ROLE_SUPERVISOR, DISTRICT)
STREET_DESK = staff("desk", BuiltInRole.BUILT_IN_ROLE_STREET_COORDINATOR, STREET)


def announced(name: str, version: int, **fields: object) -> OrganizationDefined:
    given = {
        "name": name,
        "display_name": "江桥党委",
        "kind": OrganizationKind.ORGANIZATION_KIND_STREET,
        "form": OrganizationForm.ORGANIZATION_FORM_COMMITTEE,
        **fields,
    }
    return OrganizationDefined(organization=Organization(**given), version=version)  # type: ignore[arg-type]


async def listed(grid: Serving, parent: str) -> list[str]:
    answer = await grid.call(WATCHER, "ListPartyOrganizations", parent=parent)
    return [each.organization for each in answer.organizations]


async def test_an_organization_is_found_where_it_belongs_and_where_it_answers(grid: Serving, events: Events) -> None:
    at = Point(longitude=124.39, latitude=40.12)
    events.deliver(announced(COMMITTEE, 1, location=at), announced(BRANCH, 1, cells=[CELL], parent=COMMITTEE))
    assert await listed(grid, DISTRICT) == [COMMITTEE, BRANCH]
    assert await listed(grid, STREET) == [COMMITTEE, BRANCH]
    assert await listed(grid, CELL) == [BRANCH]
    first, second = (await grid.call(WATCHER, "ListPartyOrganizations", parent=DISTRICT)).organizations
    assert (first.location, second.HasField("location"), list(second.cells), second.parent) == (
        at,
        False,
        [CELL],
        COMMITTEE,
    )


async def test_the_newest_version_wins_and_a_dissolved_one_is_gone(
    grid: Serving, events: Events, clock: SettableClock
) -> None:
    events.deliver(announced(BRANCH, 2))
    events.deliver(announced(BRANCH, 1, cells=[CELL]))
    assert await listed(grid, CELL) == []
    assert await listed(grid, DISTRICT) == [BRANCH]
    events.deliver(announced(BRANCH, 3, dissolve_time=timestamp(clock.now())))
    assert await listed(grid, DISTRICT) == []


async def test_a_street_sees_its_own_alone(grid: Serving, events: Events) -> None:
    events.deliver(announced(COMMITTEE, 1))
    assert (await grid.call(STREET_DESK, "ListPartyOrganizations", parent=STREET)).organizations
    with pytest.raises(Refused) as refused:
        await grid.call(STREET_DESK, "ListPartyOrganizations", parent=DISTRICT)
    assert refused.value.reason == "PERMISSION_DENIED"
