"""What adapters have in common."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from onegrid_kit.sending import Attempt, Limit, Result
from onegrid_notify.channels.posting import Poster
from onegrid_notify.providers import OverHttp, ProviderConfig, ToAnyone

__all__ = ["Adapter", "HttpAdapter"]


class Adapter:
    """Has of its entry what the sender asks for."""

    channel: ClassVar[str]

    def __init__(self, config: ProviderConfig) -> None:
        self.name = config.name
        self.districts: Collection[str] = config.districts
        self.limits: Sequence[Limit] = config.allowed
        self.concurrency = config.concurrency

    async def ask(self, attempt: Attempt) -> Result | None:
        """It can't be asked."""
        return None


class HttpAdapter(Adapter):
    """Posts by a session of its own."""

    def __init__(self, config: OverHttp) -> None:
        super().__init__(config)
        self._poster = Poster(
            timeout_s=config.timeout_s,
            connections=config.concurrency,
            proxy=config.proxy,
            ca_file=config.ca_file,
            # What the operator's own entry names may be in our own network.
            allow_private=not isinstance(config, ToAnyone) or config.allow_private,
        )

    async def close(self) -> None:
        """End its connections."""
        await self._poster.close()
