"""A service serves the contracts of others beside its own; duty, whose contract names emergency, is the example."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from sqlalchemy import inspect

from onegrid_duty.main import SERVICE as DUTY
from onegrid_emergency.main import SERVICE as EMERGENCY
from onegrid_kit import service as services
from onegrid_kit.contracts import served_by
from onegrid_kit.database import sync_engine
from onegrid_kit.migrations import migrate
from onegrid_kit.service import Service, host_of, installed
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.testing.api import serving
from onegrid_kit.testing.postgres import TestPostgres


def test_a_service_has_all_that_those_have_whom_it_hosts() -> None:
    assert EMERGENCY.served == (EMERGENCY, DUTY)
    assert (DUTY.served, DUTY.domain) == ((DUTY,), "onegrid.duty")
    assert {"keep_duty_person", "refuse_session"} <= {each.name for each in EMERGENCY.load_handlers()}
    assert "extend rosters" in {
        job.name
        for job in EMERGENCY.load_jobs(
            ServiceSettings(database_url="", page_token_key="k" * 32, cipher_keys=f"a:{'0' * 64}")
        )
    }
    assert (host_of(DUTY), host_of(EMERGENCY)) == (EMERGENCY, EMERGENCY)
    assert (served_by("duty"), served_by("grid")) == ("emergency", "grid")
    assert DUTY not in installed()


def test_a_service_that_only_has_the_name_of_a_real_one_hosts_nobody() -> None:
    other = replace(EMERGENCY, descriptor=DUTY.descriptor)
    assert other.served == (other,)
    assert host_of(replace(DUTY, descriptor=EMERGENCY.descriptor)).descriptor is EMERGENCY.descriptor


def test_a_database_gets_the_tables_of_those_too_whom_its_service_hosts(postgres: TestPostgres) -> None:
    def prepare(url: str) -> None:
        migrate(EMERGENCY, url)
        migrate(EMERGENCY, url)

    url = postgres.database("hosting", prepare)
    other = sync_engine(url)
    assert {"incident", "duty_roster", "onegrid_version", "onegrid_duty_version"} <= set(
        inspect(other).get_table_names()
    )
    other.dispose()
    postgres.drop(url)


@dataclass(frozen=True)
class OtherSettings(ServiceSettings):
    """Settings of its own."""


@pytest.mark.parametrize("more", [{"settings": OtherSettings}, {"sender": "x:Y"}, {"commands": {"x": "y:z"}}])
def test_what_is_hosted_has_no_settings_sender_or_commands(
    monkeypatch: pytest.MonkeyPatch, more: dict[str, object]
) -> None:
    monkeypatch.setattr("onegrid_duty.main.SERVICE", replace(DUTY, **more))
    services._installed_as.cache_clear()
    try:
        with pytest.raises(TypeError, match="duty is hosted"):
            _ = EMERGENCY.served
    finally:
        services._installed_as.cache_clear()


async def test_two_contracts_of_a_service_have_no_method_of_one_name(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    unlinked = replace(DUTY, http="")
    monkeypatch.setattr(Service, "served", (unlinked, unlinked))
    with pytest.raises(TypeError, match="two contracts with a method"):
        async with serving(EMERGENCY, database_url):
            pass
