"""The methods on hours of study in a year, and the report of a year."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import hours_methods_pb2 as pb
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound
from onegrid_kit.paging import Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import hours_messages as messages
from onegrid_partyedu.authority import require_member
from onegrid_partyedu.commands import hours as commands
from onegrid_partyedu.hours import HoursDuty, HoursFigures, hours_figures
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.reporting import member_hours, yearly_report
from onegrid_partyedu.store import hours as store
from onegrid_partyedu.store import organizations
from onegrid_partyedu.store.progress import parents_below

__all__ = ["Hours"]


class Hours:
    """The methods on hours of study in a year, and the report of a year."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def DefineHoursDuty(self, request: pb.DefineHoursDutyRequest, call: Call) -> bytes:
        wanted = messages.duty_of(request.hours_duty, call.now)
        return await self._db.command(
            call,
            lambda conn: pb.DefineHoursDutyResponse(
                hours_duty=messages.hours_duty(commands.define_hours_duty(conn, wanted, call))
            ),
        )

    async def ListHoursDuties(self, request: pb.ListHoursDutiesRequest, _: Call) -> pb.ListHoursDutiesResponse:
        def read(conn: Connection, after: Position, limit: int) -> Sequence[HoursDuty]:
            duties = store.duties_of(conn, request.district)
            return [each for each in duties if not after or each.id > str(after[0])][:limit]

        page = await self._pages.read(request, read, position=lambda each: (each.id,), message=messages.hours_duty)
        return pb.ListHoursDutiesResponse(hours_duties=page.items, next_page_token=page.next_token)

    async def GetMemberHours(self, request: pb.GetMemberHoursRequest, call: Call) -> pb.GetMemberHoursResponse:
        def read(conn: Connection) -> pb.GetMemberHoursResponse:
            member = require_member(conn, MEMBER.id(request.member), call)
            return pb.GetMemberHoursResponse(hours=member_hours(conn, member, request.year, call.now))

        return await self._db.read(read)

    async def ListOrganizationHours(
        self, request: pb.ListOrganizationHoursRequest, call: Call
    ) -> pb.ListOrganizationHoursResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection, after: Position, limit: int) -> Sequence[HoursFigures]:
            district = codes.district_of(organization)
            # What can be shown of an organization depends on what is shown of all around it.
            parents, duties = store.parents_of(conn, district), store.duties_of(conn, district)
            if organization not in parents:
                raise NotFound(request.organization)
            studied = store.year_of_study(conn, organization, request.year, duties, call.now)
            figures = hours_figures(parents, {id_: each.figures for id_, each in studied.items()})
            inside = parents_below(conn, district, organization)
            ranked = sorted((each for id_, each in figures.items() if id_ in inside), key=lambda each: each.rank)
            return [each for each in ranked if not after or each.rank > after][:limit]

        page = await self._pages.read(
            request, read, position=lambda each: each.rank, message=messages.organization_hours
        )
        return pb.ListOrganizationHoursResponse(hours=page.items, next_page_token=page.next_token)

    async def GetYearlyReport(self, request: pb.GetYearlyReportRequest, call: Call) -> pb.GetYearlyReportResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection) -> pb.GetYearlyReportResponse:
            if organizations.find_organization(conn, organization) is None:
                raise NotFound(request.organization)
            return pb.GetYearlyReportResponse(report=yearly_report(conn, organization, request.year, call.now))

        # All figures are of one snapshot.
        return await self._db.read_only(read)
