"""notify's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, SettingsError, setting
from onegrid_notify import providers

__all__ = ["NotifySettings"]


@dataclass(frozen=True)
class NotifySettings(ServiceSettings):
    """notify's settings, beside those of every service."""

    stream_interval_s: float = setting("How often connected readers are sent what is new.", default=0.2)
    http_url: str = setting(
        "Where people reach the HTTP routes, `https://push.example.cn`: links to unsubscribe lead there; empty: "
        "e-mails have none.",
        default="",
    )
    providers: str = setting(
        "Through whom messages leave the platform: JSON, a list with an entry for each "
        "([channels and providers](notify.md#channels-and-providers)); needed by api and sender.",
        default="[]",
        secret=True,
    )
    item_url: str = setting(
        "Where the public app shows an item of an inbox, `https://app.example.cn/inbox/{item}`: what is sent leads "
        "there, a digest to the inbox, with nothing for `{item}`; empty: it leads nowhere.",
        default="",
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with."""
        super().__post_init__()
        providers.parse(self.providers)
        if self.http_url and not self.http_url.startswith(("https://", "http://")):
            raise SettingsError(f"ONEGRID_HTTP_URL: {self.http_url!r} does not begin with https://")
