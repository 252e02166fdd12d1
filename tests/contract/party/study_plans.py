"""Study plans."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import study_plan_methods_pb2 as pb
from onegrid.partyedu.v1.organization_methods_pb2 import DefineOrganizationRequest, DefineOrganizationResponse
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlan, StudyPlanState, StudyRequirement
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .organizations import an_organization, member, organization, somebody

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]

_numbers = itertools.count(1)


def _day(year: int, month: int) -> Timestamp:
    return Timestamp(seconds=int(datetime(year, month, 1, tzinfo=UTC).timestamp()))


_YEAR = datetime.now(UTC).year
# What is asked for was due in the year before, so that whoever is entered now is behind.
_BEGIN, _DUE, _END = _day(_YEAR - 1, 6), _day(_YEAR - 1, 9), _day(_YEAR + 1, 5)


def a_plan(of: str) -> StudyPlan:
    """One for an organization, given by its name, that is not defined yet; what it asks was due long ago."""
    office = of.partition("/")[2].partition("-")[0]
    return StudyPlan(
        name=f"studyPlans/{office}-p{next(_numbers)}",
        display_name="年度学习计划",
        organization=of,
        begin_time=_BEGIN,
        end_time=_END,
        requirements=[StudyRequirement(id="hours", minutes=60, due_time=_DUE)],
    )


def organization_below(district: District, top: str) -> str:
    """The name of a new organization below another one."""
    new = an_organization(STREET)
    new.parent = top
    return district.do(
        DefineOrganizationRequest(organization=new), "admin", DefineOrganizationResponse
    ).organization.name


def plan(district: District, of: str, *, published: bool = False) -> StudyPlan:
    """A new one."""
    made = district.do(pb.DefineStudyPlanRequest(study_plan=a_plan(of)), "admin", pb.DefineStudyPlanResponse).study_plan
    if published:
        request = pb.PublishStudyPlanRequest(name=made.name)
        made = district.do(request, "admin", pb.PublishStudyPlanResponse).study_plan
    return made


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    of, who = f"organizations/{place}-o{next(_numbers)}x", f"members/{DISTRICT}-{'0' * 20}"
    wanted = a_plan(of)
    if there:
        of = organization(district, place).name
        wanted, who = plan(district, of), member(district, of).name
    yield pb.DefineStudyPlanRequest(study_plan=wanted)
    yield pb.PublishStudyPlanRequest(name=wanted.name)
    yield pb.CloseStudyPlanRequest(name=wanted.name)
    yield pb.GetStudyPlanRequest(name=wanted.name)
    yield pb.ListStudyPlansRequest(scope=place)
    yield pb.ListMemberStudyPlansRequest(member=who)
    yield pb.GetStudyPlanProgressRequest(name=wanted.name, organization=of)
    yield pb.ListStudyPlanProgressRequest(name=wanted.name, organization=of)
    yield pb.ListMembersBehindRequest(name=wanted.name, organization=of)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    top, other = organization(district, STREET).name, somebody(district)
    below = [organization_below(district, top) for _ in range(3)]
    studying = [member(district, of).name for of in (*below, below[0])]
    made = [plan(district, top, published=True) for _ in range(4)]
    asked = made[0].name
    return {
        "ListStudyPlans": (
            pb.ListStudyPlansRequest(scope=STREET),
            pb.ListStudyPlansRequest(scope=STREET, state=StudyPlanState.STUDY_PLAN_STATE_CLOSED),
        ),
        "ListMemberStudyPlans": (
            pb.ListMemberStudyPlansRequest(member=studying[0]),
            pb.ListMemberStudyPlansRequest(member=other.name),
        ),
        "ListStudyPlanProgress": (
            pb.ListStudyPlanProgressRequest(name=asked, organization=top),
            pb.ListStudyPlanProgressRequest(name=asked, organization=below[0]),
        ),
        "ListMembersBehind": (
            pb.ListMembersBehindRequest(name=asked, organization=top),
            pb.ListMembersBehindRequest(name=asked, organization=below[0]),
        ),
    }


def publishing(district: District) -> tuple[str, Message]:
    of = plan(district, organization(district).name)
    return "admin", pb.PublishStudyPlanRequest(name=of.name, etag=of.etag)


def closing(district: District) -> tuple[str, Message]:
    of = plan(district, organization(district).name, published=True)
    return "admin", pb.CloseStudyPlanRequest(name=of.name, etag=of.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineStudyPlan": lambda district: (
        "admin",
        pb.DefineStudyPlanRequest(study_plan=a_plan(organization(district).name)),
    ),
    "PublishStudyPlan": publishing,
    "CloseStudyPlan": closing,
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "DefineStudyPlan": lambda request: setattr(request.study_plan, "display_name", "别的"),  # type: ignore[attr-defined]
    "PublishStudyPlan": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
    "CloseStudyPlan": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
}
"""Something of each request that can be other without breaking its rules."""
