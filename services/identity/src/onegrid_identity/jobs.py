"""identity's timed work."""

from __future__ import annotations

from datetime import timedelta

from onegrid_identity import store
from onegrid_kit.jobs import Job

__all__ = ["JOBS"]

JOBS = (Job("forget expired sessions", timedelta(minutes=30), store.forget_expired),)
