"""Warnings that the district issues, over real gRPC and a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.common.v1.common_pb2 import Point
from onegrid.emergency.v1 import warnings_pb2 as pb
from onegrid.emergency.v1.events_pb2 import WarningCancelled, WarningIssued, WarningUpdated
from onegrid_emergency.cap.areas import survey
from onegrid_emergency.cap.checking import check
from onegrid_emergency.cap.message import Alert
from onegrid_emergency.cap.reading import read
from onegrid_emergency.commands.warning_messages import expire_due
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import announced

from ..cap.documents import SENT, document
from .people import CELL, COMMANDER, DISTRICT, OTHER_CELL, STREET_DESK
from .warning_senders import SOURCE, area, content, define_source, lay_ground, receive, warning

NOW = datetime.fromisoformat(SENT) + timedelta(minutes=30)


@pytest.fixture(autouse=True)
def ground(engine: Engine, clock: SettableClock) -> None:
    lay_ground(engine)
    clock.set(NOW)


async def issue(api: Serving, by: Caller = COMMANDER, **fields: Any) -> pb.Warning:
    asked = {"district": DISTRICT, "content": content(), **fields}
    issued: pb.Warning = (await api.call(by, "IssueWarning", **asked)).warning
    return issued


async def sent(api: Serving, name: str) -> list[Alert]:
    """The messages of a warning, the first one first, as strangers read them."""
    listed = await api.call(COMMANDER, "ListWarningMessages", district=DISTRICT, warning=name)
    found = []
    for each in reversed(listed.messages):
        stored = await api.call(COMMANDER, "GetWarningMessage", name=each.name)
        reading = read(stored.message.document)
        assert reading.alert is not None
        assert check(reading, survey(reading.alert)) == ()
        found.append(reading.alert)
    return found


async def test_a_warning_goes_out_as_an_alert_and_to_the_people_of_its_cells(api: Serving, engine: Engine) -> None:
    issued = await issue(api)
    assert (issued.state, list(issued.places), issued.source) == (pb.WARNING_STATE_IN_FORCE, [CELL], "")
    assert (issued.sender_name, issued.status, issued.scope) == ("元宝区", pb.CAP_STATUS_ACTUAL, pb.CAP_SCOPE_PUBLIC)
    assert issued.expire_time.ToDatetime(UTC) == NOW + timedelta(days=1)
    assert await warning(api, issued.name) == issued
    (alert,) = await sent(api, issued.name)
    (said,) = alert.infos
    assert (alert.sender, alert.sent) == (f"{DISTRICT}@onegrid", NOW)
    assert (said.headline, said.colour, said.language) == (issued.headline, issued.colour, "zh-CN")
    (event,) = announced(engine)
    assert isinstance(event, WarningIssued)
    assert list(event.warning.places) == [CELL]


async def test_updates_and_the_cancel_refer_to_all_before_them(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    issued = await issue(api)
    clock.set(NOW + timedelta(minutes=1))
    wider = content(areas=[area(), area(124.52, 124.58)], headline="扩大撤离范围")
    updated = (await api.call(COMMANDER, "UpdateWarning", name=issued.name, content=wider, etag=issued.etag)).warning
    assert (updated.name, list(updated.places)) == (issued.name, [DISTRICT])
    assert list(updated.cells) == [CELL, OTHER_CELL]
    clock.set(NOW + timedelta(minutes=2))
    ended = (await api.call(COMMANDER, "CancelWarning", name=issued.name, note="险情已排除")).warning
    assert ended.state == pb.WARNING_STATE_CANCELLED
    first, second, third = await sent(api, issued.name)
    assert second.references == (first.key,)
    assert (third.references, third.note) == ((first.key, second.key), "险情已排除")
    assert [type(each) for each in announced(engine)] == [WarningIssued, WarningUpdated, WarningCancelled]


async def test_steps_of_one_second_keep_their_order(api: Serving) -> None:
    issued = await issue(api)
    await api.call(COMMANDER, "UpdateWarning", name=issued.name, content=content(headline="二"))
    await api.call(COMMANDER, "UpdateWarning", name=issued.name, content=content(headline="三"))
    assert (await warning(api, issued.name)).headline == "三"
    await api.call(COMMANDER, "CancelWarning", name=issued.name, note="解除")
    assert (await warning(api, issued.name)).state == pb.WARNING_STATE_CANCELLED


async def test_a_circle_and_codes_of_places_are_areas_as_well(api: Serving) -> None:
    circle = pb.WarningCircle(centre=Point(longitude=124.55, latitude=40.15), radius_km=1)
    issued = await issue(api, content=content(areas=[area(polygons=[], circles=[circle], places=[CELL])]))
    assert list(issued.cells) == [CELL, OTHER_CELL]
    whole = await issue(api, content=content(areas=[area(polygons=[], places=[DISTRICT])]))
    assert list(whole.places) == [DISTRICT]


def polygon(*points: tuple[float, float]) -> pb.WarningArea:
    return area(polygons=[pb.WarningPolygon(points=[Point(longitude=x, latitude=y) for x, y in points])])


@pytest.mark.parametrize(
    ("fields", "rule", "field"),
    [
        ({"scope": pb.CAP_SCOPE_RESTRICTED}, "RESTRICTION", "restriction"),
        ({"scope": pb.CAP_SCOPE_PRIVATE}, "ADDRESSES", "addresses"),
        ({"content": content(headline="a\ufffeb")}, "CHARACTERS", "content.headline"),
        ({"scope": pb.CAP_SCOPE_PRIVATE, "addresses": "a\x0bb"}, "CHARACTERS", "addresses"),
        ({"content": content(expire_time=NOW - timedelta(minutes=1))}, "EXPIRY", "content.expire_time"),
        (
            {"content": content(areas=[polygon((124.42, 40.12), (124.48, 40.12), (124.48, 40.18), (124.42, 40.18))])},
            "POLYGON_CLOSED",
            "content.areas[0].polygons[0]",
        ),
        (
            {"content": content(areas=[area(), polygon((124.42, 40.12), (124.48, 40.12), (124.42, 40.12))])},
            "POLYGON",
            "content.areas[1].polygons[0]",
        ),
        (
            {
                "content": content(
                    areas=[polygon((124.42, 40.12), (124.48, 40.18), (124.48, 40.12), (124.42, 40.18), (124.42, 40.12))]
                )
            },
            "POLYGON",
            "content.areas[0].polygons[0]",
        ),
    ],
)
async def test_what_cap_does_not_allow_is_refused_and_the_rule_is_named(
    api: Serving, engine: Engine, fields: dict[str, Any], rule: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        await issue(api, **fields)
    assert (refused.value.reason, refused.value.metadata) == ("CAP_RULE_BROKEN", {"rules": rule})
    assert refused.value.fields == [field]
    assert announced(engine) == []


async def test_a_point_that_is_not_on_earth_is_refused(api: Serving) -> None:
    with pytest.raises(Refused) as refused:
        await issue(api, content=content(areas=[polygon((124, 91), (125, 40), (125, 41), (124, 91))]))
    assert refused.value.reason == "INVALID_REQUEST"


async def test_an_area_without_a_cell_of_the_district_warns_nobody_and_is_refused(api: Serving) -> None:
    with pytest.raises(Refused) as refused:
        await issue(api, content=content(areas=[area(10, 11)]))
    assert (refused.value.reason, refused.value.fields) == ("INVALID_REQUEST", ["content.areas"])
    assert not (await api.call(COMMANDER, "ListWarnings", district=DISTRICT)).warnings


async def test_an_exercise_and_what_is_not_public_reach_nobody(api: Serving, engine: Engine) -> None:
    for fields in (
        {"status": pb.CAP_STATUS_EXERCISE},
        {"status": pb.CAP_STATUS_TEST},
        {"scope": pb.CAP_SCOPE_RESTRICTED, "restriction": "指挥部"},
        {"scope": pb.CAP_SCOPE_PRIVATE, "addresses": "command@example.cn"},
    ):
        issued = await issue(api, **fields)
        await api.call(COMMANDER, "UpdateWarning", name=issued.name, content=content())
        after = (await api.call(COMMANDER, "CancelWarning", name=issued.name, note="结束")).warning
        assert after.state == pb.WARNING_STATE_CANCELLED
    assert announced(engine) == []


async def test_only_what_is_in_force_and_the_districts_own_can_be_changed(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    await define_source(api)
    foreign = (await receive(api, document())).message.warnings[0]
    issued = await issue(api)
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "CancelWarning", name=foreign, note="x")
    assert (refused.value.reason, refused.value.metadata) == ("WARNING_FOREIGN", {"source": SOURCE})
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "CancelWarning", name=issued.name, note="x", etag="7")
    assert refused.value.reason == "STALE_ETAG"
    clock.set(NOW + timedelta(days=2))
    with engine.begin() as conn:
        expire_due(conn, clock.now())
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "UpdateWarning", name=issued.name, content=content())
    assert (refused.value.reason, refused.value.metadata) == ("WARNING_NOT_IN_FORCE", {"state": "EXPIRED"})


async def test_the_command_centre_alone_warns_the_district(api: Serving) -> None:
    with pytest.raises(Refused) as refused:
        await issue(api, STREET_DESK)
    assert refused.value.reason == "PERMISSION_DENIED"


async def test_warnings_are_listed_by_their_states_the_last_one_first(api: Serving, clock: SettableClock) -> None:
    names = []
    for minute in range(3):
        clock.set(NOW + timedelta(minutes=minute))
        names.insert(0, (await issue(api)).name)
    await api.call(COMMANDER, "CancelWarning", name=names[1], note="解除")
    first = await api.call(COMMANDER, "ListWarnings", district=DISTRICT, page_size=2)
    rest = await api.call(COMMANDER, "ListWarnings", district=DISTRICT, page_size=2, page_token=first.next_page_token)
    assert [each.name for each in (*first.warnings, *rest.warnings)] == names
    ended = await api.call(COMMANDER, "ListWarnings", district=DISTRICT, states=[pb.WARNING_STATE_CANCELLED])
    assert [each.name for each in ended.warnings] == [names[1]]
    with pytest.raises(Refused) as refused:
        await api.call(COMMANDER, "GetWarning", name=f"warnings/{DISTRICT}-{'0' * 16}")
    assert refused.value.reason == "NOT_FOUND"
