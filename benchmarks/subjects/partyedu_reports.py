"""A report of a year and the progress of a plan over a whole district, of which five years are stored."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import grpc

from benchmarks import party_years
from benchmarks.comparing import Figure
from benchmarks.platform import Platform
from onegrid.partyedu.v1.hours_methods_pb2 import GetYearlyReportRequest
from onegrid.partyedu.v1.partyedu_service_pb2_grpc import PartyeduServiceStub
from onegrid.partyedu.v1.study_plan_methods_pb2 import GetStudyPlanProgressRequest
from onegrid_kit.migrations import migrate
from onegrid_partyedu.main import SERVICE

_TIMES: Final = 20
_DATABASE: Final = "party_years"


def measure(platform: Platform) -> Iterator[Figure]:
    """One call after the other; the worst counts, as the bars are those of the objectives."""
    migrate(SERVICE, platform.postgres.create_database(_DATABASE))
    print("==> storing five years", flush=True)
    party_years.store(platform.postgres.url(_DATABASE))
    api = platform.start_api("partyedu", _DATABASE)
    top = f"organizations/{party_years.COMMITTEE}"
    with grpc.insecure_channel(f"127.0.0.1:{api.port}") as channel:
        partyedu = PartyeduServiceStub(channel)
        metadata = (("authorization", f"Bearer {platform.tokens['commander']}"),)
        year = GetYearlyReportRequest(organization=top, year=party_years.LAST)
        plan = GetStudyPlanProgressRequest(name=f"studyPlans/{party_years.PLAN}", organization=top)
        for key, bar, call in (
            ("year_ms", 5_000, lambda: partyedu.GetYearlyReport(year, metadata=metadata, timeout=30)),
            ("plan_ms", 1_000, lambda: partyedu.GetStudyPlanProgress(plan, metadata=metadata, timeout=30)),
        ):
            yield Figure(f"partyedu_reports.{key}", round(max(_took_ms(call) for _ in range(_TIMES))), bar, least=False)


def _took_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000
