"""Whatever is killed in the middle of the loop: what was acknowledged is there once, its events are handled once."""

from __future__ import annotations

import time

import pytest

from onegrid_kit.testing.waiting import eventually

from . import ledger
from .filing import Load
from .fleet import Fleet


@pytest.mark.parametrize("part", ["api", "relay", "worker", "postgres", "rabbitmq"])
def test_nothing_is_lost_or_doubled_when_it_is_killed_under_load(fleet: Fleet, part: str) -> None:
    load = Load(fleet)
    with load.running():
        eventually(load.goes_on(), describe=load.outcomes)
        fleet.kill(part)
        filed = len(load.filed)
        time.sleep(1)
        if part in ("api", "postgres"):
            assert load.repeated
        else:
            # Filing and handling do not wait for events to be delivered.
            assert len(load.filed) > filed
        fleet.restart(part)
        eventually(load.goes_on(), describe=load.outcomes)
    ledger.require_acknowledged_once(fleet, load)
    ledger.require_handled_once(fleet)
    ledger.require_intact_audit_trails(fleet)


def test_the_command_audit_verify_reports_an_intact_trail(fleet: Fleet) -> None:
    assert set(fleet.run_for_each_service("audit", "verify")) == {"the audit trail is intact\n"}
