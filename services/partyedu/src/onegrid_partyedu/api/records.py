"""The method on a member's own record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias, cast

from sqlalchemy import Connection

from onegrid.partyedu.v1 import records_pb2 as pb
from onegrid_kit.callers import Call
from onegrid_kit.paging import START, Position
from onegrid_kit.runtime import Runtime
from onegrid_kit.visibility import visible_to
from onegrid_partyedu import (
    attempt_messages,
    certificate_messages,
    completion_messages,
    messages,
    study_messages,
    study_plan_messages,
)
from onegrid_partyedu.authority import require_member, viewer_of
from onegrid_partyedu.member import MEMBER, Member
from onegrid_partyedu.queries import study, study_plans
from onegrid_partyedu.reporting import member_hours
from onegrid_partyedu.settings import PartyeduSettings
from onegrid_partyedu.store import attempts, certificates, completions, hours, members
from onegrid_partyedu.viewing import shown_member

__all__ = ["Records"]

_Placed: TypeAlias = tuple[Position, pb.RecordEntry]
"""An entry and its position in its section."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked for of one section."""

    conn: Connection
    member: Member
    call: Call
    after: Position
    """The last entry of the section that was shown; START: none was."""
    limit: int


class Records:
    """The method on a member's own record."""

    def __init__(self, runtime: Runtime[PartyeduSettings]) -> None:
        self._pages = runtime.pages
        self._cipher = runtime.cipher
        self._http_url = runtime.settings.http_url
        # In the order of `RecordEntry.content`.
        self._sections: tuple[Callable[[_Asked], Iterator[_Placed]], ...] = (
            self._membership,
            _completions,
            _hours,
            _attempts,
            _accommodations,
            self._certificates,
            _study_plans,
            _courses,
        )

    async def ListRecordEntries(self, request: pb.ListRecordEntriesRequest, call: Call) -> pb.ListRecordEntriesResponse:
        def read(conn: Connection, after: Position, limit: int) -> list[_Placed]:
            member = require_member(conn, MEMBER.id(request.member), call)
            return list(islice(self._behind(conn, member, call, after, limit), limit))

        page = await self._pages.read(request, read, position=lambda each: each[0], message=lambda each: each[1])
        return pb.ListRecordEntriesResponse(entries=page.items, next_page_token=page.next_token)

    def _behind(
        self, conn: Connection, member: Member, call: Call, position: Position, limit: int
    ) -> Iterator[_Placed]:
        """The entries behind a position, which is a section's number and a position in it."""
        number, after = (cast("int", position[0]), position[1:]) if position else (0, START)
        for section in self._sections[number:]:
            asked = _Asked(conn=conn, member=member, call=call, after=after, limit=limit)
            for inside, entry in section(asked):
                yield (number, *inside), entry
            number, after = number + 1, START

    def _membership(self, asked: _Asked) -> Iterator[_Placed]:
        if asked.after:
            return
        member = asked.member
        content = pb.MembershipRecord(
            member=shown_member(member, self._cipher, asked.call),
            memberships=map(messages.membership, members.memberships_of(asked.conn, member.id)),
            posts=map(messages.post_held, members.posts_of(asked.conn, member.id)),
        )
        yield (member.id,), pb.RecordEntry(membership=content)

    def _certificates(self, asked: _Asked) -> Iterator[_Placed]:
        viewer = viewer_of(asked.call, asked.member)
        for each in certificates.certificates_page(asked.conn, asked.member.id, asked.after, asked.limit):
            shown = certificate_messages.certificate(each, asked.call.now, self._cipher, self._http_url)
            yield (each.issue_time, each.id), pb.RecordEntry(certificate=visible_to(viewer, shown))


def _completions(asked: _Asked) -> Iterator[_Placed]:
    for each in completions.completions_page(asked.conn, asked.member.id, 0, asked.after, asked.limit):
        completion = completion_messages.completion(each)
        yield (each.complete_time, each.subject), pb.RecordEntry(completion=completion)


def _hours(asked: _Asked) -> Iterator[_Placed]:
    for year in hours.studied_years(asked.conn, asked.member.id):
        if not asked.after or (year,) < asked.after:
            of_year = member_hours(asked.conn, asked.member, year, asked.call.now)
            yield (year,), pb.RecordEntry(hours=of_year)


def _attempts(asked: _Asked) -> Iterator[_Placed]:
    member = asked.member
    for each in attempts.attempts_page(asked.conn, member.district, asked.after, asked.limit, member=member.id):
        yield (each.id,), pb.RecordEntry(attempt=attempt_messages.attempt(each, asked.call.now))


def _accommodations(asked: _Asked) -> Iterator[_Placed]:
    for each in attempts.granted_to_page(asked.conn, asked.member.id, asked.after, asked.limit):
        yield (each.quiz,), pb.RecordEntry(accommodation=attempt_messages.accommodation(each))


def _study_plans(asked: _Asked) -> Iterator[_Placed]:
    found = study_plans.progress_page(asked.conn, asked.member, asked.call.now, asked.after, asked.limit)
    for plan, progress in found:
        shown = study_plan_messages.member_study_plan(plan, progress)
        yield (plan.end_time, plan.id), pb.RecordEntry(study_plan=shown)


def _courses(asked: _Asked) -> Iterator[_Placed]:
    found = study.progress_page(asked.conn, asked.member.id, asked.call, asked.after, asked.limit)
    for each in found:
        yield (each.course.id,), pb.RecordEntry(course=study_messages.course_progress(each))
