"""Two districts on one platform: both have the same words, numbers and devices, neither sees or counts the other's."""

from __future__ import annotations

import itertools
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from onegrid.grid.v1 import grid_service_pb2 as grid_pb
from onegrid.notify.v1 import notify_service_pb2 as notify_pb
from onegrid.partyedu.v1 import completion_methods_pb2 as completion_pb
from onegrid.partyedu.v1 import course_methods_pb2 as courses_pb
from onegrid.partyedu.v1 import hours_methods_pb2 as hours_pb
from onegrid.partyedu.v1 import member_methods_pb2 as members_pb
from onegrid.partyedu.v1 import organization_methods_pb2 as organizations_pb
from onegrid.partyedu.v1 import statement_methods_pb2 as statements_pb
from onegrid.partyedu.v1 import study_methods_pb2 as study_pb
from onegrid.partyedu.v1 import study_plan_methods_pb2 as plans_pb
from onegrid.partyedu.v1.completions_pb2 import Training
from onegrid.partyedu.v1.courses_pb2 import Course, Lesson
from onegrid.partyedu.v1.study_plans_pb2 import StudyPlan, StudyRequirement
from onegrid_demo import content
from onegrid_demo import district as demo
from onegrid_demo.loading import STREET
from onegrid_identity.bootstrap import bootstrap
from onegrid_kit.cipher import cipher
from onegrid_kit.clock import CHINA
from onegrid_kit.timestamps import timestamp

from . import party
from .acting import DISTRICT, PASSWORD, log_in
from .calling import OF_REQUEST, SERVED, District, Outcome
from .party import attempts, organizations, statements

NEXT = "210603"
"""The other district's code, as long as the first one's: messages are translated by replacing one by the other."""
ADMIN = f"admin-{NEXT}"
PARTYEDU = next(served for served in SERVED if served.name == "partyedu").descriptor
READS = {
    method.name: method
    for method in PARTYEDU.methods
    if method.GetOptions().idempotency_level == method.GetOptions().NO_SIDE_EFFECTS
}
CHANGING = {"GetCheckInCode", "ListRecordAccesses"}
"""Reads whose answers change by themselves: by time, and by reading."""
_ID = re.compile(r"\b(members|attempts|transfers|imports|meetings|users|certificates|regradings)/[0-9a-z-]+")


class Neighbour(District):
    """The other district, for who takes it for the first one: requests and answers are translated on the way."""

    def __init__(self, district: District, token: str) -> None:
        self.__dict__.update(district.__dict__)
        self.tokens = {"admin": token}
        self.leaks: list[str] = []
        """Methods whose answers named the first district."""

    def send(self, method: MethodDescriptor, raw: bytes, *args: Any, **kwargs: Any) -> Outcome:
        there = super().send(method, _swapped(raw, DISTRICT, NEXT), *args, **kwargs)
        if DISTRICT.encode() in there.answer + there.details:
            self.leaks.append(method.name)
        return replace(
            there,
            answer=_swapped(there.answer, NEXT, DISTRICT),
            details=_swapped(there.details, NEXT, DISTRICT),
            message=there.message.replace(NEXT, DISTRICT),
        )


def _swapped(raw: bytes, old: str, new: str) -> bytes:
    return raw.replace(old.encode(), new.encode())


@pytest.fixture(scope="module")
def neighbour(district: District) -> Neighbour:
    """With the same divisions and columns, and an administrator."""
    with district.engines["identity"].begin() as conn:
        assert bootstrap(conn, cipher("AES-256-GCM", district.cipher_keys), NEXT, ADMIN, PASSWORD)
    other = Neighbour(district, log_in(district, ADMIN).access_token)
    divisions = grid_pb.ImportDivisionsRequest(district=DISTRICT, csv=demo.divisions_csv())
    other.do(divisions, "admin", grid_pb.ImportDivisionsResponse)
    for column in content.columns():
        # It has no departments.
        if not column.owner:
            other.do(notify_pb.DefineColumnRequest(column=column.message()), "admin", notify_pb.DefineColumnResponse)
    return other


@pytest.fixture(scope="module")
def reads(district: District) -> Sequence[Message]:
    """Reads of all kinds, about things of the first district that are new."""
    return list(_reads(district))


