"""Study over real gRPC and a real database: on players that report, and offline."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from onegrid.field.v1.field_pb2 import Outcome, RefusalReason
from onegrid.identity.v1.events_pb2 import DeviceKeyDefined
from onegrid.partyedu.v1.completions_pb2 import Completion, CompletionKind
from onegrid.partyedu.v1.courses_pb2 import Lesson
from onegrid.partyedu.v1.events_pb2 import StudyCompleted
from onegrid.partyedu.v1.study_pb2 import CourseProgress, StudyBegun, StudyContinued, StudyEnded, StudyRecord
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.steps import StepRunner
from onegrid_kit.testing.callers import public
from onegrid_kit.testing.devices import Device
from onegrid_kit.testing.events import Events, announced_as
from onegrid_kit.testing.explaining import Explained
from onegrid_kit.testing.ladders import climb_due
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.commands import completing
from onegrid_partyedu.completion import Completion as Completed
from onegrid_partyedu.main import SERVICE
from onegrid_partyedu.member import MEMBER
from onegrid_partyedu.store.courses import courses_page, published_page
from onegrid_partyedu.store.study import evidence_of

from .line import BRANCH, COMMUNITY_COMMITTEE, OTHER_COMMITTEE, Line
from .people import CITIZEN, COMMUNITY, COMMUNITY_DESK, DISTRICT, KEEPER, OTHER_STREET_DESK, SUPERVISOR
from .test_courses import HISTORY, MARCH_QUIZ, course, publish, write_quiz

FOUNDING, MARCH = f"{HISTORY}/lessons/founding", f"{HISTORY}/lessons/march"
PHONE, TABLET = str(uuid.uuid4()), str(uuid.uuid4())
STUDENT = public("000studies", DISTRICT)
WITHOUT_QUIZ = [
    Lesson(id="founding", display_name="一大", text="1921年。", required_minutes=10),
    Lesson(id="march", display_name="长征", text="1934年。", required_minutes=20),
]


class Studying:
    """A member who studies."""

    def __init__(self, line: Line, events: Events, member: str) -> None:
        self.line = line
        self.member = member
        self._events = events

    async def study(self, lesson: str, seconds: int, *devices: str, every: int = 30) -> None:
        """Study on players that report; at the beginning, every so often, and at the end."""
        left = seconds
        while True:
            for device in devices or (PHONE,):
                await self.line.api.call(STUDENT, "ReportStudy", lesson=lesson, device=device)
            if left <= 0:
                break
            self.line.later(seconds=min(every, left))
            left -= every
        self.look()

    async def progress(self, course: str = HISTORY) -> CourseProgress:
        """How far the member is."""
        answer = await self.line.api.call(STUDENT, "GetCourseProgress", member="members/me", course=course)
        found: CourseProgress = answer.progress
        return found

    async def minutes(self) -> list[float]:
        """How long which lesson was studied."""
        return [each.study_time.ToTimedelta() / timedelta(minutes=1) for each in (await self.progress()).lessons]

    def look(self) -> None:
        """Have everything looked at that is due."""
        climb_due(SERVICE, self.line.engine, self.line.clock)

    def completions(self) -> list[Completion]:
        """What was announced as completed."""
        return [each.completion for each in announced_as(self.line.engine, StudyCompleted)]

    def passed(self, quiz: str) -> None:
        """The member has passed a quiz."""
        now = self.line.clock.now()
        done = Completed(
            member=MEMBER.id(self.member),
            subject=quiz,
            kind=CompletionKind.COMPLETION_KIND_QUIZ,
            minutes=0,
            percent=90,
            complete_time=now,
        )
        with self.line.engine.begin() as conn:
            completing.complete(conn, [done], Call(caller=ANONYMOUS, now=now, method="test"))
        self.look()

    def tablet(self) -> Device:
        """A device that the community keeps; the member is logged in on it."""
        device = Device(
            f"deviceKeys/{uuid.uuid4()}", Ed25519PrivateKey.generate(), self.line.clock.now(), service="partyedu"
        )
        self.know(device)
        return device

    def know(self, device: Device, version: int = 1, lost: datetime | None = None) -> None:
        """Have identity announce a device."""
        self._events.deliver(
            DeviceKeyDefined(
                device_key=device.name,
                place=COMMUNITY,
                public_key=device.public_key,
                lost_time=timestamp(lost),
                version=version,
            )
        )
        self.look()

    def record(self, device: Device, sitting: str, what: str, lesson: str = FOUNDING) -> bytes:
        """Record something on it."""
        contents = {"begun": StudyBegun(), "continued": StudyContinued(), "ended": StudyEnded()}
        content = StudyRecord(sitting=sitting, lesson=lesson, **{what: contents[what]})
        return device.record(content, self.line.clock.now(), author=STUDENT.user)

    def sit(self, device: Device, minutes: Sequence[int], lesson: str = FOUNDING) -> None:
        """Study offline, with so many minutes between one entry and the next."""
        sitting = uuid.uuid4().hex
        self.record(device, sitting, "begun", lesson)
        for position, pause in enumerate(minutes, start=1):
            self.line.later(minutes=pause)
            self.record(device, sitting, "ended" if position == len(minutes) else "continued", lesson)

    async def send(self, device: Device, entries: Sequence[bytes] | None = None) -> list[Outcome]:
        """Send what was recorded, or these."""
        batch = device.batch(self.line.clock.now(), entries)
        result = (await self.line.api.call(CITIZEN, "AppendStudyEntries", batch=batch)).result
        self.look()
        return [each.outcome for each in result.results]


def take_steps(line: Line) -> None:
    """Take all steps of what is done in steps."""
    runner = StepRunner("partyedu", line.engine, SERVICE.load_steps(), line.clock)
    while runner.step():
        pass


@pytest.fixture
async def studying(line: Line, events: Events) -> Studying:
    """A member of the compound's branch, for whose community a course is published."""
    line.know(STUDENT.user)
    member = await line.admit(BRANCH, user=STUDENT.user)
    await publish(line, course(lessons=WITHOUT_QUIZ))
    return Studying(line, events, member.name)


