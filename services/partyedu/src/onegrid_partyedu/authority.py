"""Who may see and change which member, transfer and quiz, where the call itself names no place."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import NotFound, PermissionDenied
from onegrid_kit.visibility import Viewer
from onegrid_partyedu.attempt import ATTEMPT, Attempt
from onegrid_partyedu.certificate import CERTIFICATE, Certificate
from onegrid_partyedu.course import COURSE, Course
from onegrid_partyedu.guidance import TASK, Task
from onegrid_partyedu.member import ME, MEMBER, Member
from onegrid_partyedu.quiz import QUIZ, Quiz
from onegrid_partyedu.store import certificates, courses, guidance, members, quizzes, study_plans, transfers
from onegrid_partyedu.store.organizations import line_of
from onegrid_partyedu.study_plan import STUDY_PLAN, StudyPlan
from onegrid_partyedu.transfer import TRANSFER, Transfer

__all__ = [
    "IDENTIFY",
    "allowed",
    "editor_of",
    "require_attempt",
    "require_certificate",
    "require_course",
    "require_guidance",
    "require_member",
    "require_plan",
    "require_quiz",
    "require_transfer",
    "viewer_of",
]

IDENTIFY: Final = "partyedu.members.identify"
"""The permission over a place that names are shown for."""

READ_KEYS: Final = "partyedu.keys.read"
"""The permission over a place whose items are shown with their keys."""


def allowed(found: Member | None, id_: str, call: Call) -> Member:
    """The member of that id, if the caller has the call's permission over the member's organization, or is the
    member and has the permission over what is their own. Raises PermissionDenied or NotFound.
    """
    found = call.existing(found, MEMBER, id_)
    call.caller.require(call.permission, found.office, owner=found.user)
    return found


def require_member(conn: Connection, id_: str, call: Call) -> Member:
    """A member whom the caller may see; ``me``: the caller. Raises PermissionDenied or NotFound."""
    if id_ == ME:
        own = members.find_member_of(conn, call.caller.district, call.caller.user)
        if own is None:
            raise NotFound(MEMBER.name(ME))
        return allowed(own, own.id, call)
    return allowed(members.find_member(conn, id_), id_, call)


def require_transfer(conn: Connection, id_: str, call: Call) -> Transfer:
    """A transfer that the caller may see, for either side or as its member. Raises PermissionDenied or NotFound."""
    found = call.existing(transfers.find_transfer(conn, id_), TRANSFER, id_)
    moving = members.find_member(conn, found.member)
    owner = "" if moving is None else moving.user
    call.caller.require(call.permission, codes.office_of(found.source), codes.office_of(found.target), owner=owner)
    return found


def require_plan(conn: Connection, id_: str, call: Call) -> StudyPlan:
    """A study plan, for who has the call's permission over its place, or over that of an organization that it is for.
    Raises PermissionDenied or NotFound.
    """
    found = call.existing(study_plans.find_plan(conn, id_), STUDY_PLAN, id_)
    if not call.caller.may(call.permission, found.office):
        scopes = call.caller.scopes(call.permission)
        if not scopes or not study_plans.is_for_places(conn, found, scopes):
            raise PermissionDenied(call.permission)
    return found


def require_course(conn: Connection, id_: str, call: Call) -> Course:
    """A course that the caller may see: of a place or department that the permission is held over, or published for
    the organization that the caller belongs to. Raises PermissionDenied or NotFound.
    """
    found = call.existing(courses.find_course(conn, id_), COURSE, id_)
    if not call.caller.may(call.permission, found.office):
        own = members.find_member_of(conn, found.district, call.caller.user)
        studies = own is not None and found.is_published and found.is_for(line_of(conn, own.organization))
        call.caller.require(call.permission, owner=call.caller.user if studies else "")
    return found


def require_guidance(conn: Connection, id_: str, call: Call) -> Task:
    """A guidance task that the caller may see, for its sender or for an organization that has it. Raises
    PermissionDenied or NotFound.
    """
    found = call.existing(guidance.find_task(conn, id_), TASK, id_)
    scopes = call.caller.scopes(call.permission)
    if not call.caller.may(call.permission, codes.office_of(found.sender)) and not guidance.is_assigned(
        conn, id_, scopes
    ):
        raise PermissionDenied(call.permission)
    return found


def require_attempt(found: Attempt | None, id_: str, call: Call, *, own: bool = True) -> Attempt:
    """The attempt of that id, if the caller has the call's permission over the place of its quiz or, where `own` ones
    are shown, over what is their own. Raises PermissionDenied or NotFound.
    """
    found = call.existing(found, ATTEMPT, id_)
    call.caller.require(call.permission, found.office, owner=found.user if own else "")
    return found


def require_certificate(conn: Connection, id_: str, call: Call) -> tuple[Certificate, Member]:
    """A certificate that the caller may see, and its member. Raises PermissionDenied or NotFound."""
    found = call.existing(certificates.find_certificate(conn, id_), CERTIFICATE, id_)
    return found, allowed(members.find_member(conn, found.member), found.member, call)


def viewer_of(call: Call, of: Member, *asked: str) -> Viewer:
    """What the caller is to the member; `asked`: codes over which the caller's permission shows names as well."""
    caller = call.caller
    may = any(caller.may(IDENTIFY, code) for code in (of.office, *asked))
    return Viewer(owner=bool(of.user) and of.user == caller.user, permissions=frozenset({IDENTIFY} if may else ()))


def require_quiz(conn: Connection, id_: str, revision: int, call: Call) -> tuple[Quiz, bool]:
    """A quiz that the caller may see, in its current revision (0) or another, and whether for an office: members of the
    district see those that are or were published. Raises PermissionDenied or NotFound.
    """
    found, district = quizzes.find_quiz(conn, id_, revision), codes.district_of(id_)
    office = call.caller.may(call.permission, codes.office_of(id_))
    if not office:
        own = members.find_member_of(conn, district, call.caller.user)
        call.caller.require(call.permission, owner="" if own is None else own.user)
    if found is None or (not office and found.publish_time is None):
        raise NotFound(QUIZ.name(id_))
    return found, office


def editor_of(call: Call, id_: str) -> Viewer:
    """What the caller is to a pool or quiz, given by its id, whose keys are shown to editors alone."""
    may = call.caller.may(READ_KEYS, codes.office_of(id_))
    return Viewer(office=True, permissions=frozenset({READ_KEYS} if may else ()))
