"""emergency's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, SettingsError, setting

__all__ = ["EmergencySettings"]


@dataclass(frozen=True)
class EmergencySettings(ServiceSettings):
    """emergency's settings, beside those of every service."""

    watch_interval_s: float = setting("How often new steps are sent to watchers.", default=0.2)
    warning_sender: str = setting(
        "What the district's own warnings have as `sender` of CAP, `warnings@yuanbao.example.cn`; others know them by "
        "it, so it stays. Empty: `{district}@onegrid`.",
        default="",
    )
    warning_hours: float = setting(
        "How long a warning is in force that does not say when it expires, in hours from when it becomes effective.",
        default=24.0,
    )
    http_url: str = setting(
        "Where others reach the HTTP routes, `https://warnings.example.cn`: the feed of warnings links there; empty: "
        "its links are relative.",
        default="",
    )
    mqtt: bool = setting(
        "Whether the api also takes readings of sensors that come by MQTT, from the queue that RabbitMQ's MQTT plugin "
        "fills; needs ONEGRID_AMQP_URL.",
        default=False,
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with."""
        super().__post_init__()
        if re.search(r"[\s,<&]", self.warning_sender):
            raise SettingsError("ONEGRID_WARNING_SENDER has white space, a comma, < or &")
        if self.warning_hours <= 0:
            raise SettingsError("ONEGRID_WARNING_HOURS is not more than 0")
        if self.http_url and not self.http_url.startswith(("https://", "http://")):
            raise SettingsError(f"ONEGRID_HTTP_URL: {self.http_url!r} does not begin with https://")
        if self.mqtt and not self.amqp_url:
            raise SettingsError("ONEGRID_MQTT needs ONEGRID_AMQP_URL")
