"""grid's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings

__all__ = ["GridSettings"]


@dataclass(frozen=True)
class GridSettings(ServiceSettings):
    """grid can be told what every service can."""
