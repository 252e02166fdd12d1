"""The sample's parts. It goes by the name of identity, whose events it announces."""

import sys

from onegrid.identity.v1 import identity_service_pb2
from onegrid_kit import main
from onegrid_kit.service import Service
from onegrid_kit.settings import ServiceSettings

SERVICE = Service(
    name="identity",
    descriptor=identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"],
    settings=ServiceSettings,
    api="kit.tests.sample.api:build",
    handlers="kit.tests.sample.handlers:HANDLERS",
    jobs="kit.tests.sample.jobs:JOBS",
    steps="kit.tests.sample.steps:STEPS",
    ladders="kit.tests.sample.ladders:LADDERS",
    sender="kit.tests.sample.sender:SENDER",
    migrations="kit.tests.sample.migrations",
)

if __name__ == "__main__":
    sys.exit(main.run(SERVICE, sys.argv[1:]))
