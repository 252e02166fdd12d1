"""identity's settings."""

from __future__ import annotations

from dataclasses import dataclass

from onegrid_kit.settings import ServiceSettings, setting

__all__ = ["IdentitySettings"]


@dataclass(frozen=True)
class IdentitySettings(ServiceSettings):
    """identity's settings, beside those of every service."""

    access_token_minutes: int = setting("How long an access token is good.", default=15)
    refresh_token_days: int = setting("How long a session can be kept alive.", default=30)
    signing_key_days: int = setting("How long a key signs before the next one does.", default=30)
    code_requests_per_hour: int = setting(
        "One-time codes that one address, or one caller with a token, may ask for in an hour. Many people share the "
        "address of a mobile network or of a proxy.",
        default=60,
    )
    code_sender: str = setting(
        "The class that sends one-time codes, `module:Class`: `onegrid_identity.senders:NotifySender` has notify send "
        "them, by its providers of text messages; `…:WebhookSender` posts them to a gateway, `…:ConsoleSender` prints "
        "them.",
        default="onegrid_identity.senders:ConsoleSender",
    )
    code_webhook_url: str = setting(
        "Where WebhookSender posts `{phone, code, expires}` as JSON; 2xx means that the code is on its way.",
        default="",
        secret=True,
    )