async def test_a_course_is_completed_once_all_lessons_are_done(studying: Studying) -> None:
    await studying.study(FOUNDING, 590)
    assert await studying.minutes() == [590 / 60, 0]
    assert not (await studying.progress()).lessons[0].HasField("complete_time")
    await studying.study(FOUNDING, 30)
    first = (await studying.progress()).lessons[0]
    assert moment(first.complete_time) == studying.line.clock.now() - timedelta(seconds=20)
    assert studying.completions() == []
    await studying.study(MARCH, 1230)
    done = studying.line.clock.now() - timedelta(seconds=30)
    completed = Completion(
        member=studying.member,
        subject=HISTORY,
        kind=CompletionKind.COMPLETION_KIND_COURSE,
        year=2020,
        minutes=30,
        complete_time=timestamp(done),
    )
    assert studying.completions() == [completed]
    assert moment((await studying.progress()).complete_time) == done
    # Going on changes nothing.
    await studying.study(MARCH, 60)
    assert studying.completions() == [completed]


async def test_a_tab_that_sleeps_earns_nothing(studying: Studying) -> None:
    await studying.study(FOUNDING, 60)
    studying.line.later(hours=3)
    await studying.study(FOUNDING, 60)
    await studying.study(FOUNDING, 610, every=61)
    assert await studying.minutes() == [2, 0]
    assert studying.completions() == []


async def test_what_several_devices_do_at_once_counts_once(studying: Studying) -> None:
    await studying.study(FOUNDING, 300, PHONE, TABLET)
    assert await studying.minutes() == [5, 0]
    # Of two lessons at once, that one which was begun first.
    for _ in range(5):
        for lesson, device in ((FOUNDING, PHONE), (MARCH, TABLET)):
            await studying.line.api.call(STUDENT, "ReportStudy", lesson=lesson, device=device)
        studying.line.later(seconds=30)
    await studying.line.api.call(STUDENT, "ReportStudy", lesson=MARCH, device=TABLET)
    assert await studying.minutes() == [7, 0.5]


async def test_another_lesson_on_the_same_player_begins_anew(studying: Studying) -> None:
    for lesson in (FOUNDING, MARCH, FOUNDING, MARCH):
        await studying.line.api.call(STUDENT, "ReportStudy", lesson=lesson, device=PHONE)
        studying.line.later(seconds=30)
    assert await studying.minutes() == [0, 0]


async def test_a_lesson_with_a_quiz_is_done_once_it_is_passed(line: Line, studying: Studying) -> None:
    with_quiz = [Lesson(id="founding", display_name="一大", text="x", required_minutes=10, quiz=MARCH_QUIZ)]
    await write_quiz(line)
    await line.api.call(KEEPER, "DefineCourse", course=course(lessons=with_quiz))
    await studying.study(FOUNDING, 600)
    assert not (await studying.progress()).lessons[0].HasField("complete_time")
    line.later(hours=1)
    studying.passed(MARCH_QUIZ)
    found = await studying.progress()
    assert moment(found.complete_time) == moment(found.lessons[0].pass_time) == line.clock.now()
    assert [each.subject for each in studying.completions()] == [MARCH_QUIZ, HISTORY]


