"""Emergency, duty, identity and notify together: what a plan does is there within seconds, and gone after all clear."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2 as duty_pb
from onegrid.duty.v1.resources_pb2 import Rung
from onegrid.emergency.v1 import incident_methods_pb2 as steps
from onegrid.emergency.v1 import plans_pb2 as pb
from onegrid.emergency.v1.resources_pb2 import IncidentKind, IncidentLevel
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid_demo.loading import STREET
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT, log_in_again
from .calling import District
from .emergencies import reported
from .rosters import defined

ROSTER = f"rosters/{DISTRICT}-flood"
PLAN = f"plans/{DISTRICT}-effects"
HEADLINE = "江水上涨，请勿前往江边"


def define_plan(district: District) -> None:
    """A plan that elevates the centre's clerk, and whoever is on duty, and pages and tells people."""
    people = {login: district.accounts[login]["user"] for login in ("commander", "centre")}
    rungs = [Rung(target=target, wait_minutes=1440) for target in (1, 3)]
    defined(district, ROSTER, escalation=rungs, supervisors=[people["commander"]])
    plan = pb.Plan(
        name=PLAN,
        display_name="防汛三级响应",
        kind=IncidentKind.INCIDENT_KIND_NATURAL_DISASTER,
        level=IncidentLevel.INCIDENT_LEVEL_III,
        automatic=True,
        elevations=[
            pb.PlanElevation(holder=holder, role="roles/supervisor", scope=DISTRICT)
            for holder in (people["centre"], ROSTER)
        ],
        rosters=[ROSTER],
        notice=pb.PlanNotice(headline=HEADLINE, text="请听从广播。", places=[DISTRICT]),
    )
    district.do(pb.DefinePlanRequest(plan=plan), "admin", pb.DefinePlanResponse)


def a_flood(district: District) -> str:
    """A flood of level III that somebody has taken charge of, and that is confirmed."""
    incident = reported(district, STREET).incident
    kind = IncidentKind.INCIDENT_KIND_NATURAL_DISASTER
    level = IncidentLevel.INCIDENT_LEVEL_III
    for request, response in (
        (steps.RespondToIncidentRequest(name=incident), steps.RespondToIncidentResponse),
        (steps.CorrectIncidentRequest(name=incident, kind=kind), steps.CorrectIncidentResponse),
        (steps.ConfirmIncidentRequest(name=incident), steps.ConfirmIncidentResponse),
        (steps.GradeIncidentRequest(name=incident, level=level, reason="超警"), steps.GradeIncidentResponse),
    ):
        district.do(request, "commander", response)
    return incident


def elevations(district: District) -> set[str]:
    """Those that anybody holds a role by."""
    found = set()
    for login in ("commander", "centre"):
        request = identity_pb.ListGrantsRequest(user=district.accounts[login]["user"], page_size=500)
        grants = district.do(request, "admin", identity_pb.ListGrantsResponse).grants
        found |= {each.elevation for each in grants if each.elevation}
    return found


def told(district: District) -> bool:
    """Whether residents find the notice."""
    items = district.do(notify_pb.ListInboxItemsRequest(), "citizen", notify_pb.ListInboxItemsResponse).items
    return any(each.title == HEADLINE for each in items)


def test_a_plan_is_in_effect_everywhere_until_all_clear(district: District) -> None:
    define_plan(district)
    incident = a_flood(district)
    listed = pb.ListPlanActivationsRequest(incident=incident)

    def activation() -> pb.PlanActivation:
        (found,) = district.do(listed, "commander", pb.ListPlanActivationsResponse).activations
        return found

    def in_effect() -> bool:
        now = activation()
        granted = all(each.state == pb.ELEVATION_STATE_GRANTED for each in now.elevations)
        return granted and bool(now.rosters[0].page) and told(district)

    eventually(in_effect)
    assert {each.name for each in activation().elevations} <= elevations(district)
    pages = district.do(duty_pb.ListPagesRequest(roster=ROSTER), "admin", duty_pb.ListPagesResponse).pages
    assert [each.name for each in pages] == [activation().rosters[0].page]
    district.do(steps.DeclareAllClearRequest(name=incident), "commander", steps.DeclareAllClearResponse)
    ended = {each.name for each in activation().elevations}
    eventually(lambda: not (ended & elevations(district) or told(district)))
    district.do(pb.RetirePlanRequest(name=PLAN), "admin", pb.RetirePlanResponse)
    log_in_again(district, "commander", "centre")
