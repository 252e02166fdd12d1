"""Which inspection says how an asset is."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.border.v1.resources_pb2 import AssetCondition, AssetKind
from onegrid_border.asset import Asset, Inspection

NOW = datetime(2026, 11, 1, tzinfo=UTC)
conditions = st.sampled_from([condition for condition in AssetCondition.values() if condition])
found = st.lists(st.tuples(st.integers(0, 50), conditions), min_size=1, unique_by=lambda each: each[0])


def after(inspections: Sequence[tuple[int, AssetCondition]]) -> Asset:
    """An asset that was inspected at these hours, entered in this order."""
    asset = Asset(
        id="210602-marker-1",
        kind=AssetKind.ASSET_KIND_MARKER,
        display_name="界桩",
        course=(),
        create_time=NOW,
        update_time=NOW,
    )
    for number, (hour, condition) in enumerate(inspections, start=1):
        asset = asset.inspected(
            Inspection(
                asset=asset.id,
                number=number,
                condition=condition,
                note="",
                inspector="users/worker",
                inspect_time=NOW + timedelta(hours=hour),
                create_time=NOW,
            )
        )
    return asset


@given(found, st.randoms(use_true_random=False))
def test_the_condition_is_that_of_the_last_inspection_in_whatever_order_they_are_entered(
    inspections: list[tuple[int, AssetCondition]], order: random.Random
) -> None:
    hour, condition = max(inspections)
    order.shuffle(inspections)
    asset = after(inspections)
    assert (asset.condition, asset.inspect_time) == (condition, NOW + timedelta(hours=hour))
    assert asset.inspections == len(inspections)