def _reads(district: District) -> Iterator[Message]:
    """Enters the same things under the same words, whichever district it is; every read about them."""
    with pytest.MonkeyPatch.context() as patch:
        for part in party.PARTS:
            if hasattr(part, "_numbers"):
                patch.setattr(part, "_numbers", itertools.count(5_000))
        for queries in party.lists(district).values():
            yield from queries
        yield from (request for request in party.elsewhere(district, STREET, there=True) if _is_read(request))


def _is_read(request: Message) -> bool:
    return OF_REQUEST[request.DESCRIPTOR.full_name].name in READS


def _name(request: Message) -> str:
    return OF_REQUEST[request.DESCRIPTOR.full_name].name


def _answers(district: District, reads: Sequence[Message]) -> Mapping[str, object]:
    """What each read says, without times: they go on, and differ between districts."""
    district.settle()
    outcomes = {f"{number} {_name(each)}": district.attempt(each, "admin") for number, each in enumerate(reads)}
    return {name: _timeless(each) for name, each in outcomes.items() if each.method.name not in CHANGING}


def _timeless(outcome: Outcome) -> object:
    if not outcome.ok:
        return outcome.code, outcome.reason
    answer = GetMessageClass(outcome.method.output_type).FromString(outcome.answer)
    _forget_times(answer)
    return answer


def _forget_times(message: Message) -> None:
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE or field.message_type.GetOptions().map_entry:
            continue
        if field.message_type.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
            message.ClearField(field.name)
            continue
        for each in value if field.is_repeated else [value]:
            _forget_times(each)


def test_what_one_district_enters_changes_no_read_of_the_other(
    district: District, neighbour: Neighbour, reads: Sequence[Message]
) -> None:
    assert {name for name in READS if name.startswith("List")} <= {_name(request) for request in reads}
    before = _answers(district, reads)
    there = _answers(neighbour, list(_reads(neighbour)))
    after = _answers(district, reads)
    assert {name: answer for name, answer in after.items() if answer != before[name]} == {}
    assert neighbour.leaks == []
    # It has as much to show.
    assert {name for name, answer in there.items() if not answer} == {
        name for name, answer in before.items() if not answer
    }


def test_nobody_reads_or_changes_anything_of_another_district(
    district: District, neighbour: Neighbour, reads: Sequence[Message]
) -> None:
    """Also not who may do everything in their own: it is refused, or there is nothing to see."""
    requests = [*reads, *party.elsewhere(district, STREET, there=True)]
    stranger = neighbour.tokens["admin"]
    outcomes = [(request, district.attempt(request, token=stranger)) for request in requests if _is_named(request)]
    assert {
        (_name(request), outcome.reason)
        for request, outcome in outcomes
        if outcome.reason not in ("PERMISSION_DENIED", "NOT_FOUND") and (outcome.answer or not outcome.ok)
    } == set()


def _is_named(request: Message) -> bool:
    """Whether it says whose it is: not what callers ask for themselves."""
    return DISTRICT.encode() in request.SerializeToString()


MEMBERS = [f"2010-{number:04}" for number in range(1, 7)]
"""Numbers on the roll."""
DEVICE, STATEMENT = str(uuid.uuid4()), str(uuid.uuid4())
YEAR = datetime.now(CHINA).year


