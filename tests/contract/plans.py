"""What the tests of all contracts do with plans."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message

from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid_demo.loading import CENTRE, STREET

from .acting import DISTRICT
from .calling import District
from .emergencies import reported

__all__ = ["CHANGES", "PREPARE", "defined", "elsewhere", "lists"]

_numbers = itertools.count(1)


def _plan(name: str = "") -> pb.Plan:
    """A plan that is not entered yet."""
    return pb.Plan(
        name=name or f"plans/{DISTRICT}-p{next(_numbers)}",
        display_name="防汛三级响应",
        kind=IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
        level=IncidentLevel.INCIDENT_LEVEL_III,
        tasks=[pb.PlanTask(assignee=CENTRE, instruction="调集沙袋")],
        checklists=[pb.Checklist(title="堤坝", items=["查看渗水点"])],
    )


def defined(district: District) -> pb.Plan:
    """A new plan."""
    return district.do(pb.DefinePlanRequest(plan=_plan()), "commander", pb.DefinePlanResponse).plan


def _to_activate(district: District, incident: str) -> pb.ActivatePlanRequest:
    return pb.ActivatePlanRequest(incident=incident, plan=defined(district).name)


def _activated(district: District, incident: str = "") -> pb.PlanActivation:
    request = _to_activate(district, incident or reported(district, STREET).incident)
    return district.do(request, "commander", pb.ActivatePlanResponse).activation


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission over the place, about something in it, which exists or not."""
    incident = reported(district, place).incident if there else f"incidents/{DISTRICT}-20201111-00000000"
    activation = _activated(district, incident).name if there else f"planActivations/{DISTRICT}-{'0' * 20}"
    plan = defined(district).name if there else f"plans/{DISTRICT}-none"
    yield pb.DefinePlanRequest(plan=_plan(plan))
    yield pb.RetirePlanRequest(name=plan)
    yield pb.ActivatePlanRequest(incident=incident, plan=plan)
    yield pb.DeactivatePlanRequest(name=activation, reason="x")
    yield pb.TickChecklistItemRequest(activation=activation, number=1)
    yield pb.ListPlanActivationsRequest(incident=incident)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    incidents = [reported(district, STREET).incident for _ in range(2)]
    for name in incidents:
        for _ in range(3):
            _activated(district, name)
    return {
        "ListPlans": (
            pb.ListPlansRequest(district=DISTRICT),
            pb.ListPlansRequest(district=DISTRICT, level=IncidentLevel.INCIDENT_LEVEL_III),
        ),
        "ListPlanActivations": (
            pb.ListPlanActivationsRequest(incident=incidents[0]),
            pb.ListPlanActivationsRequest(incident=incidents[1]),
        ),
    }


def _defining(district: District) -> tuple[str, Message]:
    before = defined(district)
    changed = _plan(before.name)
    changed.etag = before.etag
    return "commander", pb.DefinePlanRequest(plan=changed)


def _retiring(district: District) -> tuple[str, Message]:
    plan = defined(district)
    return "commander", pb.RetirePlanRequest(name=plan.name, etag=plan.etag)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefinePlan": _defining,
    "RetirePlan": _retiring,
    "ActivatePlan": lambda district: ("commander", _to_activate(district, reported(district, STREET).incident)),
    "DeactivatePlan": lambda district: (
        "commander",
        pb.DeactivatePlanRequest(name=_activated(district).name, reason="水位回落"),
    ),
    "TickChecklistItem": lambda district: (
        "commander",
        pb.TickChecklistItemRequest(activation=_activated(district).name, number=1),
    ),
}
"""For each command who calls it, and with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "DefinePlan": lambda request: setattr(request.plan, "display_name", "别的"),
    "ActivatePlan": lambda request: setattr(request, "note", "别的"),
    "DeactivatePlan": lambda request: setattr(request, "reason", "别的"),
    "TickChecklistItem": lambda request: setattr(request, "untick", True),
}
"""Something of each request that can be other without breaking its rules."""
