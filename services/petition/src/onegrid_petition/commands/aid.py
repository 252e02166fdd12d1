"""Filing petitions for requests for aid, which others made at notify."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection

from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.notify.v1.resources_pb2 import AidKind
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit import codes
from onegrid_kit.callers import Caller
from onegrid_kit.events import Delivery
from onegrid_petition import store
from onegrid_petition.commands.petitions import FilePetition, filing, new_petition
from onegrid_petition.errors import PlaceUnknown

__all__ = ["file_for_aid"]

_HEADINGS: Final = {AidKind.AID_KIND_COUNSELLING: "心理咨询", AidKind.AID_KIND_LEGAL_AID: "法律援助"}


def file_for_aid(conn: Connection, event: AidRequested, delivery: Delivery) -> None:
    """File the petition that a request for aid becomes, once. Its time limits count from the request.

    Raises PlaceUnknown where grid's event of the place has not come yet; the handler is called again.
    """
    if store.has_origin(conn, event.aid_request):
        return
    route = store.route_of_place(conn, event.place)
    if route is None:
        raise PlaceUnknown("place", event.place)
    district = codes.district_of(event.place)
    command = FilePetition(
        district=district,
        kind=Kind.KIND_HELP,
        # The offices that triage it read at once what kind of aid is asked for.
        text=f"【{_HEADINGS[event.kind]}】{event.text}",
        place=event.place,
        anonymous=event.anonymous,
        origin=event.aid_request,
    )
    caller = Caller(user=event.requester, kind=event.requester_kind, organization=event.organization, district=district)
    call = replace(delivery.call(), caller=caller)
    petition = new_petition(command, route, call)
    store.file_petitions.run(conn, [filing(petition, replace(call, resource=petition.name), Empty())])
