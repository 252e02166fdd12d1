"""Messages of CAP that others post, each answered by one: an Ack, or an Error if it can be known what it is about."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from onegrid_emergency.commands import warnings as commands
from onegrid_emergency.errors import CapRuleBroken
from onegrid_emergency.profile import profile_of
from onegrid_emergency.settings import EmergencySettings
from onegrid_kit import audit
from onegrid_kit.database import Database
from onegrid_kit.http.answers import Answer
from onegrid_kit.http.requests import Request

__all__ = ["CAP", "receive"]

CAP: Final = "application/cap+xml"


async def receive(request: Request[EmergencySettings], db: Database) -> Answer:
    """Take a message. Raises CapRuleBroken, WarningSourceUnknown or WarningMessageChanged."""
    profile = profile_of(request.settings, request.parameters["district"])

    def take(conn: Connection) -> bytes:
        message, reply = commands.receive(conn, request.body, profile, request.call)
        audit.append(conn, [(request.call, message.name)])
        return reply

    try:
        with commands.counting():
            reply = await db.write(take)
    except CapRuleBroken as error:
        # Whoever speaks CAP reads this; all others get the problem.
        rejection = commands.rejection(request.body, error, profile, request.call.now) if _reads_cap(request) else b""
        if not rejection:
            raise
        return Answer(400, rejection, CAP)
    return Answer(200, reply, CAP)


def _reads_cap(request: Request[EmergencySettings]) -> bool:
    return CAP in request.headers.get("accept", "")
