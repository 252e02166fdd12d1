"""How a district takes part in CAP, by the service's settings."""

from __future__ import annotations

from datetime import timedelta

from onegrid_emergency.commands.warnings import Profile
from onegrid_emergency.settings import EmergencySettings

__all__ = ["profile_of"]


def profile_of(settings: EmergencySettings, district: str) -> Profile:
    """The district's profile."""
    return Profile(
        district=district,
        sender=settings.warning_sender or f"{district}@onegrid",
        lasts=timedelta(hours=settings.warning_hours),
    )
