"""PartyeduService: a message in, a command out, a message back; no rule, no SQL. A file for each noun."""

from __future__ import annotations

from collections.abc import Sequence

from onegrid_kit.runtime import Runtime
from onegrid_partyedu.api.attempts import Attempts
from onegrid_partyedu.api.attendances import Attendances
from onegrid_partyedu.api.certificate_schemes import CertificateSchemes
from onegrid_partyedu.api.certificates import Certificates
from onegrid_partyedu.api.completions import Completions
from onegrid_partyedu.api.courses import Courses
from onegrid_partyedu.api.guidance import Guidance
from onegrid_partyedu.api.hours import Hours
from onegrid_partyedu.api.imports import Imports
from onegrid_partyedu.api.meeting_calendars import MeetingCalendars
from onegrid_partyedu.api.meetings import Meetings
from onegrid_partyedu.api.members import Members
from onegrid_partyedu.api.organizations import Organizations
from onegrid_partyedu.api.pools import Pools
from onegrid_partyedu.api.quizzes import Quizzes
from onegrid_partyedu.api.record_accesses import RecordAccesses
from onegrid_partyedu.api.records import Records
from onegrid_partyedu.api.regradings import Regradings
from onegrid_partyedu.api.statements import Statements
from onegrid_partyedu.api.study import Study
from onegrid_partyedu.api.study_plans import StudyPlans
from onegrid_partyedu.api.transfers import Transfers
from onegrid_partyedu.settings import PartyeduSettings

__all__ = ["build"]


def build(runtime: Runtime[PartyeduSettings]) -> Sequence[object]:
    """The servicers."""
    return [
        Organizations(runtime),
        Members(runtime),
        Records(runtime),
        RecordAccesses(runtime),
        Transfers(runtime),
        Completions(runtime),
        Courses(runtime),
        Imports(runtime),
        Pools(runtime),
        Quizzes(runtime),
        Study(runtime),
        StudyPlans(runtime),
        Meetings(runtime),
        Attendances(runtime),
        MeetingCalendars(runtime),
        Statements(runtime),
        Hours(runtime),
        Guidance(runtime),
        Attempts(runtime),
        Regradings(runtime),
        CertificateSchemes(runtime),
        Certificates(runtime),
    ]
