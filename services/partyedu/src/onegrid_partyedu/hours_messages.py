"""Between the contract's messages and hours of study."""

from __future__ import annotations

from datetime import datetime

from onegrid.partyedu.v1 import hours_pb2 as pb
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.hours import HOURS_DUTY, HoursDuty, HoursFigures
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["duty_of", "hours_duty", "organization_hours"]


def hours_duty(of: HoursDuty) -> pb.HoursDuty:
    """The duty as a message."""
    return pb.HoursDuty(
        name=of.name,
        display_name=of.display_name,
        posts=of.posts,
        minutes=of.minutes,
        first_year=of.first_year,
        last_year=of.last_year,
        update_time=timestamp(of.update_time),
    )


def duty_of(message: pb.HoursDuty, now: datetime) -> HoursDuty:
    """The duty that is asked for."""
    return HoursDuty(
        id=HOURS_DUTY.id(message.name),
        display_name=message.display_name,
        posts=tuple(sorted(message.posts)),
        minutes=message.minutes,
        first_year=message.first_year,
        last_year=message.last_year,
        update_time=now,
    )


def organization_hours(of: HoursFigures) -> pb.OrganizationHours:
    """The figures as a message: what can be shown of them."""
    return pb.OrganizationHours(
        organization=ORGANIZATION.name(of.organization),
        members=of.members,
        average_minutes=of.average_minutes if of.shown else None,
        reached_percent=of.reached_percent if of.shown else None,
    )
