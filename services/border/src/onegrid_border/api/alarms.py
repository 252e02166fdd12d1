"""The methods on alarms."""

from __future__ import annotations

from onegrid.border.v1 import border_service_pb2 as pb
from onegrid_border import messages
from onegrid_border.commands import alarms as commands
from onegrid_border.settings import BorderSettings
from onegrid_border.store import alarms as store
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime

__all__ = ["Alarms"]


class Alarms:
    """The methods on alarms."""

    def __init__(self, runtime: Runtime[BorderSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages

    async def ListAlarms(self, request: pb.ListAlarmsRequest, call: Call) -> pb.ListAlarmsResponse:
        if request.show_ended:
            page = await self._pages.read(
                request,
                lambda conn, after, limit: store.alarms_page(conn, request.scope, after, limit),
                position=lambda alarm: (alarm.raise_time, alarm.patrol, alarm.id),
                message=messages.alarm,
            )
        else:
            page = await self._pages.read(
                request,
                lambda conn, after, limit: store.open_alarms_page(conn, request.scope, after, limit),
                position=lambda alarm: (alarm.kind, not alarm.lone, alarm.since_time, alarm.patrol, alarm.id),
                message=messages.alarm,
            )
        return pb.ListAlarmsResponse(alarms=page.items, next_page_token=page.next_token)

    async def AcknowledgeAlarm(self, request: pb.AcknowledgeAlarmRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.AcknowledgeAlarmResponse(
                alarm=messages.alarm(commands.acknowledge_alarm(conn, request.name, call))
            ),
        )

    async def CloseAlarm(self, request: pb.CloseAlarmRequest, call: Call) -> bytes:
        return await self._db.command(
            call,
            lambda conn: pb.CloseAlarmResponse(
                alarm=messages.alarm(commands.close_alarm(conn, request.name, request.note, call))
            ),
        )
