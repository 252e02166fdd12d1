"""The statements over meetings, their minutes, and who is expected."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, any_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from onegrid.partyedu.v1.meetings_pb2 import ExpectedAttendance, MeetingKind, MeetingState
from onegrid.partyedu.v1.members_pb2 import MemberState
from onegrid_kit import codes
from onegrid_kit.paging import Position, behind
from onegrid_partyedu.meeting import Counts, Meeting, MinutesRevision, Plan
from onegrid_partyedu.member import Member
from onegrid_partyedu.tables import meeting, member, minutes_revision, officer

__all__ = [
    "add_minutes",
    "expected_members",
    "expects",
    "find_meeting",
    "latest_revision",
    "lock_ahead",
    "lock_meeting",
    "meetings_of_member",
    "meetings_page",
    "minutes_page",
    "posts_in",
    "save_meeting",
    "share_meeting",
]

_COMMITTEE: Final = ExpectedAttendance.EXPECTED_ATTENDANCE_COMMITTEE
_ALL: Final = ExpectedAttendance.EXPECTED_ATTENDANCE_ALL


def find_meeting(conn: Connection, id_: str) -> Meeting | None:
    """The meeting of that id."""
    row = conn.execute(_by_id(id_)).one_or_none()
    return None if row is None else _meeting(row)


def lock_meeting(conn: Connection, id_: str) -> Meeting | None:
    """The meeting of that id, which nobody else changes, and at which nobody checks in, until the transaction ends."""
    row = conn.execute(_by_id(id_).with_for_update()).one_or_none()
    return None if row is None else _meeting(row)


def lock_ahead(conn: Connection, organization: str, now: datetime) -> list[Meeting]:
    """The meetings of an organization that are scheduled for later; nobody else changes them until the transaction
    ends.
    """
    m = meeting.c
    query = select(meeting).where(
        m.district == codes.district_of(organization),
        m.organization == organization,
        m.state == MeetingState.MEETING_STATE_SCHEDULED,
        m.begin_time > now,
    )
    return [_meeting(row) for row in conn.execute(query.order_by(m.id).with_for_update())]


def share_meeting(conn: Connection, id_: str) -> Meeting | None:
    """The meeting of that id, which nobody changes until the transaction ends; others may check in meanwhile."""
    row = conn.execute(_by_id(id_).with_for_update(read=True)).one_or_none()
    return None if row is None else _meeting(row)


def save_meeting(conn: Connection, changed: Meeting) -> None:
    """Enter a meeting, or store it as it is now."""
    plan, counts = changed.plan, changed.counts
    values = {
        "version": changed.version,
        "sequence": changed.sequence,
        "organization": changed.organization,
        "kind": changed.kind,
        "title": plan.title,
        "begin_time": plan.begin_time,
        "planned_end_time": plan.end_time,
        "place": plan.place,
        "agenda": list(plan.agenda),
        "expected": plan.expected,
        "members": list(plan.members),
        "guests_welcome": plan.guests_welcome,
        "state": changed.state,
        "cancel_reason": changed.cancel_reason,
        "sealed_secret": changed.sealed_secret,
        "duration_minutes": changed.duration_minutes,
        "expected_count": None if counts is None else counts.expected,
        "present_count": None if counts is None else counts.present,
        "excused_count": None if counts is None else counts.excused,
        "guest_count": None if counts is None else counts.guests,
        "quorate": None if counts is None else counts.quorate,
        "create_time": changed.create_time,
        "update_time": changed.update_time,
        "open_time": changed.open_time,
        "end_time": changed.end_time,
    }
    if changed.version == 1:
        conn.execute(insert(meeting).values(district=changed.district, id=changed.id, **values))
        return
    m = meeting.c
    conn.execute(update(meeting).where(m.district == changed.district, m.id == changed.id).values(**values))


def expected_members(conn: Connection, of: Meeting) -> dict[str, MemberState]:
    """Who is expected, and where they stand as members."""
    return {row.id: row.state for row in conn.execute(_expected(of))}


def expects(conn: Connection, of: Meeting, member_id: str) -> bool:
    """Whether the member is expected."""
    return conn.execute(_expected(of).where(member.c.id == member_id)).first() is not None


def posts_in(conn: Connection, organization: str, member_id: str) -> bool:
    """Whether the member holds a post in the organization now."""
    f = officer.c
    query = _committee(codes.district_of(organization), organization).where(f.member == member_id)
    return conn.execute(query.limit(1)).first() is not None


def meetings_page(
    conn: Connection, organization: str, kind: MeetingKind, state: MeetingState, after: Position, limit: int
) -> list[Meeting]:
    """The meetings of an organization, the one that begins last first."""
    m = meeting.c
    query = select(meeting).where(
        m.district == codes.district_of(organization),
        m.organization == organization,
        behind(after, m.begin_time, m.id, descending=True),
    )
    if kind:
        query = query.where(m.kind == kind)
    if state:
        query = query.where(m.state == state)
    return [_meeting(row) for row in conn.execute(query.order_by(m.begin_time.desc(), m.id.desc()).limit(limit))]


def meetings_of_member(conn: Connection, of: Member, since: datetime, after: Position, limit: int) -> list[Meeting]:
    """The meetings that a member is expected at and that end after that moment, the one that begins first first."""
    m, f = meeting.c, officer.c
    held = select(f.organization).where(f.district == of.district, f.member == of.id, f.end_time.is_(None))
    query = select(meeting).where(
        m.district == of.district,
        or_(
            and_(m.organization == of.organization, or_(m.expected == _ALL, _selects(of.id))),
            and_(m.organization.in_(held), m.expected == _COMMITTEE),
        ),
        m.planned_end_time > since,
        behind(after, m.begin_time, m.id),
    )
    return [_meeting(row) for row in conn.execute(query.order_by(m.begin_time, m.id).limit(limit))]


def add_minutes(conn: Connection, revision: MinutesRevision) -> None:
    """Enter a revision of minutes."""
    conn.execute(
        insert(minutes_revision).values(
            district=codes.district_of(revision.meeting),
            meeting=revision.meeting,
            revision=revision.revision,
            minutes=revision.minutes,
            reason=revision.reason,
            create_time=revision.create_time,
        )
    )


def latest_revision(conn: Connection, meeting_id: str) -> int:
    """How many revisions the minutes have."""
    r = minutes_revision.c
    query = select(func.max(r.revision)).where(r.district == codes.district_of(meeting_id), r.meeting == meeting_id)
    return conn.execute(query).scalar_one() or 0


def minutes_page(conn: Connection, meeting_id: str, after: Position, limit: int) -> list[MinutesRevision]:
    """The revisions of a meeting's minutes, the latest first."""
    r = minutes_revision.c
    query = select(minutes_revision).where(
        r.district == codes.district_of(meeting_id),
        r.meeting == meeting_id,
        behind(after, r.revision, descending=True),
    )
    return [
        MinutesRevision(
            meeting=row.meeting,
            revision=row.revision,
            minutes=row.minutes,
            reason=row.reason,
            create_time=row.create_time,
        )
        for row in conn.execute(query.order_by(r.revision.desc()).limit(limit))
    ]


