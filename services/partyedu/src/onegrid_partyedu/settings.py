"""partyedu's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, SettingsError, setting

__all__ = ["PartyeduSettings"]


@dataclass(frozen=True)
class PartyeduSettings(ServiceSettings):
    """partyedu's settings, beside those of every service."""

    http_url: str = setting(
        "Where others reach the HTTP routes, `https://study.example.cn/party`: QR codes of certificates lead there, "
        "and pages of statements to their next ones below its path. Empty: these below none, and QR codes hold the "
        "certificate's code alone.",
        default="",
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with."""
        super().__post_init__()
        if self.http_url and not self.http_url.startswith(("https://", "http://")):
            raise SettingsError(f"ONEGRID_HTTP_URL: {self.http_url!r} does not begin with https://")