def _taught(district: District) -> Sequence[Message]:
    """Enters members who completed a training that a plan asks for, the administrator's study of a course and attempt
    at a quiz, and a statement: all by words, numbers and ids that the other district has as well. What is counted and
    listed of it.
    """
    request_ids = (str(uuid.UUID(int=number)) for number in itertools.count(1 << 80))
    attempts.as_member(district)
    new = organizations.an_organization(STREET)
    new.name = f"organizations/{STREET}-taught"
    defined = organizations_pb.DefineOrganizationRequest(organization=new, request_id=next(request_ids))
    of = district.do(defined, "admin", organizations_pb.DefineOrganizationResponse).organization.name
    training = Training(name=f"trainings/{STREET}-taught", display_name="党校春季班", minutes=480)
    trained = completion_pb.DefineTrainingRequest(training=training, request_id=next(request_ids))
    district.do(trained, "admin", completion_pb.DefineTrainingResponse)
    for number in MEMBERS:
        admitted = organizations.a_member(of, number=number, request_id=next(request_ids))
        who = district.do(admitted, "admin", members_pb.AdmitMemberResponse).member.name
        completed = completion_pb.RecordCompletionRequest(
            member=who, training=training.name, complete_time=timestamp(datetime.now(UTC)), request_id=next(request_ids)
        )
        if number != MEMBERS[0]:
            district.do(completed, "admin", completion_pb.RecordCompletionResponse)
    plan = StudyPlan(
        name=f"studyPlans/{STREET}-taught",
        display_name="年度学习计划",
        organization=of,
        begin_time=timestamp(datetime(YEAR, 1, 1, tzinfo=CHINA)),
        end_time=timestamp(datetime(YEAR + 1, 1, 1, tzinfo=CHINA)),
        requirements=[
            StudyRequirement(
                id="taught", subject=training.name, due_time=timestamp(datetime(YEAR, 1, 1, 0, 1, tzinfo=CHINA))
            )
        ],
    )
    district.do(plans_pb.DefineStudyPlanRequest(study_plan=plan), "admin", plans_pb.DefineStudyPlanResponse)
    district.do(plans_pb.PublishStudyPlanRequest(name=plan.name), "admin", plans_pb.PublishStudyPlanResponse)
    course = Course(
        name=f"courses/{DISTRICT}-taught",
        display_name="党史专题",
        lessons=[Lesson(id="first", display_name="第一课", text="一九二一年七月。", required_minutes=1)],
    )
    district.do(courses_pb.DefineCourseRequest(course=course), "admin", courses_pb.DefineCourseResponse)
    district.do(courses_pb.PublishCourseRequest(name=course.name), "admin", courses_pb.PublishCourseResponse)
    report = study_pb.ReportStudyRequest(lesson=f"{course.name}/lessons/first", device=DEVICE)
    district.do(report, "admin", study_pb.ReportStudyResponse)
    posted = json.loads(statements.a_statement()) | {"id": STATEMENT}
    stored = statements_pb.StoreStatementsRequest(
        district=DISTRICT, statements=json.dumps(posted), request_id=next(request_ids)
    )
    named = district.do(stored, "admin", statements_pb.StoreStatementsResponse).names[0]
    return [
        members_pb.ListMembersRequest(organization=of),
        members_pb.ListMembersRequest(organization=of, number=MEMBERS[0]),
        hours_pb.GetYearlyReportRequest(organization=of, year=YEAR),
        hours_pb.ListOrganizationHoursRequest(organization=of, year=YEAR),
        plans_pb.GetStudyPlanProgressRequest(name=plan.name, organization=of),
        plans_pb.ListStudyPlanProgressRequest(name=plan.name, organization=of),
        plans_pb.ListMembersBehindRequest(name=plan.name, organization=of),
        study_pb.CountCourseProgressRequest(organization=of, course=course.name),
        study_pb.GetCourseProgressRequest(member="members/me", course=course.name),
        statements_pb.GetStatementRequest(name=named),
    ]


def test_what_has_the_same_words_and_numbers_is_counted_in_each_district_alone(
    district: District, neighbour: Neighbour
) -> None:
    reads = _taught(district)
    before = _answers(district, reads)
    there = _answers(neighbour, _taught(neighbour))
    assert {name: _shown(answer) for name, answer in there.items()} == {
        name: _shown(answer) for name, answer in before.items()
    }
    assert _answers(district, reads) == before
    assert neighbour.leaks == []
    report, hours = before["2 GetYearlyReport"], before["3 ListOrganizationHours"]
    assert isinstance(report, hours_pb.GetYearlyReportResponse)
    assert (report.report.members.members, report.report.completions.trainings) == (6, 5)
    assert isinstance(hours, hours_pb.ListOrganizationHoursResponse)
    assert hours.hours[0].members == 6


def _shown(answer: object) -> str:
    """Without what the server made up, and when statements were stored."""
    return re.sub(r'(stored|timestamp)\\":\\"[^"]*"', "", _ID.sub(r"\1/…", re.sub(r'etag: ".*"', "", str(answer))))
