"""What identity says of the roles that shifts grant."""

from __future__ import annotations

from onegrid.duty.v1 import resources_pb2
from onegrid.identity.v1.events_pb2 import ShiftRoleGranted, ShiftRoleRefused
from onegrid_kit.testing.api import Serving
from onegrid_kit.testing.events import Events

from .rostering import ADMIN, LI, READER, ROSTER, START, WANG, define


async def test_a_shift_shows_whether_its_role_was_granted_and_a_refusal_is_a_gap(api: Serving, events: Events) -> None:
    await define(api, ADMIN, role="roles/commander")
    current, coming, third = (await api.call(READER, "ListShifts", roster=ROSTER)).shifts[:3]
    events.deliver(ShiftRoleGranted(shift=current.name, revision=current.revision), subject=current.name)
    refused = ShiftRoleRefused(shift=coming.name, revision=coming.revision, reason="GRANT_EXCEEDS_OWN")
    events.deliver(refused, subject=coming.name)
    # Of a shift as it was before.
    events.deliver(ShiftRoleGranted(shift=third.name, revision=third.revision + 1), subject=third.name)
    states = [each.role_state for each in (await api.call(READER, "ListShifts", roster=ROSTER)).shifts[:3]]
    assert states == [
        resources_pb2.ROLE_STATE_GRANTED,
        resources_pb2.ROLE_STATE_REFUSED,
        resources_pb2.ROLE_STATE_UNSPECIFIED,
    ]
    gap, *others = (await api.call(READER, "ListGaps", roster=ROSTER)).gaps
    assert (gap.reason, gap.user, others) == (resources_pb2.GAP_REASON_ROLE_REFUSED, WANG, [])
    # A new definition that changes nothing of the shifts leaves what became of the roles.
    await define(api, ADMIN, role="roles/commander", display_name="值班")
    answer = await api.call(READER, "GetOnDuty", roster=ROSTER, time=START)
    assert (answer.shift.user, answer.shift.role_state) == (LI, resources_pb2.ROLE_STATE_GRANTED)
