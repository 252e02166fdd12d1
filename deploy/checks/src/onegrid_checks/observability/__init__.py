"""The observability suite: rules are healthy, dashboards show data, and a trace is complete."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from onegrid_checks.checklist import Checklist, Ended
from onegrid_checks.observability import dashboards, rules, trace
from onegrid_checks.observability.prometheus import Prometheus
from onegrid_checks.settings import Settings

__all__ = ["check"]


async def check(settings: Settings, checklist: Checklist) -> None:
    """Ask Prometheus and the sink."""
    rule_files, boards = rules.read(Path(settings.rules)), dashboards.read(Path(settings.dashboards))
    prometheus = Prometheus(settings.prometheus)
    deadline = time.monotonic() + settings.patience_s
    # First: what it does is measured, too.
    with suppress(Ended):
        await trace.check(settings, deadline, checklist)
    await rules.check(rule_files, prometheus, deadline, checklist)
    await dashboards.check(boards, prometheus, deadline, checklist)
