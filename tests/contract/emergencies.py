"""What the tests of all contracts do with emergency's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from google.protobuf.message import Message

from onegrid.emergency.v1 import emergency_service_pb2 as pb
from onegrid.emergency.v1 import incident_methods_pb2 as steps
from onegrid.emergency.v1.incident_tasks_pb2 import IncidentTask
from onegrid.emergency.v1.resources_pb2 import IncidentCommand, IncidentLevel, IncidentState, Report
from onegrid_demo.loading import CENTRE, STREET

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "elsewhere", "lists", "reported"]

_NO_INCIDENT = f"incidents/{DISTRICT}-20201111-00000000"
_NO_REPORT = f"reports/{DISTRICT}-{'0' * 20}"
_NO_TASK = f"tasks/{DISTRICT}-{'0' * 20}"


def reported(district: District, place: str, by: str = "citizen") -> Report:
    """A new report."""
    request = pb.ReportIncidentRequest(district=DISTRICT, text="堤坝渗水。", place=place)
    return district.do(request, by, pb.ReportIncidentResponse).report


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    report = reported(district, place) if there else Report(name=_NO_REPORT, incident=_NO_INCIDENT)
    incident = report.incident
    task = _assigned(district, reported(district, place).incident).name if there else _NO_TASK
    yield pb.GetIncidentRequest(name=incident)
    yield pb.ListIncidentsRequest(place=place)
    yield steps.RespondToIncidentRequest(name=incident)
    yield steps.GradeIncidentRequest(name=incident, level=IncidentLevel.INCIDENT_LEVEL_IV, reason="x")
    yield steps.ConfirmIncidentRequest(name=incident)
    yield steps.DismissIncidentRequest(name=incident, reason="x")
    yield steps.CorrectIncidentRequest(name=incident, category="x")
    yield steps.OrganizeCommandRequest(name=incident, command=IncidentCommand(commander="users/x"))
    yield steps.AnnotateIncidentRequest(name=incident, note="x")
    yield steps.DeclareAllClearRequest(name=incident)
    yield steps.ReopenIncidentRequest(name=incident, reason="x")
    yield steps.ReviewIncidentRequest(name=incident, summary="x", lessons="x")
    yield steps.ListIncidentTimelineRequest(incident=incident)
    yield steps.WatchIncidentRequest(name=incident)
    yield steps.AssignTaskRequest(incident=incident, assignee=CENTRE, instruction="x")
    yield steps.AcknowledgeTaskRequest(name=task)
    yield steps.ReportTaskProgressRequest(name=task, report="x")
    yield steps.CompleteTaskRequest(name=task, report="x")
    yield steps.CancelTaskRequest(name=task, reason="x")
    yield steps.MergeIncidentsRequest(name=incident, merged=[_NO_INCIDENT[:-1] + "1"])
    yield steps.SplitIncidentRequest(name=incident, reports=[report.name])
    yield steps.GetPossibleDuplicatesRequest(name=incident)
    yield steps.ReportSituationRequest(incident=incident, text="x")
    yield steps.ListSituationReportsRequest(incident=incident)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    incidents = [reported(district, STREET).incident for _ in range(4)]
    for name in incidents[:2]:
        for _ in range(3):
            district.do(steps.AnnotateIncidentRequest(name=name, note="x"), "commander", steps.AnnotateIncidentResponse)
            _reported_upward(district, name)
    return {
        "ListSituationReports": (
            steps.ListSituationReportsRequest(incident=incidents[0]),
            steps.ListSituationReportsRequest(incident=incidents[1]),
        ),
        "ListIncidentTimeline": (
            steps.ListIncidentTimelineRequest(incident=incidents[0]),
            steps.ListIncidentTimelineRequest(incident=incidents[1]),
        ),
        "ListIncidents": (
            pb.ListIncidentsRequest(place=DISTRICT),
            pb.ListIncidentsRequest(place=STREET, states=[IncidentState.INCIDENT_STATE_REPORTED]),
        ),
    }


def _reported_upward(district: District, incident: str, *, final: bool = False) -> None:
    request = steps.ReportSituationRequest(incident=incident, text="x", final=final)
    district.do(request, "commander", steps.ReportSituationResponse)


def _responding(district: District, incident: str) -> str:
    """The etag after somebody has taken charge."""
    respond = steps.RespondToIncidentRequest(name=incident)
    return district.do(respond, "commander", steps.RespondToIncidentResponse).incident.etag


def _assigned(district: District, incident: str) -> IncidentTask:
    """A task of an incident that somebody takes charge of."""
    _responding(district, incident)
    request = steps.AssignTaskRequest(incident=incident, assignee=CENTRE, instruction="x")
    return district.do(request, "commander", steps.AssignTaskResponse).task


def _on_task(request: Callable[..., Message], caller: str, district: District, **fields: Any) -> tuple[str, Message]:
    task = _assigned(district, reported(district, STREET).incident)
    return caller, request(name=task.name, **fields)


def _merge(district: District) -> tuple[str, Message]:
    one, other = reported(district, STREET).incident, reported(district, STREET).incident
    return "commander", steps.MergeIncidentsRequest(name=one, merged=[other], etag="1")


def _split(district: District) -> tuple[str, Message]:
    one, other = reported(district, STREET), reported(district, STREET)
    merge = steps.MergeIncidentsRequest(name=one.incident, merged=[other.incident])
    merged = district.do(merge, "commander", steps.MergeIncidentsResponse).incident
    return "commander", steps.SplitIncidentRequest(name=merged.name, reports=[other.name], etag=merged.etag)


def _assign(district: District) -> tuple[str, Message]:
    incident = reported(district, STREET).incident
    _responding(district, incident)
    return "commander", steps.AssignTaskRequest(incident=incident, assignee=CENTRE, instruction="x")


def _review(district: District) -> tuple[str, Message]:
    caller, request = _in(_ALL_CLEAR, steps.ReviewIncidentRequest, district, summary="x", lessons="x")
    _reported_upward(district, request.name, final=True)  # type: ignore[attr-defined]
    request.etag = str(int(request.etag) + 1)  # type: ignore[attr-defined]
    return caller, request


def _in(
    state: IncidentState, request: Callable[..., Message], district: District, **fields: Any
) -> tuple[str, Message]:
    """The commander's request about an incident that has come so far."""
    name = reported(district, STREET).incident
    etag = "1"
    if state >= IncidentState.INCIDENT_STATE_RESPONDING:
        etag = _responding(district, name)
    if state == IncidentState.INCIDENT_STATE_ALL_CLEAR:
        clear = steps.DeclareAllClearRequest(name=name)
        etag = district.do(clear, "commander", steps.DeclareAllClearResponse).incident.etag
    return "commander", request(name=name, etag=etag, **fields)


