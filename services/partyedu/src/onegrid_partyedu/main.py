"""partyedu's parts."""

from __future__ import annotations

from onegrid.partyedu.v1 import partyedu_service_pb2
from onegrid_kit.service import Service
from onegrid_partyedu.settings import PartyeduSettings

__all__ = ["SERVICE"]

SERVICE = Service(
    name="partyedu",
    descriptor=partyedu_service_pb2.DESCRIPTOR.services_by_name["PartyeduService"],
    settings=PartyeduSettings,
    api="onegrid_partyedu.api:build",
    http="onegrid_partyedu.web:ROUTES",
    handlers="onegrid_partyedu.handlers:HANDLERS",
    jobs="onegrid_partyedu.jobs:JOBS",
    ladders="onegrid_partyedu.ladders:LADDERS",
    current="onegrid_partyedu.current:CURRENT",
    steps="onegrid_partyedu.steps:STEPS",
    sealed="onegrid_partyedu.sealed:SEALED",
    own_names="onegrid_partyedu.store.members:OWN_NAMES",
    migrations="onegrid_partyedu.migrations",
)
