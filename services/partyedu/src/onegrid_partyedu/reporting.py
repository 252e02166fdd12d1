"""A year of a member, and the report of one, put together of what is stored in one snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.partyedu.v1 import hours_pb2, reports_pb2
from onegrid_kit import codes
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu import hours_messages
from onegrid_partyedu.certificate import SCHEME
from onegrid_partyedu.hours import HoursFigures, at_in_year, duty_minutes, hours_figures
from onegrid_partyedu.member import Member
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.store import hours, meetings_overdue, progress, reports

__all__ = ["member_hours", "yearly_report"]

_MOST_SCHEMES: Final = 200


def member_hours(conn: Connection, of: Member, year: int, now: datetime) -> hours_pb2.MemberHours:
    """What counts for a member in a year, and how much there is to be."""
    posts = hours.posts_at(conn, of.id, at_in_year(year, now))
    return hours_pb2.MemberHours(
        member=of.name,
        year=year,
        minutes=hours.studied_minutes(conn, of.id, year),
        duty_minutes=duty_minutes(hours.duties_of(conn, of.district), posts, year),
    )


def yearly_report(conn: Connection, organization: str, year: int, now: datetime) -> reports_pb2.YearlyReport:
    """The report of an organization, given by its id, and of those below it. The connection's transaction has one
    snapshot for all of its statements.
    """
    district = codes.district_of(organization)
    counts = reports.counts_of_year(conn, organization, year, now)
    # All of the district are in it: what can be shown of an organization depends on what is shown of all around it.
    studied = hours.year_of_study(conn, organization, year, hours.duties_of(conn, district), now)
    figures = hours_figures(hours.parents_of(conn, district), {id_: each.figures for id_, each in studied.items()})
    return reports_pb2.YearlyReport(
        organization=ORGANIZATION.name(organization),
        year=year,
        report_time=timestamp(at_in_year(year, now)),
        organizations=counts.organizations,
        members=reports_pb2.MemberFigures(
            members=counts.members,
            probationary=counts.probationary,
            joined=counts.joined,
            confirmed=counts.confirmed,
            transferred_in=counts.transferred_in,
            transferred_out=counts.transferred_out,
            ended=counts.ended,
        ),
        elections=reports_pb2.ElectionFigures(held=counts.held, overdue=counts.overdue),
        study_plans=_plans(conn, organization, year, now),
        hours=_hours(organization, figures),
        completions=reports_pb2.CompletionFigures(
            courses=sum(each.courses for each in studied.values()),
            quizzes=sum(each.quizzes for each in studied.values()),
            meetings=sum(each.meetings for each in studied.values()),
            trainings=sum(each.trainings for each in studied.values()),
            quizzes_taken=counts.quizzes_taken,
        ),
        meetings=_meetings(conn, organization, year, now),
        guidance=_guidance(conn, organization, year, now),
        certificates=_certificates(conn, organization, year, now),
    )


def _plans(conn: Connection, organization: str, year: int, now: datetime) -> reports_pb2.StudyPlanFigures:
    plans = reports.plans_of_year(conn, organization, year, now)
    figures = reports_pb2.StudyPlanFigures(plans=len(plans))
    for plan, top in plans:
        found = progress.overall(conn, plan, top, now)
        figures.members += found.members
        figures.done += found.done
        figures.behind += found.behind
    return figures


def _meetings(conn: Connection, organization: str, year: int, now: datetime) -> Iterator[reports_pb2.MeetingFigures]:
    held = reports.meetings_of_year(conn, organization, year, now)
    ended = at_in_year(year, now) < now
    overdue = {} if ended else meetings_overdue.count_overdue_below(conn, organization, now)
    for kind in sorted({*held, *overdue}):
        yield reports_pb2.MeetingFigures(
            kind=kind, held=held.get(kind, 0), overdue=None if ended else overdue.get(kind, 0)
        )


def _guidance(conn: Connection, organization: str, year: int, now: datetime) -> reports_pb2.GuidanceFigures:
    counts = reports.guidance_of_year(conn, organization, year, now)
    return reports_pb2.GuidanceFigures(
        assignments=counts.assignments, read=counts.read, done=counts.done, overdue=counts.overdue
    )


def _certificates(conn: Connection, organization: str, year: int, now: datetime) -> reports_pb2.CertificateFigures:
    counted = reports.certificates_of_year(conn, organization, year, now)
    return reports_pb2.CertificateFigures(
        issued=sum(each.issued for each in counted),
        valid=sum(each.valid for each in counted),
        schemes=(
            reports_pb2.SchemeFigures(
                scheme=SCHEME.name(each.id), title=each.title, issued=each.issued, valid=each.valid
            )
            for each in counted[:_MOST_SCHEMES]
        ),
    )


def _hours(organization: str, figures: Mapping[str, HoursFigures]) -> hours_pb2.OrganizationHours:
    if organization not in figures:
        return hours_pb2.OrganizationHours(organization=ORGANIZATION.name(organization))
    return hours_messages.organization_hours(figures[organization])
