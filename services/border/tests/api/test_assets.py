"""Assets and their inspections over real gRPC and a real database."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from onegrid.border.v1.events_pb2 import AssetInspected
from onegrid.border.v1.resources_pb2 import Asset, AssetCondition, AssetKind, Inspection
from onegrid.common.v1.common_pb2 import Point
from onegrid.grid.v1.events_pb2 import CellDefined
from onegrid_kit.callers import Caller
from onegrid_kit.clock import SettableClock
from onegrid_kit.testing.api import Refused, Serving
from onegrid_kit.testing.events import Events, announced
from onegrid_kit.timestamps import timestamp

from .people import CELL, CITIZEN, COMMANDER, DISTRICT, OTHER_STREET_DESK, STREET, STREET_DESK, WORKER

MARKER, WALL = f"assets/{CELL}-marker-1107", f"assets/{STREET}-wall"
SOUND = AssetCondition.ASSET_CONDITION_SOUND
DAMAGED = AssetCondition.ASSET_CONDITION_DAMAGED
MISSING = AssetCondition.ASSET_CONDITION_MISSING
HERE = [Point(longitude=124.39, latitude=40.12)]


async def define(api: Serving, name: str = MARKER, caller: Caller = COMMANDER, **fields: Any) -> Asset:
    given = {"name": name, "kind": AssetKind.ASSET_KIND_MARKER, "display_name": "1107号界桩", "course": HERE, **fields}
    answer: Asset = (await api.call(caller, "DefineAsset", asset=Asset(**given))).asset
    return answer


async def inspect(
    api: Serving, condition: AssetCondition, moment: datetime | None = None, caller: Caller = WORKER, **fields: Any
) -> tuple[Inspection, Asset]:
    given = {"name": MARKER, "condition": condition, "inspect_time": timestamp(moment), **fields}
    answer = await api.call(caller, "InspectAsset", **given)
    return answer.inspection, answer.asset


async def test_an_asset_is_entered_inspected_and_taken_off_the_list(
    api: Serving, engine: Engine, clock: SettableClock
) -> None:
    new = await define(api)
    assert (new.condition, new.HasField("inspect_time")) == (AssetCondition.ASSET_CONDITION_UNSPECIFIED, False)
    clock.set(clock.now() + timedelta(hours=1))
    assert await define(api) == new
    first, asset = await inspect(api, DAMAGED, note="基座有裂缝，长约30厘米")
    assert (first.name, first.inspector) == (f"{MARKER}/inspections/1", WORKER.user)
    assert (asset.condition, asset.inspect_time, asset.etag) == (DAMAGED, first.inspect_time, new.etag)
    assert (await api.call(COMMANDER, "GetAsset", name=MARKER)).asset == asset
    assert announced(engine) == [
        AssetInspected(asset=asset, inspection=first, former_condition=AssetCondition.ASSET_CONDITION_UNSPECIFIED)
    ]
    retired = (await api.call(COMMANDER, "RetireAsset", name=MARKER, etag=asset.etag)).asset
    assert (await api.call(COMMANDER, "RetireAsset", name=MARKER)).asset == retired
    with pytest.raises(Refused) as refused:
        await inspect(api, SOUND)
    assert (refused.value.reason, refused.value.metadata) == ("ASSET_RETIRED", {"asset": MARKER})
    assert not (await api.call(COMMANDER, "ListAssets", scope=DISTRICT)).assets
    again = await define(api, display_name="1107号界碑")
    assert (again.condition, again.HasField("retire_time")) == (DAMAGED, False)
    with pytest.raises(Refused) as refused:
        await define(api, etag=new.etag)
    assert refused.value.reason == "STALE_ETAG"


async def test_the_inspection_made_last_counts_and_none_is_lost(api: Serving, clock: SettableClock) -> None:
    await define(api)
    now = clock.now()
    await inspect(api, SOUND, now - timedelta(hours=1))
    _, asset = await inspect(api, MISSING, now - timedelta(hours=3), note="昨夜补录")
    assert (asset.condition, asset.inspect_time) == (SOUND, timestamp(now - timedelta(hours=1)))
    _, asset = await inspect(api, DAMAGED, now)
    assert asset.condition == DAMAGED
    listed = (await api.call(COMMANDER, "ListInspections", asset=MARKER)).inspections
    assert [each.condition for each in listed] == [DAMAGED, MISSING, SOUND]
    with pytest.raises(Refused) as refused:
        await inspect(api, SOUND, now + timedelta(minutes=6))
    assert refused.value.fields == ["inspect_time"]


async def test_inspections_of_one_moment_are_all_kept(api: Serving) -> None:
    await define(api)
    done = await asyncio.gather(*(inspect(api, SOUND, note=f"第{number}次") for number in range(12)))
    assert sorted(int(each.name.rpartition("/")[2]) for each, _ in done) == list(range(1, 13))


@pytest.mark.parametrize("text", ["请联系13800138000", "身份证１１０１０５１９４９１２３１００２Ｘ"])
async def test_a_note_that_names_a_person_is_refused_with_what_and_where(api: Serving, text: str) -> None:
    await define(api)
    with pytest.raises(Refused) as refused:
        await inspect(api, SOUND, note=text)
    assert refused.value.reason == "PERSON_IN_TEXT"
    (violation,) = refused.value.violations
    assert violation.field == "note"
    assert violation.description.startswith("characters 4 to ")
    assert "say what happened and where" in violation.description


async def test_the_code_of_a_cell_names_nobody(api: Serving, events: Events) -> None:
    await define(api)
    cell = "210602101105021"
    with pytest.raises(Refused) as refused:
        await inspect(api, SOUND, note=f"位于网格{cell}")
    assert refused.value.metadata["kinds"] == "IDENTITY_NUMBER"
    events.deliver(CellDefined(code=cell, display_name="网格", version=1))
    await inspect(api, SOUND, note=f"位于网格{cell}")


async def test_assets_are_listed_by_place_kind_and_condition(api: Serving) -> None:
    await define(api)
    await define(api, WALL, STREET_DESK, kind=AssetKind.ASSET_KIND_FLOOD_WALL, course=HERE * 2)
    await inspect(api, DAMAGED)
    for fields, expected in (
        ({"scope": DISTRICT}, [MARKER, WALL]),
        ({"scope": CELL}, [MARKER]),
        ({"scope": STREET, "kinds": [AssetKind.ASSET_KIND_FLOOD_WALL]}, [WALL]),
        ({"scope": STREET, "conditions": [DAMAGED]}, [MARKER]),
        ({"scope": STREET, "conditions": [AssetCondition.ASSET_CONDITION_UNSPECIFIED]}, [WALL]),
    ):
        listed = (await api.call(COMMANDER, "ListAssets", **fields)).assets
        assert sorted(each.name for each in listed) == sorted(expected)


async def test_offices_look_after_their_own_assets_alone(api: Serving) -> None:
    await define(api)
    for caller in (WORKER, OTHER_STREET_DESK, CITIZEN):
        with pytest.raises(Refused) as refused:
            await define(api, caller=caller)
        assert refused.value.reason == "PERMISSION_DENIED"
    with pytest.raises(Refused) as refused:
        await inspect(api, SOUND, caller=OTHER_STREET_DESK)
    assert refused.value.reason == "PERMISSION_DENIED"
    for method in ("GetAsset", "RetireAsset"):
        with pytest.raises(Refused) as refused:
            await api.call(COMMANDER, method, name=WALL)
        assert refused.value.reason == "NOT_FOUND"