async def test_a_completed_course_is_open_again_in_the_next_year(studying: Studying) -> None:
    for _ in range(2):
        await studying.study(FOUNDING, 600)
        await studying.study(MARCH, 1200)
        assert (await studying.progress()).HasField("complete_time")
        studying.line.clock.set(studying.line.clock.now().replace(year=studying.line.clock.now().year + 1))
        assert await studying.minutes() == [0, 0]
    assert [each.year for each in studying.completions()] == [2020, 2021]


async def test_what_was_done_stays_done_when_the_course_changes(line: Line, studying: Studying) -> None:
    await studying.study(FOUNDING, 600)
    await studying.study(MARCH, 60)
    longer = Lesson(id="founding", display_name="一大", text="x", required_minutes=60)
    await line.api.call(KEEPER, "DefineCourse", course=course(lessons=[WITHOUT_QUIZ[1], longer]))
    found = await studying.progress()
    assert [each.lesson for each in found.lessons] == [MARCH, FOUNDING]
    founding = found.lessons[1]
    assert (founding.study_time.ToTimedelta(), founding.HasField("complete_time")) == (timedelta(minutes=10), True)
    # Whoever has done all that are left completes the course.
    await line.api.call(KEEPER, "DefineCourse", course=course(lessons=[longer]))
    take_steps(line)
    studying.look()
    assert [each.minutes for each in studying.completions()] == [60]


async def test_only_members_study_and_what_is_for_them(line: Line, studying: Studying) -> None:
    async def refused(lesson: str, caller: object = STUDENT) -> str:
        return (await line.refused(caller, "ReportStudy", lesson=lesson, device=PHONE)).reason  # type: ignore[arg-type]

    assert await refused(FOUNDING, CITIZEN) == "NOT_FOUND"
    assert await refused(FOUNDING, KEEPER) in {"PERMISSION_DENIED", "NOT_FOUND"}
    assert await refused(f"{HISTORY}/lessons/none") == "NOT_FOUND"
    assert await refused(f"courses/{COMMUNITY}-none/lessons/x") == "NOT_FOUND"
    other = f"courses/{DISTRICT}-other"
    await publish(line, course(other, organization=OTHER_COMMITTEE))
    assert await refused(f"{other}/lessons/founding") == "PERMISSION_DENIED"
    await line.api.call(KEEPER, "RetireCourse", name=HISTORY)
    assert await refused(FOUNDING) == "COURSE_WRONG_STATE"


async def test_progress_is_listed_and_counted(line: Line, studying: Studying) -> None:
    await line.admit(COMMUNITY_COMMITTEE, person_name="李秀英")
    await publish(line, course(f"courses/{DISTRICT}-all", organization="", lessons=WITHOUT_QUIZ[:1]))
    await publish(line, course(f"courses/{DISTRICT}-other", organization=OTHER_COMMITTEE))
    await studying.study(FOUNDING, 600)
    await studying.study(f"courses/{DISTRICT}-all/lessons/founding", 600)
    listed = (await line.api.call(COMMUNITY_DESK, "ListCourseProgress", member=studying.member)).courses
    assert [(each.course, each.HasField("complete_time")) for each in listed] == [
        (f"courses/{DISTRICT}-all", True),
        (HISTORY, False),
    ]
    refused = await line.refused(OTHER_STREET_DESK, "ListCourseProgress", member=studying.member)
    assert refused.reason == "PERMISSION_DENIED"

    async def counted(organization: str, of: str) -> tuple[int, int, int]:
        answer = await line.api.call(SUPERVISOR, "CountCourseProgress", organization=organization, course=of)
        return answer.counts.members, answer.counts.begun, answer.counts.completed

    assert await counted(COMMUNITY_COMMITTEE, HISTORY) == (2, 1, 0)
    assert await counted(BRANCH, f"courses/{DISTRICT}-all") == (1, 1, 1)
    assert await counted(BRANCH, f"courses/{DISTRICT}-other") == (0, 0, 0)


async def test_offline_study_is_the_same_in_whatever_order_it_arrives(studying: Studying) -> None:
    tablet = studying.tablet()
    studying.sit(tablet, [4, 4])
    studying.line.later(minutes=30)
    studying.sit(tablet, [5, 12, 3])
    await studying.study(MARCH, 60)
    entries = list(tablet.entries)
    random.Random(7).shuffle(entries)
    for entry in [*entries, *entries[:3]]:
        await studying.send(tablet, tablet.entries[tablet.entries.index(entry) :])
    # What lies further apart than ten minutes is a pause.
    assert await studying.minutes() == [16, 1]
    assert (await studying.progress()).lessons[0].HasField("complete_time")


