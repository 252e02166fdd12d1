"""The timed jobs of a service under test."""

from __future__ import annotations

from typing import Any

from onegrid_kit.jobs import Job
from onegrid_kit.service import Service
from onegrid_kit.testing.api import CIPHER_KEYS

__all__ = ["job_of"]


def job_of(service: Service, name: str, **settings: Any) -> Job:
    """The job of that name, as the service has it with these settings beside the defaults. Raises LookupError."""
    required = {"database_url": "", "page_token_key": "k" * 32, "cipher_keys": CIPHER_KEYS}
    for job in service.load_jobs(service.settings(**(required | settings))):
        if job.name == name:
            return job
    raise LookupError(f"{service.name} has no job {name!r}")