_REPORTED, _RESPONDING, _ALL_CLEAR = (
    IncidentState.INCIDENT_STATE_REPORTED,
    IncidentState.INCIDENT_STATE_RESPONDING,
    IncidentState.INCIDENT_STATE_ALL_CLEAR,
)
PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "ReportIncident": lambda _: ("citizen", pb.ReportIncidentRequest(district=DISTRICT, text="堤坝渗水。")),
    "RespondToIncident": partial(_in, _REPORTED, steps.RespondToIncidentRequest),
    "GradeIncident": partial(_in, _REPORTED, steps.GradeIncidentRequest, level=4, reason="x"),
    "ConfirmIncident": partial(_in, _REPORTED, steps.ConfirmIncidentRequest),
    "DismissIncident": partial(_in, _REPORTED, steps.DismissIncidentRequest, reason="x"),
    "CorrectIncident": partial(_in, _REPORTED, steps.CorrectIncidentRequest, category="洪水"),
    "OrganizeCommand": partial(
        _in, _RESPONDING, steps.OrganizeCommandRequest, command=IncidentCommand(commander="users/x")
    ),
    "AnnotateIncident": partial(_in, _REPORTED, steps.AnnotateIncidentRequest, note="x"),
    "DeclareAllClear": partial(_in, _RESPONDING, steps.DeclareAllClearRequest),
    "ReopenIncident": partial(_in, _ALL_CLEAR, steps.ReopenIncidentRequest, reason="x"),
    "ReviewIncident": _review,
    "AssignTask": _assign,
    "AcknowledgeTask": partial(_on_task, steps.AcknowledgeTaskRequest, "centre"),
    "ReportTaskProgress": partial(_on_task, steps.ReportTaskProgressRequest, "centre", report="x"),
    "CompleteTask": partial(_on_task, steps.CompleteTaskRequest, "centre", report="x"),
    "CancelTask": partial(_on_task, steps.CancelTaskRequest, "commander", reason="x"),
    "MergeIncidents": _merge,
    "SplitIncident": _split,
    "ReportSituation": lambda district: (
        "commander",
        steps.ReportSituationRequest(incident=reported(district, STREET).incident, text="x"),
    ),
}
"""For each command who calls it, and with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "ReportIncident": lambda request: setattr(request, "text", "别的"),
    "AssignTask": lambda request: setattr(request, "instruction", "别的"),
    "AcknowledgeTask": lambda request: setattr(request, "name", _NO_TASK),
    "ReportTaskProgress": lambda request: setattr(request, "report", "别的"),
    "CompleteTask": lambda request: setattr(request, "report", "别的"),
    "CancelTask": lambda request: setattr(request, "reason", "别的"),
    "ReportSituation": lambda request: setattr(request, "text", "别的"),
}
"""For a command without an etag what makes it another one."""
