"""Defects (设施缺陷): what inspections found that is not as it should be, as others read it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onegrid.border.v1.resources_pb2 import AssetCondition, AssetKind
from onegrid_border.asset import Asset, Inspection
from onegrid_kit import codes
from onegrid_kit.locations import Location

__all__ = ["has_defect", "in_words", "location_of", "place_of"]

_KINDS: Final[Mapping[AssetKind, str]] = {
    AssetKind.ASSET_KIND_MARKER: "界碑、界桩",
    AssetKind.ASSET_KIND_FENCE: "铁丝网、围栏",
    AssetKind.ASSET_KIND_LAMP: "照明灯",
    AssetKind.ASSET_KIND_GATE: "闸门、通道",
    AssetKind.ASSET_KIND_BOAT: "巡逻艇",
    AssetKind.ASSET_KIND_BANK: "岸线",
    AssetKind.ASSET_KIND_FLOOD_WALL: "防洪墙",
}
_CONDITIONS: Final[Mapping[AssetCondition, str]] = {
    AssetCondition.ASSET_CONDITION_DAMAGED: "有损",
    AssetCondition.ASSET_CONDITION_FAILED: "失效",
    AssetCondition.ASSET_CONDITION_MISSING: "缺失",
}


def has_defect(asset: Asset, inspection: Inspection) -> bool:
    """Whether there is something to be repaired: neither this inspection nor the one that was made last found the asset
    as it should be.
    """
    return not inspection.found_sound and asset.condition != AssetCondition.ASSET_CONDITION_SOUND


def in_words(asset: Asset, inspection: Inspection, note: str) -> str:
    """What is to be added, which asset it is and how it was found, and what the inspection says."""
    found = f"{asset.display_name}（{_KINDS[asset.kind]}）：{_CONDITIONS[inspection.condition]}"
    return "\n\n".join(part for part in (note, found, inspection.note) if part)


def location_of(asset: Asset) -> Location:
    """Where it is; of what is long, the point in the middle of its course."""
    return asset.course[len(asset.course) // 2]


def place_of(asset: Asset, cell: str | None) -> str:
    """The code of its place. `cell`: the one that it lies in, if that is known."""
    return cell or (asset.district if codes.is_department(asset.office) else asset.office)
