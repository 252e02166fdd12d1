"""DutyService: a message in, a command out, a message back; no rule, no SQL."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_duty.api.calendars import Calendars
from onegrid_duty.api.escalation import Escalation
from onegrid_duty.api.overrides import Overrides
from onegrid_duty.api.rosters import Rosters
from onegrid_duty.api.shifts import Shifts
from onegrid_duty.api.swaps import Swaps
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["build"]


def build(runtime: Runtime[ServiceSettings]) -> Sequence[object]:
    """The servicers."""
    parts = (Rosters, Overrides, Shifts, Swaps, Escalation, Calendars)
    return [part(runtime) for part in parts]
