"""What `make run` prints fits into a terminal."""

import io

import pytest
from rich.console import Console

from onegrid.border.v1.observations_pb2 import Observation
from onegrid.border.v1.patrols_pb2 import Alarm, AlarmKind, AlarmState, Patrol
from onegrid.border.v1.records_pb2 import ObservationKind
from onegrid.emergency.v1.resources_pb2 import IncidentState
from onegrid.field.v1.field_pb2 import WaypointState
from onegrid.partyedu.v1.attempts_pb2 import Attempt
from onegrid.partyedu.v1.certificates_pb2 import Certificate, CertificateState, VerifiedCertificate
from onegrid.partyedu.v1.study_plans_pb2 import MemberStudyPlan
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Action, Actor, State
from onegrid_demo.study import Outcome
from onegrid_demo.timeline import observation_table, patrol_table, study_table, timeline_table


def test_no_name_of_the_contract_is_broken_at_80_columns() -> None:
    timeline = pb.GetPublicTimelineResponse(
        petition="petitions/210602-20201111-V83JMJ2J", organization="元宝区儿童中心", state=State.STATE_CLOSED
    )
    kinds = (Action, Actor, State)
    for number in range(max(len(kind.values()) for kind in kinds)):
        action, actor, state = (kind.values()[number % len(kind.values())] for kind in kinds)
        timeline.entries.add(
            action=action,
            actor=actor,
            state=state,
            office_display_name="人才和社会保障服务中心",
            public_note="已为儿童中心推荐合适人选，并发布招聘信息。",
        )
    printed = io.StringIO()
    Console(file=printed, width=80).print(timeline_table(timeline))
    words = set(printed.getvalue().split())
    assert {name[7:] for name in Action.keys()}  # noqa: SIM118 - not a dict <= words
    assert {name[6:] for kind in (Actor, State) for name in kind.keys()}  # noqa: SIM118 <= words
    assert "08:00:00" in words
    assert max(map(len, printed.getvalue().splitlines())) <= 80


def test_no_state_of_a_patrol_is_broken_at_80_columns() -> None:
    patrol = Patrol(name="patrols/210602-06h1z9v00nfh2nggkdvn")
    states = [state for state in WaypointState.values() if state]
    for state in states:
        patrol.checkpoints.add(display_name="鸭绿江冰情观测点", state=state)
    alarms = [
        Alarm(kind=kind, state=state) for kind in AlarmKind.values() if kind for state in AlarmState.values() if state
    ]
    printed = io.StringIO()
    Console(file=printed, width=80).print(patrol_table(patrol, patrol, alarms))
    words = set(printed.getvalue().split())
    assert {WaypointState.Name(state)[15:] for state in states} <= words
    assert {AlarmKind.Name(alarm.kind)[11:] for alarm in alarms} <= words
    assert {AlarmState.Name(alarm.state)[12:] for alarm in alarms} <= words
    assert max(map(len, printed.getvalue().splitlines())) <= 80


def test_no_kind_of_observation_is_broken_at_80_columns() -> None:
    longest = max(ObservationKind.values(), key=lambda kind: len(ObservationKind.Name(kind)))
    for state in IncidentState.values():
        observation = Observation(
            kind=longest, text="流冰在桥墩前堆积。", incident="incidents/210602-20201111-V83JMJ2J", incident_state=state
        )
        printed = io.StringIO()
        Console(file=printed, width=80).print(observation_table(observation))
        words = set(printed.getvalue().split())
        assert {ObservationKind.Name(longest)[17:], observation.incident, IncidentState.Name(state)[15:]} <= words
        assert max(map(len, printed.getvalue().splitlines())) <= 80


@pytest.mark.parametrize(("pdf", "said"), [(None, "no font for PDF"), (b"%PDF" * 2**20, "4096 KiB of PDF")])
def test_what_became_of_a_certificate_is_not_broken_at_80_columns(pdf: bytes | None, said: str) -> None:
    plan = MemberStudyPlan(progress=[{"requirement": "quizzes/210602-constitution-2020", "wanted": 10, "done": 10}])
    plan.study_plan.requirements.add()
    for state in CertificateState.values()[1:]:
        certificate = Certificate(code="C9F3-7QKM-2T0X-8WBN")
        outcome = Outcome(plan, Attempt(), plan, certificate, pdf, VerifiedCertificate(state=state))
        printed = io.StringIO()
        Console(file=printed, width=80).print(study_table(outcome))
        assert f"{CertificateState.Name(state)[18:]}, {said}" in printed.getvalue()
        assert max(map(len, printed.getvalue().splitlines())) <= 80