def _by_id(id_: str) -> Select[Any]:
    m = meeting.c
    return select(meeting).where(m.district == codes.district_of(id_), m.id == id_)


def _expected(of: Meeting) -> Select[Any]:
    m = member.c
    query = select(m.id, m.state).where(m.district == of.district, m.end_time.is_(None))
    if of.plan.expected == _COMMITTEE:
        return query.where(m.id.in_(_committee(of.district, of.organization)))
    query = query.where(m.organization == of.organization)
    return query if of.plan.expected == _ALL else query.where(m.id.in_(of.plan.members))


def _committee(district: str, organization: str) -> Select[Any]:
    f = officer.c
    return select(f.member).where(f.district == district, f.organization == organization, f.end_time.is_(None))


def _selects(member_id: str) -> ColumnElement[bool]:
    return any_(meeting.c.members) == member_id


def _meeting(row: Any) -> Meeting:
    counts = None
    if row.expected_count is not None:
        counts = Counts(
            expected=row.expected_count,
            present=row.present_count,
            excused=row.excused_count,
            guests=row.guest_count,
            quorate=row.quorate,
        )
    return Meeting(
        id=row.id,
        version=row.version,
        sequence=row.sequence,
        organization=row.organization,
        kind=row.kind,
        plan=Plan(
            title=row.title,
            begin_time=row.begin_time,
            end_time=row.planned_end_time,
            place=row.place,
            agenda=tuple(row.agenda),
            expected=row.expected,
            members=tuple(row.members),
            guests_welcome=row.guests_welcome,
        ),
        state=row.state,
        cancel_reason=row.cancel_reason,
        sealed_secret=bytes(row.sealed_secret),
        duration_minutes=row.duration_minutes,
        counts=counts,
        create_time=row.create_time,
        update_time=row.update_time,
        open_time=row.open_time,
        end_time=row.end_time,
    )
