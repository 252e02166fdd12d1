"""grid's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, SettingsError, setting

__all__ = ["GridSettings"]


@dataclass(frozen=True)
class GridSettings(ServiceSettings):
    """grid's settings, beside those of every service."""

    position_days: float = setting(
        "How long positions of grid workers, and who recorded them, are kept, in days; rounds, with who walked them, "
        "and findings stay.",
        default=30.0,
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with."""
        super().__post_init__()
        if self.position_days < 1:
            raise SettingsError("ONEGRID_POSITION_DAYS is less than 1: rounds that are walked would lose their log")
