"""Between the contract's messages about warnings and the rules' values."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.emergency.v1 import events_pb2, warnings_pb2
from onegrid.emergency.v1.warnings_pb2 import CapCertainty, CapUrgency
from onegrid_emergency.cap.composing import Circle, Place, Say
from onegrid_emergency.cap.message import Violation
from onegrid_emergency.cap.warning import MESSAGE, SOURCE, WARNING, Message, Source, Warning
from onegrid_kit import codes
from onegrid_kit.timestamps import timestamp

__all__ = ["message", "public", "say_of", "source", "source_of", "warning"]


def public(found: Warning, version: int, now: datetime) -> events_pb2.PublicWarning:
    """What people are to know of a warning."""
    content = found.content
    return events_pb2.PublicWarning(
        name=found.name,
        version=version,
        district=found.district,
        places=found.target.places,
        colour=content.colour,
        event=content.event,
        headline=content.headline,
        description=content.description,
        instruction=content.instruction,
        sender_name=content.sender_name,
        expire_time=timestamp(content.expire_time),
        time=timestamp(now),
    )


def warning(found: Warning, replies: Sequence[Message] = ()) -> warnings_pb2.Warning:
    """The message of a warning, with those that answer it."""
    content = found.content
    return warnings_pb2.Warning(
        name=found.name,
        source=SOURCE.name(found.source) if found.source else "",
        state=found.state,
        message=MESSAGE.name(found.message),
        superseded_by=WARNING.name(found.superseded_by) if found.superseded_by else "",
        status=found.status,
        scope=found.scope,
        colour=content.colour,
        categories=content.categories,
        event=content.event,
        urgency=content.urgency,
        certainty=content.certainty,
        sender_name=content.sender_name,
        headline=content.headline,
        description=content.description,
        instruction=content.instruction,
        cells=found.target.cells,
        places=found.target.places,
        effective_time=timestamp(content.effective_time),
        onset_time=timestamp(content.onset_time),
        expire_time=timestamp(content.expire_time),
        faults=map(_violation, found.faults),
        replies=[
            warnings_pb2.WarningReply(
                message=each.name, type=each.link.message_type, sender=each.link.key.sender, note=each.note
            )
            for each in replies
        ],
        sent_time=timestamp(found.sent_time),
        update_time=timestamp(found.update_time),
        etag=found.etag,
    )


def message(found: Message) -> warnings_pb2.WarningMessage:
    """The message of a message."""
    link = found.link
    return warnings_pb2.WarningMessage(
        name=found.name,
        source=SOURCE.name(found.source) if found.source else "",
        sender=link.key.sender,
        identifier=link.key.identifier,
        sent_time=timestamp(link.key.sent),
        type=link.message_type,
        status=link.status,
        scope=link.scope,
        held=not found.warnings,
        warnings=[WARNING.name(each) for each in found.warnings],
        faults=map(_violation, found.faults),
        document=found.document,
        create_time=timestamp(found.create_time),
    )


def source(found: Source) -> warnings_pb2.WarningSource:
    """The message of a source."""
    return warnings_pb2.WarningSource(
        name=found.name,
        display_name=found.display_name,
        sender=found.sender,
        account=found.account,
        certificate=found.certificate,
        suspended=found.suspended,
        update_time=timestamp(found.update_time),
        etag=found.etag,
    )


def source_of(wanted: warnings_pb2.WarningSource, now: datetime) -> Source:
    """The source that a message describes."""
    id_ = SOURCE.id(wanted.name)
    return Source(
        district=codes.district_of(id_),
        id=id_,
        display_name=wanted.display_name,
        sender=wanted.sender,
        account=wanted.account,
        certificate=wanted.certificate,
        suspended=wanted.suspended,
        update_time=now,
    )


def say_of(content: warnings_pb2.WarningContent) -> Say:
    """What an officer wants people to know."""
    return Say(
        categories=tuple(content.categories),
        event=content.event,
        colour=content.colour,
        urgency=content.urgency or CapUrgency.CAP_URGENCY_UNKNOWN,
        certainty=content.certainty or CapCertainty.CAP_CERTAINTY_UNKNOWN,
        headline=content.headline,
        description=content.description,
        instruction=content.instruction,
        areas=tuple(map(_place, content.areas)),
        effective_time=_moment(content.effective_time, content.HasField("effective_time")),
        onset_time=_moment(content.onset_time, content.HasField("onset_time")),
        expire_time=_moment(content.expire_time, content.HasField("expire_time")),
    )


def _place(area: warnings_pb2.WarningArea) -> Place:
    return Place(
        description=area.description,
        polygons=tuple(tuple((each.longitude, each.latitude) for each in polygon.points) for polygon in area.polygons),
        circles=tuple(Circle(each.centre.longitude, each.centre.latitude, each.radius_km) for each in area.circles),
        codes=tuple(area.places),
    )


def _moment(given: Timestamp, there: bool) -> datetime | None:
    return given.ToDatetime(UTC) if there else None


def _violation(violation: Violation) -> warnings_pb2.CapViolation:
    return warnings_pb2.CapViolation(rule=violation.rule, field=violation.field, description=violation.description)
