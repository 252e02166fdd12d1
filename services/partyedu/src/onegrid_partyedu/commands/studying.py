"""Study: what it comes to is looked at once there is more of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias, cast

from sqlalchemy import Connection

from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid.partyedu.v1.courses_pb2 import CourseState
from onegrid.partyedu.v1.study_pb2 import StudyRecord
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.field import log as field_log
from onegrid_kit.field.log import Log, Wanted
from onegrid_kit.field.model import logged
from onegrid_kit.ladder import Climb, Next
from onegrid_partyedu.commands import completing
from onegrid_partyedu.commands.looking import LOOK_AT_STUDY, STUDY, look_at_study_soon
from onegrid_partyedu.completion import Completion
from onegrid_partyedu.course import LESSON, Course
from onegrid_partyedu.course_progress import Evidence, progress_of
from onegrid_partyedu.sitting import SITTING, Recorded, Sitting, studied_in
from onegrid_partyedu.store import courses, study
from onegrid_partyedu.study_time import Interval, clipped, merged

__all__ = ["look_at_sittings", "look_at_studies"]

_BEFORE: Final = timedelta(days=30)
"""How long before the first entry of a sitting has arrived its devices may have told of it."""

Times: TypeAlias = Sequence[tuple[datetime | None, datetime | None]]
"""From when to when; None: however early, or late."""
_ALWAYS: Final[Times] = ((None, None),)


def look_at_studies(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Find what members have done of courses. All are read together."""
    wanted = [STUDY.ids(climb.subject) for climb in climbs]
    found = courses.find_courses(conn, {course for _, course in wanted})
    subjects = {each.name for each in found.values()}
    subjects |= {lesson.quiz for each in found.values() for lesson in each.lessons if lesson.quiz}
    evidence = study.evidence_of(conn, {member for member, _ in wanted}, subjects)
    for climb, (member, course) in zip(climbs, wanted, strict=True):
        of = found.get(course)
        if of is not None and of.state != CourseState.COURSE_STATE_DRAFT:
            call = Call(caller=ANONYMOUS, now=now, method=LOOK_AT_STUDY, traceparent=climb.traceparent)
            _complete(conn, member, of, evidence[member], call)
    return [None for _ in climbs]


def look_at_sittings(conn: Connection, climbs: Sequence[Climb], now: datetime) -> Sequence[Next | None]:
    """Judge what was recorded offline. All are read, and what changes is stored, together."""
    keys = [cast(tuple[str, str, str, str], SITTING.ids(climb.subject)) for climb in climbs]
    sittings = study.find_sittings(conn, keys)
    of = courses.find_courses(conn, {each.course for each in sittings})
    logs = field_log.read(
        conn, [Wanted(each.district, each.name, each.create_time - _BEFORE, each.devices) for each in sittings]
    )
    for_some = {each.organization for each in of.values() if each.organization}
    belonged = study.times_in_line(conn, {each.member for each in sittings}, for_some)
    changed = []
    for before, log in zip(sittings, logs, strict=True):
        # Entries are deleted after a time: what was made of them stays.
        if len(log.entries) >= before.entries and before.course in of:
            course = of[before.course]
            times = belonged.get((before.member, course.organization), []) if course.organization else _ALWAYS
            changed.append(_judged(before, course, log, times, now))
    study.save_sittings(conn, changed)
    look_at_study_soon(conn, {(each.member, each.course) for each in changed}, now)
    return [None for _ in climbs]


def _complete(conn: Connection, member: str, course: Course, evidence: Evidence, call: Call) -> None:
    progress = progress_of(member, course, evidence, call.now)
    done = {
        each.lesson.id: each.complete_time
        for each in progress.lessons
        if each.complete_time is not None
        and evidence.done.get(LESSON.name(course.id, each.lesson.id)) != each.complete_time
    }
    study.mark_done(conn, member, course.id, done)
    if progress.complete_time is not None or progress.finish_time is None:
        return
    completed = Completion(
        member=member,
        subject=course.name,
        kind=CompletionKind.COMPLETION_KIND_COURSE,
        minutes=course.credit,
        complete_time=progress.finish_time,
    )
    completing.complete(conn, [completed], call)


def _judged(before: Sitting, course: Course, log: Log, belonged: Times, now: datetime) -> Sitting:
    recorded = [
        Recorded(
            logged(each.entry, each.hash, conflicted=each.conflicted),
            StudyRecord.FromString(each.entry.content.value).WhichOneof("record") or "",
        )
        for each in log.entries
    ]
    studied: tuple[Interval, ...] = ()
    if course.publish_time is not None:
        open_ = clipped(studied_in(recorded, log.devices, now), course.publish_time, course.retire_time)
        studied = merged(part for times in belonged for part in clipped(open_, *times))
    devices = tuple(sorted({each.entry.device_key for each in recorded}))
    return replace(before, entries=len(log.entries), devices=devices, studied=studied)
