"""petition's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, setting

__all__ = ["PetitionSettings"]


@dataclass(frozen=True)
class PetitionSettings(ServiceSettings):
    """petition's settings, beside those of every service."""

    watch_interval_s: float = setting("How often new steps are sent to watchers.", default=0.2)
    filing_batch: int = setting("How many filings one transaction stores at most.", default=64)
