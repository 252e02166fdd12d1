"""Guidance tasks, and what comes of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.partyedu.v1 import guidance_methods_pb2 as pb
from onegrid.partyedu.v1 import organization_methods_pb2 as organizations_pb
from onegrid.partyedu.v1.guidance_pb2 import GuidanceTask
from onegrid_demo.loading import STREET

from ..acting import DISTRICT
from ..calling import District
from .organizations import an_organization, organization

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists"]


def line(district: District, office: str = DISTRICT, lower: int = 1) -> list[str]:
    """A new organization, and so many directly below it."""
    names = [organization(district, office).name]
    for _ in range(lower):
        new = an_organization(office)
        new.parent = names[0]
        request = organizations_pb.DefineOrganizationRequest(organization=new)
        names.append(district.do(request, "admin", organizations_pb.DefineOrganizationResponse).organization.name)
    return names


def a_task(sender: str, seconds: float = 86_400) -> pb.SendGuidanceTaskRequest:
    """One that is not sent yet, and due after so many seconds."""
    due = Timestamp(nanos=0)
    due.FromNanoseconds(int((time.time() + seconds) * 1e9))
    return pb.SendGuidanceTaskRequest(
        sender=sender, title="主题党日", text="请组织本月主题党日。", due_time=due, report_wanted=True
    )


def sent(district: District, office: str = DISTRICT, lower: int = 1) -> tuple[GuidanceTask, list[str]]:
    """A new task, and the names of its assignments."""
    names = line(district, office, lower)
    task = district.do(a_task(names[0]), "admin", pb.SendGuidanceTaskResponse).task
    return task, [f"{task.name}/assignments/{name.partition('/')[2]}" for name in names[1:]]


def reported(district: District) -> str:
    """The name of an assignment whose report waits."""
    _, (name,) = sent(district)
    district.do(pb.ReportGuidanceRequest(name=name, report="已开展"), "admin", pb.ReportGuidanceResponse)
    return name


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    sender, task = f"organizations/{place}-none", f"guidanceTasks/{DISTRICT}-{'0' * 20}"
    assignment = f"{task}/assignments/{place}-none"
    if there:
        found, (assignment,) = sent(district, place)
        sender, task = found.sender, found.name
    yield a_task(sender)
    yield pb.WithdrawGuidanceTaskRequest(name=task, reason="x")
    yield pb.GetGuidanceTaskRequest(name=task)
    yield pb.ListGuidanceTasksRequest(sender=sender)
    yield pb.ListGuidanceAssignmentsRequest(task=task)
    yield pb.ListOrganizationGuidanceRequest(organization=sender)
    yield pb.ListOverdueGuidanceRequest(scope=place)
    yield pb.ReadGuidanceRequest(name=assignment)
    yield pb.ReportGuidanceRequest(name=assignment, report="x")
    yield pb.AcceptGuidanceReportRequest(name=assignment)
    yield pb.ReturnGuidanceReportRequest(name=assignment, reason="x")


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    (first, *below), (second, *_) = line(district, STREET, 3), line(district)
    for sender in (first, first, first, second):
        task = district.do(a_task(sender), "admin", pb.SendGuidanceTaskResponse).task
    other = task
    task = district.do(a_task(first, 0.5), "admin", pb.SendGuidanceTaskResponse).task
    return {
        "ListGuidanceTasks": tuple(pb.ListGuidanceTasksRequest(sender=of) for of in (first, second)),
        "ListGuidanceAssignments": tuple(pb.ListGuidanceAssignmentsRequest(task=of.name) for of in (task, other)),
        "ListOrganizationGuidance": tuple(
            pb.ListOrganizationGuidanceRequest(organization=of) for of in (below[0], second)
        ),
        "ListOverdueGuidance": (
            pb.ListOverdueGuidanceRequest(scope=STREET),
            pb.ListOverdueGuidanceRequest(scope=DISTRICT),
        ),
    }


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "SendGuidanceTask": lambda district: ("admin", a_task(line(district)[0])),
    "WithdrawGuidanceTask": lambda district: (
        "admin",
        pb.WithdrawGuidanceTaskRequest(name=sent(district)[0].name, reason="改期"),
    ),
    "ReadGuidance": lambda district: ("admin", pb.ReadGuidanceRequest(name=sent(district)[1][0])),
    "ReportGuidance": lambda district: (
        "admin",
        pb.ReportGuidanceRequest(name=sent(district)[1][0], report="已开展", etag="1"),
    ),
    "AcceptGuidanceReport": lambda district: (
        "admin",
        pb.AcceptGuidanceReportRequest(name=reported(district), etag="2"),
    ),
    "ReturnGuidanceReport": lambda district: (
        "admin",
        pb.ReturnGuidanceReportRequest(name=reported(district), reason="缺少签到表", etag="2"),
    ),
}
"""A request that can be made once, and by whom."""
CHANGES: Mapping[str, Callable[[Message], None]] = {
    "SendGuidanceTask": lambda request: setattr(request, "title", "别的"),
    "WithdrawGuidanceTask": lambda request: setattr(request, "reason", "别的"),
    "ReadGuidance": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
    "ReportGuidance": lambda request: setattr(request, "report", "别的"),
    "AcceptGuidanceReport": lambda request: setattr(request, "name", request.name + "x"),  # type: ignore[attr-defined]
    "ReturnGuidanceReport": lambda request: setattr(request, "reason", "别的"),
}
"""Something of each request that can be other without breaking its rules."""
