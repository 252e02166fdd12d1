"""What is counted over all members of an organization and of those below it, against the rules for each of them,
however the line, memberships, posts and completions are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid.partyedu.v1.organizations_pb2 import OfficerPost
from onegrid_kit.clock import CHINA
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.hours import duty_minutes, standing_duties
from onegrid_partyedu.store import hours, progress, reports
from onegrid_partyedu.store.completions import add_completions
from onegrid_partyedu.study_plan import Requirement, StudyPlan, progress_of

DISTRICT = "210602"
NOW = datetime(2020, 9, 1, tzinfo=CHINA)
BEGIN, END = datetime(2020, 1, 1, tzinfo=CHINA), datetime(2021, 1, 1, tzinfo=CHINA)
_PREFIX = {
    CompletionKind.COMPLETION_KIND_COURSE: "courses",
    CompletionKind.COMPLETION_KIND_QUIZ: "quizzes",
    CompletionKind.COMPLETION_KIND_MEETING: "meetings",
    CompletionKind.COMPLETION_KIND_TRAINING: "trainings",
}
MOMENTS = st.integers(-30, 400).map(lambda days: BEGIN + timedelta(days=days, hours=8))
SUBJECTS = st.tuples(st.sampled_from(sorted(_PREFIX)), st.integers(1, 3))


@dataclass(frozen=True)
class Person:
    """A member, who belongs to one organization after the other."""

    id: str
    belonged: tuple[int, ...]
    moved: tuple[datetime, ...]
    """When the member came to each, and left."""
    confirm_time: datetime | None
    post: OfficerPost
    completions: tuple[Completion, ...]
    quizzes: tuple[tuple[int, datetime], ...]
    """Attempts."""

    def organization_at(self, at: datetime) -> int | None:
        spans = zip(self.belonged, self.moved, self.moved[1:], strict=False)
        return next((where for where, begin, end in spans if begin <= at < end), None)


@dataclass(frozen=True)
class World:
    """Organization 0 stands at the top; `above` has of each other one the one above it."""

    above: tuple[int, ...]
    people: tuple[Person, ...]

    def within(self, organization: int | None, top: int) -> bool:
        while organization:
            if organization == top:
                return True
            organization = self.above[organization - 1]
        return organization == top


@st.composite
def worlds(draw: st.DrawFn) -> World:
    above = tuple(draw(st.integers(0, number)) for number in range(draw(st.integers(1, 5))))
    people = []
    for number in range(draw(st.integers(1, 6))):
        moved = sorted(draw(st.sets(MOMENTS, min_size=2, max_size=4)))
        id_ = f"{DISTRICT}-{number:0>19}"
        people.append(
            Person(
                id=id_,
                belonged=tuple(draw(st.integers(0, len(above))) for _ in moved[1:]),
                moved=tuple(moved),
                confirm_time=draw(st.none() | MOMENTS),
                post=draw(st.sampled_from(sorted(OfficerPost.values()))),
                completions=tuple(
                    Completion(
                        member=id_,
                        subject=f"{_PREFIX[kind]}/{DISTRICT}-{which}",
                        kind=kind,
                        minutes=minutes,
                        complete_time=at,
                    )
                    for (kind, which), at, minutes in draw(
                        st.lists(
                            st.tuples(SUBJECTS, MOMENTS, st.sampled_from((20, 600, 1900))),
                            max_size=6,
                            unique_by=lambda each: (each[0], each[1].year),
                        )
                    )
                ),
                quizzes=tuple(draw(st.lists(st.tuples(st.integers(1, 2), MOMENTS), max_size=3))),
            )
        )
    return World(above, tuple(people))


@st.composite
def plans(draw: st.DrawFn) -> StudyPlan:
    begin, end = sorted(draw(st.sets(MOMENTS, min_size=2, max_size=2)))
    requirements = []
    for position in range(draw(st.integers(1, 4))):
        kind, which = draw(SUBJECTS)
        asks = draw(
            st.sampled_from(
                ({"subject": f"{_PREFIX[kind]}/{DISTRICT}-{which}"}, {"meetings": which}, {"minutes": 600 * which})
            )
        )
        requirements.append(Requirement(id=f"r{position}", due_time=draw(MOMENTS), **asks))
    return StudyPlan(
        id=f"{DISTRICT}-plan",
        display_name="学习计划",
        organization=named(0),
        member_state=draw(st.sampled_from(sorted(MemberState.values())[:3])),
        posts=tuple(draw(st.sets(st.sampled_from(sorted(OfficerPost.values())[1:]), max_size=2))),
        begin_time=begin,
        end_time=end,
        requirements=tuple(requirements),
        create_time=begin,
        update_time=begin,
    )


def named(organization: int) -> str:
    return f"{DISTRICT}-o{organization}"


def stored(conn: Connection, world: World) -> None:
    for number, above in enumerate((None, *world.above)):
        conn.execute(
            text(
                """
                INSERT INTO organization (
                  district, id, version, display_name, kind, form, parent, cells, term, create_time, update_time)
                VALUES (:district, :id, 1, '党支部', 3, 3, :parent, '{}', 1, :begin, :begin)
                """
            ),
            {
                "district": DISTRICT,
                "id": named(number),
                "parent": "" if above is None else named(above),
                "begin": BEGIN - timedelta(days=99),
            },
        )
    for person in world.people:
        values = {"district": DISTRICT, "id": person.id, "confirm_time": person.confirm_time, "begin": person.moved[0]}
        conn.execute(
            text(
                """
                INSERT INTO member (
                  district, id, version, organization, organization_time, state, sealed_name, name_index, number,
                  "user", join_time, probation_end_time, probation_extended, confirm_time, end_reason, create_time,
                  update_time)
                VALUES (:district, :id, 1, :organization, :begin, 1, '', '', '', '', :begin, :begin, false,
                        :confirm_time, 0, :begin, :begin)
                """
            ),
            {**values, "organization": named(person.belonged[-1])},
        )
        for where, begin, end in zip(person.belonged, person.moved, person.moved[1:], strict=False):
            conn.execute(
                text(
                    """
                    INSERT INTO membership (district, member, organization, begin_time, end_time)
                    VALUES (:district, :id, :organization, :from, :until)
                    """
                ),
                {**values, "organization": named(where), "from": begin, "until": end},
            )
        if person.post:
            conn.execute(
                text(
                    """
                    INSERT INTO officer (district, organization, term, post, member, begin_time)
                    VALUES (:district, :organization, 1, :post, :id, :begin)
                    """
                ),
                {**values, "organization": named(person.belonged[0]), "post": person.post},
            )
        add_completions(conn, person.completions)
        for number, (quiz, begin) in enumerate(person.quizzes):
            conn.execute(
                text(
                    """
                    INSERT INTO quiz_attempt (
                      district, id, version, quiz, quiz_revision, member, "user", number, state, sequences, begin_time,
                      due_time)
                    VALUES (:district, :attempt, 1, :quiz, 1, :id, '', :number, 1, '{}', :from, :from)
                    """
                ),
                {**values, "attempt": f"{person.id}-{number}", "quiz": quiz, "number": number, "from": begin},
            )


def asked(world: World, plan: StudyPlan, top: int, now: datetime) -> Sequence[Person]:
    """Whom the plan is for from an organization on down."""
    at = plan.at(now)
    return [
        each
        for each in world.people
        if world.within(each.organization_at(at), top)
        and plan.member_state in (0, 2 if each.confirm_time is not None and each.confirm_time <= at else 1)
        and (not plan.posts or (each.post in plan.posts and each.moved[0] <= at))
    ]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), plan=plans(), top=st.integers(0, 5))
def test_how_far_members_are_with_a_plan(engine: Engine, world: World, plan: StudyPlan, top: int) -> None:
    top %= len(world.above) + 1
    standing = {each: progress_of(plan, each.completions, NOW) for each in asked(world, plan, top, NOW)}
    at = plan.at(NOW)
    open_ = {each: [one.requirement for one in of if one.done_time is None] for each, of in standing.items()}
    behind = {each: tuple(one.id for one in of if one.due_time <= at) for each, of in open_.items()}
    with engine.connect() as conn:
        stored(conn, world)
        found = progress.overall(conn, plan, named(top), NOW)
        assert (found.members, found.done, found.behind) == (
            len(standing),
            sum(not each for each in open_.values()),
            sum(bool(each) for each in behind.values()),
        )
        assert found.requirements == tuple(
            sum(of[position].done_time is not None for of in standing.values())
            for position in range(len(plan.requirements))
        )
        by_organization = progress.totals(conn, plan, named(top), NOW)
        assert [sum(each) for each in zip(*by_organization.values(), strict=True)] == (
            [found.members, found.done, found.behind] if standing else []
        )
        assert by_organization.keys() == {named(each.organization_at(at) or 0) for each in standing}
        listed = progress.members_behind(conn, plan, named(top), NOW, (), 100).rows
        assert {each.member: each.requirements for each in listed} == {each.id: of for each, of in behind.items() if of}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds(), top=st.integers(0, 5), year=st.sampled_from((2019, 2020, 2021)))
def test_what_members_studied_in_a_year(engine: Engine, world: World, top: int, year: int) -> None:
    top %= len(world.above) + 1
    now = END + timedelta(days=30)
    begin, end = datetime(year, 1, 1, tzinfo=CHINA), datetime(year + 1, 1, 1, tzinfo=CHINA)
    at = min(now, end)
    duties = standing_duties(DISTRICT)

    def in_year(person: Person) -> list[Completion]:
        return [each for each in person.completions if begin <= each.complete_time < end]

    def minutes(person: Person) -> int:
        return sum(each.minutes for each in in_year(person))

    def reached(person: Person) -> bool:
        posts = [person.post] if person.post and person.moved[0] <= at else []
        return minutes(person) >= duty_minutes(duties, posts, year)

    with engine.connect() as conn:
        stored(conn, world)
        found = hours.year_of_study(conn, named(top), year, duties, now)
        counts = reports.counts_of_year(conn, named(top), year, now)
    for organization in range(len(world.above) + 1):
        own = [each for each in world.people if each.organization_at(at) == organization]
        if not own:
            assert named(organization) not in found
            continue
        assert found[named(organization)].members == len(own)
        if world.within(organization, top):
            kinds = [each.kind for person in own for each in in_year(person)]
            assert found[named(organization)] == hours.YearOfStudy(
                len(own),
                sum(map(minutes, own)),
                sum(map(reached, own)),
                *(kinds.count(kind) for kind in sorted(_PREFIX)),
            )
    inside = [each for each in world.people if world.within(each.organization_at(at), top)]
    assert counts.members == len(inside)
    assert counts.quizzes_taken == sum(
        len({quiz for quiz, time in each.quizzes if begin <= time < end}) for each in inside
    )
