"""duty's parts."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2
from onegrid_kit.service import Service

__all__ = ["SERVICE"]

SERVICE = Service(
    name="duty",
    descriptor=duty_service_pb2.DESCRIPTOR.services_by_name["DutyService"],
    api="onegrid_duty.api:build",
    http="onegrid_duty.web:ROUTES",
    handlers="onegrid_duty.handlers:HANDLERS",
    jobs="onegrid_duty.jobs:JOBS",
    ladders="onegrid_duty.ladders:LADDERS",
    current="onegrid_duty.current:CURRENT",
    migrations="onegrid_duty.migrations",
)
