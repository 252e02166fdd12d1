"""What patrols came to, month by month."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.statistics import months
from onegrid_border.store import statistics as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_kit.timestamps import timestamp

__all__ = ["StatisticsOfPatrols"]


class StatisticsOfPatrols:
    """The method on statistics."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._pages = runtime.pages

    async def ListPatrolStatistics(
        self, request: pb.ListPatrolStatisticsRequest, call: Call
    ) -> pb.ListPatrolStatisticsResponse:
        span = months(request.first_month, request.last_month)
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.statistics_page(
                conn, request.scope, span, request.grouping, call.now, after, limit
            ),
            position=lambda each: (each.month, each.subject),
            message=lambda each: messages.statistics(each, request.grouping),
        )
        return pb.ListPatrolStatisticsResponse(
            statistics=page.items, as_of_time=timestamp(call.now), next_page_token=page.next_token
        )
