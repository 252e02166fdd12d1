"""Study plans: how far somebody is, and when those behind are reminded."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid_kit.clock import CHINA
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.study_plan import Requirement, StudyPlan, progress_of, reminders_of, violations_of

BEGIN, END = datetime(2026, 3, 1, tzinfo=CHINA), datetime(2027, 1, 1, tzinfo=CHINA)
COURSE = "courses/210602-charter"
KINDS = {
    CompletionKind.COMPLETION_KIND_COURSE: COURSE,
    CompletionKind.COMPLETION_KIND_MEETING: "meetings/210602-m",
    CompletionKind.COMPLETION_KIND_TRAINING: "trainings/210602-spring",
}

moments = st.integers(-80, 465).map(lambda day: datetime(2026, 1, 1, 12, tzinfo=CHINA) + timedelta(days=day))
"""From October of the year before to April of the year after."""
within = st.integers(1, 306).map(lambda day: BEGIN + timedelta(days=day))


@st.composite
def requirements(draw: st.DrawFn) -> tuple[Requirement, ...]:
    made = []
    for position in range(draw(st.integers(1, 4))):
        what = draw(
            st.one_of(
                st.just({"subject": COURSE}),
                st.integers(1, 4).map(lambda meetings: {"meetings": meetings}),
                st.integers(1, 200).map(lambda minutes: {"minutes": minutes}),
            )
        )
        made.append(Requirement(id=f"r{position}", due_time=draw(within), **what))
    return tuple(made)


@st.composite
def completions(draw: st.DrawFn) -> list[Completion]:
    made = {}
    for position, moment in enumerate(draw(st.lists(moments, max_size=8))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        subject = COURSE if kind == CompletionKind.COMPLETION_KIND_COURSE else f"{KINDS[kind]}{position}"
        done = Completion(
            member="210602-1",
            subject=subject,
            kind=kind,
            minutes=draw(st.integers(0, 90)),
            complete_time=moment,
        )
        made[subject, done.year] = done
    return list(made.values())


def a_plan(asked: tuple[Requirement, ...], **fields: object) -> StudyPlan:
    return StudyPlan(
        id="210602-year",
        display_name="2026",
        organization="210602-committee",
        begin_time=BEGIN,
        end_time=END,
        requirements=asked,
        create_time=BEGIN,
        update_time=BEGIN,
        **fields,  # type: ignore[arg-type]
    )


@given(requirements(), completions(), moments, st.randoms())
def test_progress_does_not_depend_on_the_order_and_says_when_it_was_enough(
    asked: tuple[Requirement, ...], done: list[Completion], now: datetime, random: object
) -> None:
    plan = a_plan(asked)
    progress = progress_of(plan, done, now)
    random.shuffle(done)  # type: ignore[attr-defined]
    assert progress_of(plan, done, now) == progress
    for each in progress:
        assert 0 <= each.done <= each.requirement.wanted
        assert (each.done == each.requirement.wanted) == (each.done_time is not None)
        if each.done_time is None:
            assert each.late == (each.requirement.due_time <= min(now, END))
        else:
            assert each.late == (each.done_time > each.requirement.due_time)
            # It was enough with what was completed until then, and not with what was completed before.
            before = [one for one in done if one.complete_time < each.done_time]
            same = [one for one in done if one.complete_time <= each.done_time]
            position = progress.index(each)
            assert progress_of(plan, before, now)[position].done_time is None
            assert progress_of(plan, same, now)[position].done_time == each.done_time


@given(requirements(), completions(), moments)
def test_more_study_is_never_less_progress(
    asked: tuple[Requirement, ...], done: list[Completion], now: datetime
) -> None:
    plan = a_plan(asked)
    for fewer in range(len(done)):
        for less, more in zip(progress_of(plan, done[:fewer], now), progress_of(plan, done, now), strict=True):
            assert less.done <= more.done


@given(requirements(), completions(), within, moments)
def test_a_closed_plan_stays_as_it_was(
    asked: tuple[Requirement, ...], done: list[Completion], closed: datetime, later: datetime
) -> None:
    plan = a_plan(asked, close_time=closed)
    until_then = [each for each in done if each.complete_time < closed]
    assert progress_of(plan, done, max(closed, later)) == progress_of(plan, until_then, closed)


def test_a_subject_counts_from_the_beginning_of_the_year_and_a_meeting_from_that_of_the_plan() -> None:
    january = datetime(2026, 1, 5, tzinfo=CHINA)
    course = Completion(
        member="210602-1",
        subject=COURSE,
        kind=CompletionKind.COMPLETION_KIND_COURSE,
        minutes=45,
        complete_time=january,
    )
    meeting = replace(course, subject="meetings/210602-m", kind=CompletionKind.COMPLETION_KIND_MEETING)
    plan = a_plan(
        (
            Requirement(id="course", subject=COURSE, due_time=END),
            Requirement(id="meetings", meetings=1, due_time=END),
            Requirement(id="hours", minutes=1, due_time=END),
        )
    )
    assert [each.done for each in progress_of(plan, [course, meeting], END)] == [1, 0, 0]
    last_year = replace(course, complete_time=datetime(2025, 12, 31, 23, 59, tzinfo=CHINA))
    assert [each.done for each in progress_of(plan, [last_year], END)] == [0, 0, 0]


@given(
    requirements(),
    st.lists(st.integers(0, 90), max_size=5, unique=True),
    st.lists(st.integers(1, 90), max_size=5, unique=True),
)
def test_reminders_come_at_nine_in_order_each_once(
    asked: tuple[Requirement, ...], before: list[int], after: list[int]
) -> None:
    plan = a_plan(asked, remind_days_before=tuple(before), remind_days_after=tuple(after))
    reminders = reminders_of(plan)
    times = [each.time for each in reminders]
    assert times == sorted(set(times))
    assert all(BEGIN <= each < END and each.astimezone(CHINA).hour == 9 for each in times)
    due = {each.id: each.due_time for each in asked}
    for each in reminders:
        assert each.requirements
        assert each.due_time == min(due[of] for of in each.requirements)
        for of in each.requirements:
            last_day = (due[of] - timedelta(microseconds=1)).astimezone(CHINA).date()
            days = (each.time.astimezone(CHINA).date() - last_day).days
            assert days in after or -days in before


def test_what_is_due_at_midnight_is_due_by_the_day_before() -> None:
    due = datetime(2026, 7, 1, tzinfo=CHINA)
    plan = a_plan(
        (Requirement(id="course", subject=COURSE, due_time=due),), remind_days_before=(7, 0), remind_days_after=(1,)
    )
    assert [each.time for each in reminders_of(plan)] == [
        datetime(2026, 6, 23, 9, tzinfo=CHINA),
        datetime(2026, 6, 30, 9, tzinfo=CHINA),
        datetime(2026, 7, 1, 9, tzinfo=CHINA),
    ]


def test_a_plan_says_what_is_wrong_with_it() -> None:
    good = Requirement(id="course", subject=COURSE, due_time=END)
    assert not list(violations_of(a_plan((good,))))
    early, other = replace(good, due_time=BEGIN), replace(good, subject="courses/210603-charter")
    assert [field for field, _ in violations_of(a_plan((early, other)))] == [
        "requirements[0].due_time",
        "requirements[1].id",
        "requirements[1].subject",
    ]
    assert [field for field, _ in violations_of(replace(a_plan(()), end_time=BEGIN))] == ["end_time"]
    assert [field for field, _ in violations_of(replace(a_plan(()), end_time=BEGIN.replace(year=2029)))] == ["end_time"]
