"""notify's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, setting

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
