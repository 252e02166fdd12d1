"""BorderService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_border.api.assets import Assets
from onegrid_border.api.routes import Routes
from onegrid_border.api.units import Units
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["build"]


def build(runtime: Runtime[ServiceSettings]) -> Sequence[object]:
    """The servicers."""
    return [Units(runtime), Routes(runtime), Assets(runtime)]
