"""Lists that are imported and exported."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import completion_methods_pb2 as completion_pb
from onegrid.partyedu.v1 import import_methods_pb2 as pb
from onegrid.partyedu.v1.imports_pb2 import Import, ImportKind, ImportOutcome, ImportState
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from ..acting import DISTRICT
from ..calling import District
from .completions import training
from .organizations import member, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)
_COMPLETED = Timestamp(seconds=int(datetime(2024, 7, 1, tzinfo=UTC).timestamp()))


def a_list(scope: str, of: str, rows: int = 1) -> pb.StartImportRequest:
    """Members who are not entered yet."""
    members = [f"I-{next(_numbers)},王建国,{of},2010-07-01" for _ in range(rows)]
    content = "\n".join(("number,person_name,organization,join_date", *members)).encode()
    return pb.StartImportRequest(scope=scope, kind=ImportKind.IMPORT_KIND_MEMBERS, content=content)


def checked(district: District, scope: str = DISTRICT, rows: int = 1) -> Import:
    """An import that waits to be applied."""
    request = a_list(scope, organization(district, scope).name, rows)
    name = district.do(request, "admin", pb.StartImportResponse).data_import.name

    def found() -> Import:
        return district.do(pb.GetImportRequest(name=name), "admin", pb.GetImportResponse).data_import

    eventually(lambda: found().state == ImportState.IMPORT_STATE_CHECKED)
    return found()


def discarded(district: District, of: Import) -> Import:
    """So that no district has too many of them."""
    district.do(pb.DiscardImportRequest(name=of.name), "admin", pb.DiscardImportResponse)
    return of


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, name = f"organizations/{place}-unheard", f"imports/{DISTRICT}-{'0' * 20}"
    if there:
        of, name = organization(district, place).name, discarded(district, checked(district, place)).name
    yield a_list(place, of)
    yield pb.GetImportRequest(name=name)
    yield pb.ListImportRowsRequest(name=name)
    yield pb.ListImportsRequest(scope=place)
    yield pb.ApplyImportRequest(name=name)
    yield pb.DiscardImportRequest(name=name)
    yield pb.ListMembersAsCsvRequest(organization=of)
    yield pb.ListCompletionsAsCsvRequest(organization=of, year=2024)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    first = discarded(district, checked(district, STREET, rows=30))
    for _ in range(3):
        discarded(district, checked(district, STREET))
    studied = organization(district)
    for _ in range(3):
        someone = member(district, studied.name).name
        done = completion_pb.RecordCompletionRequest(
            member=someone, training=training(district).name, complete_time=_COMPLETED
        )
        district.do(done, "admin", completion_pb.RecordCompletionResponse)
    created = ImportOutcome.IMPORT_OUTCOME_CREATED
    return {
        "ListImportRows": (
            pb.ListImportRowsRequest(name=first.name),
            pb.ListImportRowsRequest(name=first.name, outcome=created),
        ),
        "ListMembersAsCsv": (
            pb.ListMembersAsCsvRequest(organization=studied.name),
            pb.ListMembersAsCsvRequest(organization=organization(district).name),
        ),
        "ListCompletionsAsCsv": (
            pb.ListCompletionsAsCsvRequest(organization=studied.name, year=2024),
            pb.ListCompletionsAsCsvRequest(organization=studied.name, year=2023),
        ),
        "ListImports": (pb.ListImportsRequest(scope=DISTRICT), pb.ListImportsRequest(scope=STREET)),
    }


def applying(district: District) -> tuple[str, Message]:
    of = checked(district)
    return "admin", pb.ApplyImportRequest(name=of.name, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "StartImport": lambda district: ("admin", a_list(DISTRICT, organization(district).name)),
    "ApplyImport": applying,
    "DiscardImport": lambda district: ("admin", pb.DiscardImportRequest(name=checked(district).name)),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "StartImport": lambda request: setattr(request, "scope", STREET),
    "ApplyImport": lambda request: setattr(request, "skip_refused", True),
    "DiscardImport": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
