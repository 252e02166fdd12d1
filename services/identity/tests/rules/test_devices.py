"""The life of a device's key: every state and action walked one by one, and in any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from onegrid.identity.v1.devices_pb2 import DeviceKeyAction, DeviceKeyActor, DeviceKeyState
from onegrid_identity.attempts import OneTimeCode
from onegrid_identity.device_lifecycle import LIFE
from onegrid_identity.devices import ENROLMENT_LASTS, DeviceKey, Enrolment
from onegrid_identity.errors import WrongState
from onegrid_kit.one_time_codes import CODE_TRIES

STATES = [state for state in DeviceKeyState.values() if state]
ACTIONS = [action for action in DeviceKeyAction.values() if action]
ACTIVE, LOST, REVOKED = STATES
REPORT_LOST, REPORT_FOUND, REVOKE = ACTIONS
(MANAGER,) = (actor for actor in DeviceKeyActor.values() if actor)
NOON = datetime(2020, 11, 11, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)

# Written out by hand, apart from the rules, so that a slip there shows here.
EXPECTED = {
    (REPORT_LOST, ACTIVE): LOST,
    (REPORT_LOST, LOST): LOST,
    (REPORT_FOUND, LOST): ACTIVE,
    (REVOKE, ACTIVE): REVOKED,
    (REVOKE, LOST): REVOKED,
}


@pytest.mark.parametrize("state", STATES, ids=DeviceKeyState.Name)
@pytest.mark.parametrize("action", ACTIONS, ids=DeviceKeyAction.Name)
def test_each_step_leads_to_its_state_or_names_the_allowed_actions(
    state: DeviceKeyState, action: DeviceKeyAction
) -> None:
    expected = EXPECTED.get((action, state))
    if expected is not None:
        assert LIFE.advance(state, action, MANAGER) == expected
        return
    with pytest.raises(WrongState) as refused:
        LIFE.advance(state, action, MANAGER)
    detail = refused.value.details[0]
    assert (detail.state, set(detail.allowed_actions)) == (state, {each for each, at in EXPECTED if at == state})


class AnyKey(RuleBasedStateMachine):
    """Whatever is reported, in whatever order and of whatever time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.key = self.enrolled = DeviceKey(
            id="0192f0c1-7a3e-7b1c-9d2e-5f60718293a4",
            place="210602003007",
            display_name="手机",
            public_key=bytes(32),
            create_time=NOON,
            update_time=NOON,
        )
        self.reported: list[datetime] = []
        """The times of the loss that is on."""

    @rule(hours=st.integers(0, 3))
    def wait(self, hours: int) -> None:
        self.now += hours * HOUR

    @rule(action=st.sampled_from(ACTIONS), hours_ago=st.integers(0, 9))
    def attempt(self, action: DeviceKeyAction, hours_ago: int) -> None:
        before, since = self.key, self.now - hours_ago * HOUR
        try:
            after = {
                REPORT_LOST: lambda: before.lost(since, self.now),
                REPORT_FOUND: lambda: before.found(self.now),
                REVOKE: lambda: before.revoked("换机。", self.now),
            }[action]()
        except WrongState:
            assert (action, before.state) not in EXPECTED
            return
        assert after.state == EXPECTED[action, before.state]
        if action == REPORT_LOST:
            self.reported.append(since)
        elif action == REPORT_FOUND:
            self.reported = []
        self.key = after
        if after != before:
            assert (after.version, after.update_time) == (before.version + 1, self.now)

    @invariant()
    def the_earliest_report_of_a_loss_stands(self) -> None:
        assert self.key.lost_time == min(self.reported, default=None)
        assert self.key.state != LOST or self.reported
        assert self.key.state != ACTIVE or not self.reported

    @invariant()
    def it_is_revoked_since_a_moment_and_for_a_reason(self) -> None:
        revoked = self.key.state == REVOKED
        assert (self.key.revoke_time is not None, bool(self.key.revoke_reason)) == (revoked, revoked)

    @invariant()
    def it_stays_the_same_key_of_the_same_place(self) -> None:
        def lasting(key: DeviceKey) -> tuple[object, ...]:
            return key.id, key.place, key.display_name, key.public_key, key.create_time

        assert lasting(self.key) == lasting(self.enrolled)


TestAnyKey = AnyKey.TestCase


@given(st.integers(0, 9), st.timedeltas(timedelta(0), timedelta(minutes=30)), st.booleans())
def test_an_enrolment_is_good_once_with_its_code_for_a_quarter_of_an_hour(
    tries: int, later: timedelta, right: bool
) -> None:
    code = OneTimeCode(b"right", NOON, NOON + ENROLMENT_LASTS, tries)
    enrolment = Enrolment(id="x", place="210602", display_name="手机", code=code)
    good = right and tries < CODE_TRIES and later < timedelta(minutes=15)
    assert enrolment.admits(b"right" if right else b"wrong", NOON + later) == good
    assert not replace(enrolment, used=True).admits(b"right", NOON + later)
