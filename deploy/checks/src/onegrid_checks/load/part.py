"""A part of the traffic: the calls of a service that a release may lack."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from onegrid_checks.checklist import Checklist
from onegrid_demo.client import Client

__all__ = ["Part"]


class Part(Protocol):
    """Makes the calls, and knows what was acknowledged of them."""

    calls: Mapping[str, Callable[[Client], Awaitable[None]]]
    """By the method."""

    def method(self, due: str) -> str:
        """The call to make where this one is due: another one where there is nothing to make it about."""
        ...

    async def begin(self, client: Client) -> None:
        """Enter what the calls are about."""
        ...

    async def settle(self, client: Client, checklist: Checklist) -> None:
        """Leave nothing open, and ask for everything that was acknowledged."""
        ...
