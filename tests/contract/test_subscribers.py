"""The subscribers that contracts name are those that there are."""

from __future__ import annotations

import pytest

from onegrid.contracts import CONTRACTS
from onegrid_kit import housekeeping
from onegrid_kit.contracts import subscribers_of
from onegrid_kit.events import Subscription
from onegrid_kit.service import Service, host_of, installed, load

SERVED = [served for service in installed() for served in service.served]


@pytest.mark.parametrize("service", SERVED, ids=lambda service: service.name)
def test_a_service_handles_the_events_that_name_it_and_no_others(service: Service) -> None:
    own: tuple[Subscription, ...] = load(service.handlers) if service.handlers else ()
    # Those of the kit are for a database: of one that is hosted, its host has them.
    kit = housekeeping.HANDLERS if host_of(service) is service else ()
    named = {
        event_type for name in CONTRACTS for event_type, who in subscribers_of(name).items() if service.name in who
    }
    assert {subscription.type for subscription in (*own, *kit)} == named


def test_contracts_name_services_that_there_are() -> None:
    for name in CONTRACTS:
        for event_type, who in subscribers_of(name).items():
            assert who <= set(CONTRACTS), event_type
