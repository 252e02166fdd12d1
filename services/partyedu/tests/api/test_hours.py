"""Hours of study, and the report of a year, over real gRPC and a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.hours_pb2 import HoursDuty, OrganizationHours
from onegrid.partyedu.v1.meetings_pb2 import MeetingKind
from onegrid.partyedu.v1.members_pb2 import EndReason
from onegrid.partyedu.v1.reports_pb2 import (
    CertificateFigures,
    CompletionFigures,
    ElectionFigures,
    GuidanceFigures,
    MeetingFigures,
    MemberFigures,
    SchemeFigures,
    StudyPlanFigures,
    YearlyReport,
)
from onegrid_kit.clock import CHINA
from onegrid_kit.testing.callers import public
from onegrid_kit.timestamps import moment, timestamp

from . import test_certificates as certificates
from .exams import COLLEAGUE, Exam
from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, SECRETARY, STREET_COMMITTEE, Line
from .meeting import ASSEMBLY, closed, opened, schedule
from .people import CITIZEN, COMMUNITY_DESK, DISTRICT, KEEPER, OTHER_STREET_DESK, STREET, STREET_DESK, SUPERVISOR
from .test_guidance import Guidance
from .test_study_plans import END, published, study

HOUR = 60
NAMED = FieldMask(paths=["person_name"])


async def duties(line: Line) -> dict[str, int]:
    answer = await line.api.call(SUPERVISOR, "ListHoursDuties", district=DISTRICT)
    return {each.name: each.minutes for each in answer.hours_duties}


async def ranked(line: Line, organization: str, year: int = 2020, **fields: Any) -> list[OrganizationHours]:
    answer = await line.api.call(KEEPER, "ListOrganizationHours", organization=organization, year=year, **fields)
    return list(answer.hours)


async def report(line: Line, organization: str, year: int = 2020) -> YearlyReport:
    found: YearlyReport = (await line.api.call(KEEPER, "GetYearlyReport", organization=organization, year=year)).report
    return found


async def test_two_duties_stand_from_the_start_and_are_defined_otherwise(line: Line) -> None:
    members, officers = f"hoursDuties/{DISTRICT}-members", f"hoursDuties/{DISTRICT}-officers"
    assert await duties(line) == {members: 32 * HOUR, officers: 56 * HOUR}
    duty = HoursDuty(name=members, display_name="党员", minutes=24 * HOUR)
    changed = (await line.api.call(SUPERVISOR, "DefineHoursDuty", hours_duty=duty)).hours_duty
    assert moment(changed.update_time) == line.clock.now()
    assert await duties(line) == {members: 24 * HOUR, officers: 56 * HOUR}
    duty.first_year, duty.last_year = 2021, 2020
    refused = await line.refused(SUPERVISOR, "DefineHoursDuty", hours_duty=duty)
    assert refused.fields == ["hours_duty.last_year"]
    assert (await line.refused(STREET_DESK, "DefineHoursDuty", hours_duty=duty)).reason == "PERMISSION_DENIED"


async def test_a_district_has_fifty_duties_at_most(line: Line) -> None:
    for number in range(48):
        duty = HoursDuty(name=f"hoursDuties/{DISTRICT}-d{number}", display_name="x", minutes=1)
        await line.api.call(SUPERVISOR, "DefineHoursDuty", hours_duty=duty)
    duty.name += "x"
    assert (await line.refused(SUPERVISOR, "DefineHoursDuty", hours_duty=duty)).reason == "HOURS_DUTY_LIMIT_REACHED"


async def test_a_member_sees_what_was_studied_and_is_to_be(line: Line) -> None:
    line.know("users/00studies")
    member = await line.admit(user="users/00studies")
    studying = public("00studies", DISTRICT)
    study(line, member.name, datetime(2020, 1, 1, tzinfo=CHINA), "trainings/210602-a", minutes=500)
    study(line, member.name, datetime(2020, 11, 1, tzinfo=CHINA), "trainings/210602-b", minutes=20)
    study(line, member.name, datetime(2019, 12, 31, 23, 59, tzinfo=CHINA), "trainings/210602-c", minutes=7)

    async def hours(year: int) -> tuple[int, int]:
        found = (await line.api.call(studying, "GetMemberHours", member="members/me", year=year)).hours
        return found.minutes, found.duty_minutes

    assert (await hours(2020), await hours(2019)) == ((520, 32 * HOUR), (7, 32 * HOUR))
    await line.elect(BRANCH, (SECRETARY, member.name))
    line.later(minutes=1)
    # Who holds the post at the end of a year, or now, is to study more.
    assert (await hours(2020), await hours(2019)) == ((520, 56 * HOUR), (7, 32 * HOUR))
    for caller in (CITIZEN, OTHER_STREET_DESK):
        refused = await line.refused(caller, "GetMemberHours", member=member.name, year=2020)
        assert refused.reason == "PERMISSION_DENIED"


async def test_organizations_are_ranked_and_small_groups_hidden(line: Line) -> None:
    enough = datetime(2020, 5, 1, tzinfo=CHINA)
    for organization, many, reached in ((BRANCH, 6, 3), (COMMUNITY_COMMITTEE, 7, 7), (OTHER_COMMITTEE, 4, 4)):
        for number in range(many):
            member = await line.admit(organization, person_name=f"党员{number}")
            if number < reached:
                study(line, member.name, enough, "trainings/210602-a", minutes=32 * HOUR)
    community = OrganizationHours(
        organization=COMMUNITY_COMMITTEE, members=13, average_minutes=10 * 32 * HOUR // 13, reached_percent=76
    )
    street = OrganizationHours(
        organization=STREET_COMMITTEE, members=13, average_minutes=10 * 32 * HOUR // 13, reached_percent=76
    )
    branch = OrganizationHours(organization=BRANCH, members=6, average_minutes=16 * HOUR, reached_percent=50)
    assert await ranked(line, STREET_COMMITTEE) == [street, community, branch]
    assert await ranked(line, OTHER_COMMITTEE) == [OrganizationHours(organization=OTHER_COMMITTEE, members=4)]
    first = await line.api.call(KEEPER, "ListOrganizationHours", organization=STREET_COMMITTEE, year=2020, page_size=2)
    assert await ranked(line, STREET_COMMITTEE, page_size=2, page_token=first.next_page_token) == [branch]
    assert (await line.refused(KEEPER, "ListOrganizationHours", organization=f"{BRANCH}x", year=2020)).reason == (
        "NOT_FOUND"
    )
    refused = await line.refused(COMMUNITY_DESK, "ListOrganizationHours", organization=STREET_COMMITTEE, year=2020)
    assert refused.reason == "PERMISSION_DENIED"


async def test_what_is_left_of_a_larger_one_is_not_told_either(line: Line) -> None:
    for organization, many in ((BRANCH, 6), (COMMUNITY_COMMITTEE, 2)):
        for number in range(many):
            await line.admit(organization, person_name=f"党员{number}")
    # Eight less six leaves the two who belong to the community's committee itself.
    assert [(each.organization, each.HasField("reached_percent")) for each in await ranked(line, STREET_COMMITTEE)] == [
        (STREET_COMMITTEE, True),
        (COMMUNITY_COMMITTEE, True),
        (BRANCH, False),
    ]
    # The same whoever asks, and about whichever part.
    assert [each.HasField("reached_percent") for each in await ranked(line, BRANCH)] == [False]
    assert not (await report(line, BRANCH)).hours.HasField("average_minutes")


async def test_the_report_of_a_year(line: Line) -> None:
    secretary = await line.admit(COMMUNITY_COMMITTEE)
    await line.admit(join_time=datetime(2020, 3, 1, tzinfo=CHINA), confirm_time=None)
    await line.admit(join_time=datetime(2019, 3, 1, tzinfo=CHINA), confirm_time=datetime(2020, 3, 2, tzinfo=CHINA))
    dead, gone, came = await line.admit(), await line.admit(), await line.admit(OTHER_COMMITTEE)
    await line.api.call(KEEPER, "EndMembership", name=dead.name, reason=EndReason.END_REASON_DIED)
    for member, target in ((gone, OTHER_COMMITTEE), (came, BRANCH)):
        transfer = await line.transfer(member, target)
        await line.api.call(KEEPER, "AcceptTransfer", name=transfer.name)
    await line.elect(COMMUNITY_COMMITTEE, (SECRETARY, secretary.name))
    await published(line)
    study(line, came.name, datetime(2020, 6, 1, tzinfo=CHINA))
    study(
        line,
        came.name,
        datetime(2020, 6, 2, tzinfo=CHINA),
        "meetings/210602-m",
        kind=CompletionKind.COMPLETION_KIND_MEETING,
    )
    now = line.later(minutes=1)
    found = await report(line, STREET_COMMITTEE)
    assert moment(found.report_time) == now
    found.ClearField("report_time")
    assert found == YearlyReport(
        organization=STREET_COMMITTEE,
        year=2020,
        organizations=3,
        members=MemberFigures(
            members=4, probationary=1, joined=1, confirmed=1, transferred_in=1, transferred_out=1, ended=1
        ),
        elections=ElectionFigures(held=1, overdue=2),
        study_plans=StudyPlanFigures(plans=1, members=4, done=1, behind=3),
        hours=OrganizationHours(organization=STREET_COMMITTEE, members=4),
        completions=CompletionFigures(courses=1, meetings=1),
        guidance=GuidanceFigures(),
        certificates=CertificateFigures(),
    )
    below = await report(line, BRANCH)
    assert (below.members.members, below.study_plans.members, below.elections.overdue) == (3, 3, 1)
    before = await report(line, STREET_COMMITTEE, 2019)
    assert (before.members.members, before.members.joined, before.study_plans.plans) == (0, 1, 0)
    # A year that has ended is looked at as it was then.
    line.clock.set(END + timedelta(days=40))
    late = await line.admit()
    study(line, late.name, line.clock.now())
    after = await report(line, STREET_COMMITTEE)
    assert (moment(after.report_time), after.members, after.completions) == (END, found.members, found.completions)
    assert after.study_plans == found.study_plans
    refused = await line.refused(COMMUNITY_DESK, "GetYearlyReport", organization=STREET_COMMITTEE, year=2020)
    assert refused.reason == "PERMISSION_DENIED"
    assert (
        await line.refused(STREET_DESK, "GetYearlyReport", organization=f"organizations/{STREET}-none", year=2020)
    ).reason == "NOT_FOUND"


async def test_the_report_counts_a_plan_in_each_year_in_which_it_ran(line: Line) -> None:
    member = await line.admit()
    await published(line)
    long = f"studyPlans/{STREET}-long"
    await published(line, name=long, end_time=timestamp(END + timedelta(days=99)))
    line.clock.set(END + timedelta(days=40))
    # What was done since does not change what the year that has ended says.
    study(line, member.name, END + timedelta(days=1))
    assert (await report(line, BRANCH)).study_plans == StudyPlanFigures(plans=2, members=2, behind=2)
    # The one ended with the year before.
    assert (await report(line, BRANCH, 2021)).study_plans == StudyPlanFigures(plans=1, members=1, done=1)
    assert (await report(line, BRANCH, 2019)).study_plans == StudyPlanFigures()


async def test_the_report_counts_meetings(line: Line) -> None:
    line.clock.set(datetime(2026, 6, 1, tzinfo=CHINA))
    await line.admit()
    meeting = await opened(line, await schedule(line))
    line.later(hours=2)
    await closed(line, meeting)
    by_kind = {each.kind: each for each in (await report(line, STREET_COMMITTEE, 2026)).meetings}
    assert (by_kind[ASSEMBLY].held, by_kind[ASSEMBLY].overdue) == (1, 0)
    lecture = by_kind[MeetingKind.MEETING_KIND_LECTURE]
    assert (lecture.held, lecture.overdue) == (0, 1)
    assert list((await report(line, COMMUNITY_COMMITTEE, 2026)).meetings) == list(by_kind.values())
    assert list((await report(line, OTHER_COMMITTEE, 2026)).meetings) == []
    # Of a year that has ended nobody says what was overdue then.
    line.clock.set(datetime(2027, 1, 5, tzinfo=CHINA))
    assert list((await report(line, BRANCH, 2026)).meetings) == [MeetingFigures(kind=ASSEMBLY, held=1)]


async def test_the_report_counts_guidance(line: Line) -> None:
    guidance = Guidance(line)
    task = await guidance.send()
    await guidance.send()
    read = f"{task.name}/assignments/{COMMUNITY_COMMITTEE.partition('/')[2]}"
    await guidance.step("ReadGuidance", read)
    year = line.clock.now().astimezone(CHINA).year
    assert (await report(line, STREET_COMMITTEE, year)).guidance == GuidanceFigures(assignments=4, read=1)
    assert (await report(line, BRANCH, year)).guidance == GuidanceFigures(assignments=2)
    withdrawn = (await guidance.send()).name
    await line.api.call(STREET_DESK, "WithdrawGuidanceTask", name=withdrawn, reason="不需要了")
    assert (await report(line, STREET_COMMITTEE, year)).guidance.assignments == 4
    line.later(days=30)
    assert (await report(line, STREET_COMMITTEE, year)).guidance.overdue == 4
    assert (await report(line, STREET_COMMITTEE, year - 1)).guidance == GuidanceFigures()


async def test_the_report_counts_quizzes_that_were_taken(line: Line, exam: Exam) -> None:
    await exam.submit((await exam.start()).name)
    await exam.start(COLLEAGUE)
    year = line.clock.now().astimezone(CHINA).year
    assert (await report(line, BRANCH, year)).completions == CompletionFigures(quizzes_taken=2)
    assert (await report(line, OTHER_COMMITTEE, year)).completions == CompletionFigures()


async def test_the_report_counts_certificates_by_scheme(line: Line) -> None:
    line.clock.set(datetime(2020, 6, 1, tzinfo=CHINA))
    await certificates.define(line)
    await certificates.define(line, certificates.YEARLY, yearly=True, title="年度证书", validity_months=6)
    first = await certificates.studied(line)
    second, elsewhere = await line.admit(), await line.admit(OTHER_COMMITTEE)
    for member in (second, elsewhere):
        await certificates.complete(line, member, certificates.SPRING, certificates.AUTUMN)
    issued = [await certificates.issue(line, member.name) for member in (first, second)]
    await certificates.issue(line, first.name, scheme=certificates.YEARLY, year=2020)
    await certificates.issue(line, elsewhere.name, KEEPER)
    # One that takes the place of another is the same one.
    line.later(days=1)
    await line.api.call(KEEPER, "UpdateMember", name=first.name, person_name="李建国", update_mask=NAMED)
    await certificates.issue(line, first.name)
    line.later(days=1)
    await line.api.call(COMMUNITY_DESK, "RevokeCertificate", name=issued[1].name, reason="材料不实")
    line.later(days=1)

    def figures(valid: int, valid_yearly: int) -> CertificateFigures:
        basics = SchemeFigures(scheme=certificates.SCHEME, title="党员教育培训结业证书", issued=2, valid=valid)
        yearly = SchemeFigures(scheme=certificates.YEARLY, title="年度证书", issued=1, valid=valid_yearly)
        return CertificateFigures(issued=3, valid=valid + valid_yearly, schemes=[basics, yearly])

    assert (await report(line, STREET_COMMITTEE)).certificates == figures(1, 1)
    assert (await report(line, OTHER_COMMITTEE)).certificates.issued == 1
    assert (await report(line, STREET_COMMITTEE, 2019)).certificates == CertificateFigures()
    line.clock.set(datetime(2020, 12, 20, tzinfo=CHINA))
    assert (await report(line, STREET_COMMITTEE)).certificates == figures(1, 0)
    # A year that has ended is looked at as it was then.
    line.clock.set(datetime(2021, 2, 1, tzinfo=CHINA))
    await line.api.call(KEEPER, "UpdateMember", name=first.name, person_name="李建民", update_mask=NAMED)
    await certificates.issue(line, first.name)
    assert (await report(line, STREET_COMMITTEE)).certificates == figures(1, 0)
    assert (await report(line, STREET_COMMITTEE, 2021)).certificates.issued == 1
