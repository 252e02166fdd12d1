"""What notify does when others announce something."""

from __future__ import annotations

from onegrid_kit.events import Subscription

__all__ = ["HANDLERS"]

HANDLERS: tuple[Subscription, ...] = ()