async def test_offline_and_online_study_at_once_counts_once(studying: Studying) -> None:
    tablet = studying.tablet()
    sitting = uuid.uuid4().hex
    studying.record(tablet, sitting, "begun")
    await studying.study(FOUNDING, 300)
    studying.record(tablet, sitting, "ended")
    await studying.send(tablet)
    assert await studying.minutes() == [5, 0]


async def test_offline_study_counts_while_the_course_is_for_the_member(line: Line, studying: Studying) -> None:
    other = f"courses/{DISTRICT}-other"
    await publish(line, course(other, organization=OTHER_COMMITTEE, lessons=WITHOUT_QUIZ[:1]))
    tablet = studying.tablet()
    lesson = f"{other}/lessons/founding"
    studying.sit(tablet, [10], lesson)
    await studying.send(tablet)
    assert studying.completions() == []
    line.later(hours=1)
    member = await line.member(studying.member)
    for target in (OTHER_COMMITTEE, BRANCH):
        transfer = await line.transfer(member, target)
        await line.api.call(KEEPER, "AcceptTransfer", name=transfer.name)
        studying.sit(tablet, [6, 6], lesson)
        line.later(hours=1)
    # It arrives after the member has gone back, and what was studied there counts.
    await studying.send(tablet)
    assert [each.subject for each in studying.completions()] == [other]


async def test_a_clock_that_is_wrong_moves_nothing(studying: Studying) -> None:
    tablet = studying.tablet()
    tablet.skew = timedelta(days=-400)
    studying.sit(tablet, [10])
    await studying.send(tablet)
    assert (await studying.minutes())[0] == 10
    assert moment((await studying.progress()).lessons[0].complete_time) == studying.line.clock.now()


@pytest.mark.parametrize("days", [400, 36_500, -36_500])
async def test_a_clock_that_was_wrong_in_another_boot_earns_nothing_ahead(studying: Studying, days: int) -> None:
    tablet = studying.tablet()
    tablet.skew = timedelta(days=days)
    studying.sit(tablet, [10])
    studying.line.later(minutes=5)
    # Nothing relates the clock of the boot that is over to the server's.
    tablet.restart(studying.line.clock.now())
    await studying.send(tablet)
    assert (await studying.minutes())[0] == 0


async def test_what_a_doubled_or_lost_device_says_counts_for_nothing(studying: Studying) -> None:
    tablet = studying.tablet()
    sitting = uuid.uuid4().hex
    studying.record(tablet, sitting, "begun")
    began = studying.line.clock.now()
    studying.line.later(minutes=8)
    # A clone goes on from the first entry, and says something else.
    studying.record(tablet, sitting, "ended")
    await studying.send(tablet)
    assert (await studying.minutes())[0] == 8
    kept = tablet.entries.pop()
    studying.line.later(minutes=1)
    studying.record(tablet, sitting, "ended")
    assert await studying.send(tablet) == [Outcome.OUTCOME_REPEATED, Outcome.OUTCOME_CONFLICT]
    assert (await studying.minutes())[0] == 0
    assert kept not in tablet.entries
    other = studying.tablet()
    studying.sit(other, [7])
    await studying.send(other)
    assert (await studying.minutes())[0] == 7
    studying.know(other, 2, lost=began)
    assert (await studying.minutes())[0] == 0
    studying.know(other, 3)
    assert (await studying.minutes())[0] == 7


async def test_entries_of_no_member_or_course_are_refused(studying: Studying) -> None:
    tablet = studying.tablet()
    now = studying.line.clock.now()
    nobody = StudyRecord(sitting=uuid.uuid4().hex, lesson=FOUNDING, begun=StudyBegun())
    tablet.record(nobody, now, author="users/000nobody")
    studying.record(tablet, uuid.uuid4().hex, "begun", f"courses/{COMMUNITY}-none/lessons/x")
    batch = tablet.batch(now)
    result = (await studying.line.api.call(CITIZEN, "AppendStudyEntries", batch=batch)).result
    assert {each.reason for each in result.results} == {RefusalReason.REFUSAL_REASON_CONTENT_REFUSED}
    assert [[each.field for each in one.violations] for one in result.results] == [["author"], ["content.lesson"]]


async def test_lists_and_progress_read_by_indexes(studying: Studying) -> None:
    await studying.study(FOUNDING, 60)
    explained, id_ = Explained(studying.line.engine), MEMBER.id(studying.member)
    try:
        for query in (
            lambda conn: evidence_of(conn, [id_], [HISTORY, MARCH_QUIZ]),
            lambda conn: courses_page(conn, COMMUNITY, 0, (), 50),
            lambda conn: published_page(conn, DISTRICT, [BRANCH], (), 50),
        ):
            work = explained.work(query)
            assert work.statements
            assert not work.read_whole
    finally:
        explained.close()
