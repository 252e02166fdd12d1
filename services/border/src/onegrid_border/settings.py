"""border's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, SettingsError, setting

__all__ = ["BorderSettings"]


@dataclass(frozen=True)
class BorderSettings(ServiceSettings):
    """border's settings, beside those of every service."""

    position_days: float = setting(
        "How long positions, and who recorded them, are kept, in days; what was judged by them stays.", default=30.0
    )
    watch_interval_s: float = setting("How often new positions are sent to watchers.", default=1.0)

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with."""
        super().__post_init__()
        if self.position_days < 1:
            raise SettingsError("ONEGRID_POSITION_DAYS is less than 1: patrols that are out would lose their log")
