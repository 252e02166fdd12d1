"""Hours of study, and the report of a year."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message

from onegrid.partyedu.v1 import hours_methods_pb2 as pb
from onegrid.partyedu.v1.hours_pb2 import HoursDuty
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .organizations import member, organization
from .study_plans import organization_below

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)


def a_duty() -> HoursDuty:
    """One that is not defined yet; it asks nothing."""
    return HoursDuty(name=f"hoursDuties/{DISTRICT}-d{next(_numbers)}", display_name="年度学时")


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, who = f"organizations/{place}-o{next(_numbers)}h", f"members/{DISTRICT}-{'0' * 20}"
    if there:
        of = organization(district, place).name
        who = member(district, of).name
    yield pb.DefineHoursDutyRequest(hours_duty=a_duty())
    yield pb.ListHoursDutiesRequest(district=DISTRICT)
    yield pb.GetMemberHoursRequest(member=who, year=2024)
    yield pb.ListOrganizationHoursRequest(organization=of, year=2024)
    yield pb.GetYearlyReportRequest(organization=of, year=2024)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    top = organization(district, STREET).name
    for _ in range(3):
        member(district, organization_below(district, top))
    for _ in range(2):
        district.do(pb.DefineHoursDutyRequest(hours_duty=a_duty()), "admin", pb.DefineHoursDutyResponse)
    return {
        "ListHoursDuties": (
            pb.ListHoursDutiesRequest(district=DISTRICT),
            pb.ListHoursDutiesRequest(district=DISTRICT),
        ),
        "ListOrganizationHours": (
            pb.ListOrganizationHoursRequest(organization=top, year=2100),
            pb.ListOrganizationHoursRequest(organization=top, year=2000),
        ),
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineHoursDuty": lambda _: ("admin", pb.DefineHoursDutyRequest(hours_duty=a_duty())),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineHoursDuty": lambda request: setattr(request.hours_duty, "minutes", 60),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
