"""notify's timed work."""

from __future__ import annotations

from onegrid_kit.jobs import Job

__all__ = ["JOBS"]

JOBS: tuple[Job, ...] = ()
