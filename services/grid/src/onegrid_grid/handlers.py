"""What grid does when others announce something."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.identity.v1.events_pb2 import UserDefined, UserDisabled
from onegrid.partyedu.v1.events_pb2 import OrganizationDefined
from onegrid.petition.v1.events_pb2 import PetitionFiled
from onegrid_grid.commands import registry as commands
from onegrid_grid.commands.findings import follow_incident, link_petition
from onegrid_grid.commands.looking import look_soon
from onegrid_grid.finding import FINDING
from onegrid_grid.registry import User
from onegrid_grid.store import organizations
from onegrid_grid.store.rounds import rounds_of_device
from onegrid_kit.events import Delivery, on
from onegrid_kit.field.device_keys import DeviceKey
from onegrid_kit.field.handlers import keeping_device_keys
from onegrid_kit.incident_links import following_incidents
from onegrid_kit.incidents import ids_among

__all__ = ["HANDLERS", "end_posts_of_disabled"]

_JUDGED_ANEW: Final = timedelta(days=30)


def end_posts_of_disabled(conn: Connection, event: UserDisabled, delivery: Delivery) -> None:
    """End the appointments of a disabled user; those that began after it was enabled again stay."""
    commands.end_posts(conn, event.user, delivery.call())


def keep_user(conn: Connection, event: UserDefined, delivery: Delivery) -> None:
    """Know who can be appointed, and end the appointments of who no longer can."""
    user = User(district=event.district, name=event.user, state=event.state, version=event.version)
    commands.keep_user(conn, user, delivery.call())


def judge_anew(conn: Connection, key: DeviceKey, delivery: Delivery) -> None:
    """Judge anew what a device signed: it may be known by now that it was lost."""
    look_soon(conn, rounds_of_device(conn, key.name, delivery.time - _JUDGED_ANEW), delivery.time)


def link_filed(conn: Connection, event: PetitionFiled, _: Delivery) -> None:
    """Link a finding to the petition that was filed for it."""
    if ids_among([event.step.origin], FINDING):
        link_petition(conn, event.step.origin, event.step.petition)


def keep_organization(conn: Connection, event: OrganizationDefined, _: Delivery) -> None:
    """Know where a Party organization is, and which cells it answers for."""
    organizations.keep_organization(conn, event.organization, event.version)


HANDLERS = (
    on("keep_user", UserDefined, keep_user),
    # The release before announces this alone; the next one may leave it out.
    on("end_posts_of_disabled", UserDisabled, end_posts_of_disabled),
    keeping_device_keys(judge_anew),
    *following_incidents(follow_incident),
    on("link_filed", PetitionFiled, link_filed),
    on("keep_organization", OrganizationDefined, keep_organization),
)
