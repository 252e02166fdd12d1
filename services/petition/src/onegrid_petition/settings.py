"""petition's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, setting

__all__ = ["PetitionSettings"]


@dataclass(frozen=True)
class PetitionSettings(ServiceSettings):
    """What petition can be told beside what every service can."""

    watch_interval_s: float = setting("How often watchers are told of new steps.", default=0.2)
    filing_batch: int = setting("How many filings one transaction stores at most.", default=64)
