"""petition's parts."""

from __future__ import annotations

from onegrid.petition.v1 import petition_service_pb2
from onegrid_kit.service import Service
from onegrid_petition.settings import PetitionSettings

__all__ = ["SERVICE"]

SERVICE = Service(
    name="petition",
    descriptor=petition_service_pb2.DESCRIPTOR.services_by_name["PetitionService"],
    settings=PetitionSettings,
    api="onegrid_petition.api:build",
    handlers="onegrid_petition.handlers:HANDLERS",
    jobs="onegrid_petition.jobs:JOBS",
    ladders="onegrid_petition.ladders:LADDERS",
    sealed="onegrid_petition.sealed:SEALED",
    migrations="onegrid_petition.migrations",
)
