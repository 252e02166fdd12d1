"""grid has no timed work of its own."""

from __future__ import annotations

from onegrid_kit.events import Job

__all__ = ["JOBS"]

JOBS: tuple[Job, ...] = ()
