"""Duty and identity together: whoever is on duty holds the role of the duty, and nobody for longer."""

from __future__ import annotations

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid.duty.v1.resources_pb2 import RoleState
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT, log_in_again
from .calling import District
from .rosters import defined

ROSTER = f"rosters/{DISTRICT}-powers"


def of_shifts(district: District, login: str) -> list[str]:
    """The roles that somebody holds by shifts of this roster."""
    request = identity_pb.ListGrantsRequest(user=district.accounts[login]["user"], page_size=500)
    grants = district.do(request, "admin", identity_pb.ListGrantsResponse).grants
    return [each.role for each in grants if each.shift.startswith(f"shifts/{DISTRICT}-powers-")]


def test_a_shift_grants_its_role_and_ends_it(district: District) -> None:
    defined(district, ROSTER, role="roles/supervisor")

    def on_duty() -> pb.GetOnDutyResponse:
        return district.do(pb.GetOnDutyRequest(roster=ROSTER), "admin", pb.GetOnDutyResponse)

    eventually(lambda: on_duty().shift.role_state == RoleState.ROLE_STATE_GRANTED)
    user = on_duty().shift.user
    login = next(login for login in ("commander", "centre") if district.accounts[login]["user"] == user)
    assert "roles/supervisor" in of_shifts(district, login)
    district.do(pb.RetireRosterRequest(name=ROSTER), "admin", pb.RetireRosterResponse)
    eventually(lambda: not (of_shifts(district, "commander") or of_shifts(district, "centre")))
    log_in_again(district, "commander", "centre")
