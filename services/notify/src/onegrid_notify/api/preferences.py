"""The methods on people's preferences."""

from __future__ import annotations

from onegrid.notify.v1 import notify_service_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.runtime import Runtime
from onegrid_notify import messages
from onegrid_notify.commands import preferences as commands
from onegrid_notify.settings import NotifySettings
from onegrid_notify.store.preferences import preferences_of

__all__ = ["PreferencesMethods"]


class PreferencesMethods:
    """The methods on people's preferences."""

    def __init__(self, runtime: Runtime[NotifySettings]) -> None:
        self._db = runtime.db

    async def GetPreferences(self, request: pb.GetPreferencesRequest, call: Call) -> pb.GetPreferencesResponse:
        user = call.caller.user
        found = await self._db.read(lambda conn: preferences_of(conn, user))
        return pb.GetPreferencesResponse(preferences=messages.preferences(found, user))

    async def SetPreferences(self, request: pb.SetPreferencesRequest, call: Call) -> bytes:
        user = call.caller.user
        wanted = messages.preferences_of(request.preferences)
        return await self._db.command(
            call,
            lambda conn: pb.SetPreferencesResponse(
                preferences=messages.preferences(commands.set_preferences(conn, wanted, request.etag, call), user)
            ),
        )
