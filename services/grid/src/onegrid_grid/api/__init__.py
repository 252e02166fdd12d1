"""GridService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_grid.api.findings import Findings
from onegrid_grid.api.organizations import Organizations
from onegrid_grid.api.registry import Registry
from onegrid_grid.api.rounds import Rounds
from onegrid_grid.settings import GridSettings
from onegrid_kit.runtime import Runtime

__all__ = ["build"]


def build(runtime: Runtime[GridSettings]) -> Sequence[object]:
    """The servicers."""
    return [Registry(runtime), Rounds(runtime), Findings(runtime), Organizations(runtime)]
