"""The methods on shifts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid_duty import messages, queries
from onegrid_duty.roster import HORIZON, ROSTER
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings

__all__ = ["Shifts"]

_DEFAULT: Final = timedelta(weeks=4)
_LONGEST: Final = timedelta(days=400)
_LONGEST_FOR_GAPS: Final = timedelta(days=100)


class Shifts:
    """The methods on shifts."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def ListShifts(self, request: pb.ListShiftsRequest, call: Call) -> pb.ListShiftsResponse:
        roster = ROSTER.id(request.roster)
        begin, end = _period(request, call.now, _DEFAULT, _LONGEST)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.shifts_page(conn, roster, begin, end, after, limit),
            position=lambda shift: (shift.begin,),
            message=messages.shift,
        )
        return pb.ListShiftsResponse(shifts=page.items, next_page_token=page.next_token)

    async def ListGaps(self, request: pb.ListGapsRequest, call: Call) -> pb.ListGapsResponse:
        roster = ROSTER.id(request.roster)
        begin, end = _period(request, call.now, HORIZON, _LONGEST_FOR_GAPS)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: queries.gaps_page(conn, roster, begin, end, after, limit),
            position=lambda gap: (gap.begin, int(gap.reason), gap.user),
            message=lambda gap: messages.gap(gap, request.roster),
        )
        return pb.ListGapsResponse(gaps=page.items, next_page_token=page.next_token)

    async def GetOnDuty(self, request: pb.GetOnDutyRequest, call: Call) -> pb.GetOnDutyResponse:
        roster = ROSTER.id(request.roster)
        moment = _moment(request.time, call.now)
        now, coming = await self._db.read(lambda conn: queries.on_duty(conn, roster, moment))
        return pb.GetOnDutyResponse(
            shift=None if now is None else messages.shift(now),
            next=None if coming is None else messages.shift(coming),
        )


def _period(
    request: pb.ListShiftsRequest | pb.ListGapsRequest, now: datetime, default: timedelta, longest: timedelta
) -> tuple[datetime, datetime]:
    """The period that a request names. Raises InvalidRequest."""
    begin = _moment(request.begin_time, now)
    end = _moment(request.end_time, begin + default)
    if not begin < end <= begin + longest:
        raise InvalidRequest(FieldViolation("end_time", f"lies behind the beginning, by {longest.days} days at most"))
    return begin, end


def _moment(given: Timestamp, default: datetime) -> datetime:
    """The moment that a request names, or the default."""
    return given.ToDatetime(UTC) if given.seconds or given.nanos else default
