"""What members record of study offline: taken, and judged soon after."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, cast

from sqlalchemy import Connection

from onegrid.field.v1.field_pb2 import BatchResult, Entry, SignedBatch
from onegrid.partyedu.v1.study_pb2 import StudyRecord
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation
from onegrid_kit.field import log
from onegrid_kit.field.contents import content_in, content_refused
from onegrid_kit.field.device_keys import DeviceKey, find_device_key
from onegrid_partyedu.commands.looking import look_at_sittings_soon
from onegrid_partyedu.course import LESSON
from onegrid_partyedu.sitting import SITTING, Sitting
from onegrid_partyedu.store import courses, members, study

__all__ = ["append_entries"]

_SAME_BOOT: Final = timedelta(days=2)
"""For how long what a device sends later may correct the clock of sittings that it has sent before."""


def append_entries(conn: Connection, batch: SignedBatch, call: Call) -> BatchResult:
    """Take what a device has recorded. Raises DeviceKeyUnknown or SignatureInvalid."""
    key = find_device_key(conn, batch.device_key)
    accepting = _Accepting(conn, key)
    appended = log.append(conn, "partyedu", key, batch, call.now, accepting.subject_of)
    touched = {_ids(accepting.subject_of(each.entry)) for each in appended.new}
    study.enter_sittings(
        conn,
        [
            Sitting(member=member, course=course, lesson=lesson, id=id_, create_time=call.now)
            for member, course, lesson, id_ in sorted(touched)
        ],
    )
    of_device = study.sittings_of_device(conn, key.name, call.now - _SAME_BOOT) if appended.clock_learned else ()
    look_at_sittings_soon(conn, {*touched, *map(_ids, appended.contradicted), *of_device}, call.now)
    return appended.result


class _Accepting:
    """Says of each entry of a batch what it is about."""

    def __init__(self, conn: Connection, key: DeviceKey) -> None:
        self._conn = conn
        self._district = key.district
        self._members: dict[str, str] = {}
        self._courses: dict[str, bool] = {}

    def subject_of(self, entry: Entry) -> str:
        """The name of the sitting. Raises EntryRefused."""
        record = content_in(entry, StudyRecord)
        course, lesson = LESSON.ids(record.lesson)
        member = self._member_of(entry.author)
        if not member:
            raise content_refused(FieldViolation("author", "is no member of the device's district"))
        if not self._is_known(course):
            raise content_refused(FieldViolation("content.lesson", "is of no course of the device's district"))
        return SITTING.name(member, course, lesson, record.sitting)

    def _member_of(self, user: str) -> str:
        if user not in self._members:
            found = members.find_member_of(self._conn, self._district, user)
            self._members[user] = "" if found is None else found.id
        return self._members[user]

    def _is_known(self, course: str) -> bool:
        if course not in self._courses:
            at_home = codes.district_of(course) == self._district
            self._courses[course] = at_home and courses.find_course(self._conn, course) is not None
        return self._courses[course]


def _ids(sitting: str) -> tuple[str, str, str, str]:
    return cast(tuple[str, str, str, str], SITTING.ids(sitting))
