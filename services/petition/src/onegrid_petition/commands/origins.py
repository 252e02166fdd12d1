"""Filing petitions for what others announce: requests for aid of notify, findings of grid, defects of border."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from google.protobuf.empty_pb2 import Empty
from sqlalchemy import Connection

from onegrid.border.v1.events_pb2 import RepairRequested
from onegrid.grid.v1.events_pb2 import FindingTransferred
from onegrid.grid.v1.records_pb2 import FindingKind
from onegrid.notify.v1.events_pb2 import AidRequested
from onegrid.notify.v1.resources_pb2 import AidKind
from onegrid.petition.v1.resources_pb2 import Kind
from onegrid_kit import codes
from onegrid_kit.callers import Caller
from onegrid_kit.events import Delivery
from onegrid_kit.findings import words_of
from onegrid_kit.locations import location_in
from onegrid_petition import store
from onegrid_petition.commands.petitions import FilePetition, filing, new_petition
from onegrid_petition.errors import PlaceUnknown

__all__ = ["file_for_aid", "file_for_finding", "file_for_repair"]

_HEADINGS: Final = {AidKind.AID_KIND_COUNSELLING: "心理咨询", AidKind.AID_KIND_LEGAL_AID: "法律援助"}


def file_for_aid(conn: Connection, event: AidRequested, delivery: Delivery) -> None:
    """File the petition that a request for aid becomes, once. Its time limits count from the request.

    Raises PlaceUnknown where grid's event of the place has not come yet; the handler is called again.
    """
    district = codes.district_of(event.place)
    command = FilePetition(
        district=district,
        kind=Kind.KIND_HELP,
        text=_headed(_HEADINGS[event.kind], event.text),
        place=event.place,
        anonymous=event.anonymous,
        origin=event.aid_request,
    )
    caller = Caller(user=event.requester, kind=event.requester_kind, organization=event.organization, district=district)
    _file(conn, command, caller, delivery)


def file_for_finding(conn: Connection, event: FindingTransferred, delivery: Delivery) -> None:
    """File the petition that what an inspection round found becomes, once. Its time limits count from when an office
    wanted that. Raises PlaceUnknown, as above.
    """
    found = event.finding
    district = codes.district_of(found.place)
    is_dispute = found.kind == FindingKind.FINDING_KIND_DISPUTE
    command = FilePetition(
        district=district,
        # A dispute is to be mediated; all else is reported.
        kind=Kind.KIND_HELP if is_dispute else Kind.KIND_REPORT,
        text=_headed(words_of(found) or "巡查发现", "\n\n".join(part for part in (event.note, found.text) if part)),
        place=found.place,
        location=location_in(found),
        origin=found.name,
    )
    _file(conn, command, Caller(user=event.requester, kind=event.requester_kind, district=district), delivery)


def file_for_repair(conn: Connection, event: RepairRequested, delivery: Delivery) -> None:
    """File the petition that a request for the repair of an asset of the border becomes, once. Triage finds its work
    item, as of each petition. Raises PlaceUnknown, as above.
    """
    district = codes.district_of(event.place)
    command = FilePetition(
        district=district,
        kind=Kind.KIND_REPORT,
        text=_headed("边防设施维修", event.text),
        place=event.place,
        location=location_in(event),
        origin=event.inspection.name,
    )
    _file(conn, command, Caller(user=event.requester, kind=event.requester_kind, district=district), delivery)


def _headed(heading: str, text: str) -> str:
    """A text of which the offices that triage it read at once what it is about."""
    return f"【{heading}】{text}"


def _file(conn: Connection, command: FilePetition, caller: Caller, delivery: Delivery) -> None:
    if store.has_origin(conn, command.origin):
        return
    route = store.route_of_place(conn, command.place)
    if route is None:
        raise PlaceUnknown("place", command.place)
    call = replace(delivery.call(), caller=caller)
    petition = new_petition(command, route, call)
    store.file_petitions.run(conn, [filing(petition, replace(call, resource=petition.name), Empty())])
