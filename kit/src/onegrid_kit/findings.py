"""What grid's inspection rounds found, in the words that offices read: a worker may have had no time for a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from onegrid.grid.v1.findings_pb2 import Finding
from onegrid.grid.v1.records_pb2 import FindingKind, HazardLevel

__all__ = ["words_of"]

_KINDS: Final[Mapping[FindingKind, str]] = {
    FindingKind.FINDING_KIND_FIRE: "火情",
    FindingKind.FINDING_KIND_FIRE_HAZARD: "消防隐患",
    FindingKind.FINDING_KIND_GAS_OR_ELECTRICITY: "燃气、用电隐患",
    FindingKind.FINDING_KIND_BUILDING: "房屋安全隐患",
    FindingKind.FINDING_KIND_WORK_SAFETY: "安全生产隐患",
    FindingKind.FINDING_KIND_FLOODING: "内涝、地质灾害隐患",
    FindingKind.FINDING_KIND_FACILITY_DAMAGED: "道路、市政设施损坏",
    FindingKind.FINDING_KIND_ENVIRONMENT: "环境卫生",
    FindingKind.FINDING_KIND_SECURITY: "治安隐患",
    FindingKind.FINDING_KIND_DISPUTE: "矛盾纠纷",
}


def words_of(finding: Finding) -> str:
    """What it is, and that it is a major hazard if it is one; empty if only its text can say."""
    major = "（重大隐患）" if finding.hazard_level == HazardLevel.HAZARD_LEVEL_MAJOR else ""
    return _KINDS.get(finding.kind, "") + major
