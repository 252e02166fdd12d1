"""Between identity and grid: who is disabled in one looks after no cell in the other."""

from __future__ import annotations

from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.grid.v1.resources_pb2 import Post
from onegrid.identity.v1 import identity_service_pb2 as identity_pb
from onegrid_kit.testing.waiting import eventually

from .acting import ELSEWHERE, appointable
from .calling import District


def test_an_appointment_ends_when_its_user_is_disabled_and_none_is_made_until_they_are_enabled(
    district: District,
) -> None:
    user = appointable(district).name
    request = grid_pb.AppointWorkerRequest(cell=f"cells/{ELSEWHERE}", user=user, post=Post.POST_WORKER)
    district.do(request, "admin", grid_pb.AppointWorkerResponse)

    def appointed() -> bool:
        cell = grid_pb.GetCellRequest(name=f"cells/{ELSEWHERE}")
        people = district.do(cell, "admin", grid_pb.GetCellResponse).cell.appointments
        return user in {each.user for each in people}

    assert appointed()
    district.do(identity_pb.DisableUserRequest(name=user), "admin", identity_pb.DisableUserResponse)
    eventually(lambda: not appointed())
    assert district.attempt(request, "admin").reason == "USER_NOT_ACTIVE"
    district.do(identity_pb.EnableUserRequest(name=user), "admin", identity_pb.EnableUserResponse)
    eventually(lambda: district.attempt(request, "admin").ok)
    assert appointed()
