"""What partyedu announces again to who comes later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.protobuf.message import Message
from sqlalchemy import Connection

from onegrid.partyedu.v1.events_pb2 import MemberDefined, OrganizationDefined
from onegrid_kit.announcing import Current
from onegrid_kit.paging import Position
from onegrid_partyedu import messages
from onegrid_partyedu.store import members as member_store
from onegrid_partyedu.store import organizations as organization_store

__all__ = ["CURRENT"]


def organizations(
    conn: Connection, _: datetime, after: Position, limit: int
) -> Sequence[tuple[Position, str, Message]]:
    """The organizations, with who holds their posts; also those that were dissolved."""
    page = organization_store.all_organizations(conn, after, limit)
    return [((each.district, each.id), each.name, messages.organization_defined(each)) for each in page]


def members(conn: Connection, _: datetime, after: Position, limit: int) -> Sequence[tuple[Position, str, Message]]:
    """The members whose membership goes on."""
    page = member_store.all_members(conn, after, limit)
    return [((each.district, each.id), each.name, messages.member_defined(each)) for each in page]


CURRENT = (Current(OrganizationDefined, organizations), Current(MemberDefined, members))
