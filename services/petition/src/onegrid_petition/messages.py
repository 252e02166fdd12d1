"""Between the contract's messages and the domain's records."""

from __future__ import annotations

from onegrid.petition.v1 import events_pb2, resources_pb2
from onegrid.petition.v1.resources_pb2 import Actor
from onegrid_kit.cipher import Cipher
from onegrid_kit.incidents import Incident
from onegrid_kit.locations import point
from onegrid_kit.timestamps import timestamp
from onegrid_petition.petition import TASK, Attachment, Entry, Petition, Rating, Task

__all__ = ["PHONE_PURPOSE", "attachment_of", "entry", "incident", "petition", "rating", "step", "task"]

PHONE_PURPOSE = "petition.contact_phone"
"""What the telephone number is encrypted for; part of its key."""


def petition(of: Petition, cipher: Cipher) -> resources_pb2.Petition:
    """The petition with its tasks."""
    return resources_pb2.Petition(
        name=of.name,
        kind=of.kind,
        state=of.state,
        text=of.text,
        petitioner=of.petitioner,
        petitioner_kind=of.petitioner_kind,
        organization=of.organization,
        anonymous=of.anonymous,
        contact_phone="" if of.sealed_phone is None else cipher.decrypt(of.sealed_phone, PHONE_PURPOSE),
        place=of.place,
        location=point(of.location),
        address=of.address,
        grid_worker=of.grid_worker,
        attachments=[
            resources_pb2.Attachment(
                filename=a.filename, media_type=a.media_type, size_bytes=a.size_bytes, sha256=a.sha256
            )
            for a in of.attachments
        ],
        work_item=of.work_item,
        tasks=[task(of, each) for each in of.tasks],
        rating=None if of.rating is None else rating(of.rating),
        verification=None if of.verification is None else rating(of.verification),
        reopen_count=of.reopen_count,
        accept_due_time=timestamp(of.accept_due_time),
        accept_time=timestamp(of.accept_time),
        conclude_due_time=timestamp(of.conclude_due_time),
        conclude_due_estimated=of.conclude_due_estimated,
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        conclude_time=timestamp(of.conclude_time),
        etag=of.etag,
        end_reason=of.end_reason,
        responsible=of.responsible,
        origin=of.origin,
        extend_time=timestamp(of.extend_time),
        emergency_report_time=timestamp(of.emergency_report_time),
        incident=None if of.incident is None else incident(of.incident),
    )


def incident(of: Incident) -> resources_pb2.IncidentLink:
    """The link to an incident."""
    return resources_pb2.IncidentLink(incident=of.name, state=of.state, level=of.level)


def task(of: Petition, one: Task) -> resources_pb2.Task:
    """One of the petition's tasks."""
    return resources_pb2.Task(
        name=TASK.name(of.id, one.number),
        assignee=one.assignee,
        part=one.part,
        state=one.state,
        instruction=one.instruction,
        answer=one.answer,
        return_reason=one.return_reason,
        due_time=timestamp(one.due_time),
        due_estimated=of.conclude_due_estimated and one.due_time == of.conclude_due_time,
        create_time=timestamp(one.create_time),
        take_time=timestamp(one.take_time),
        end_time=timestamp(one.end_time),
    )


def rating(of: Rating) -> resources_pb2.Rating:
    """A rating of the outcome."""
    return resources_pb2.Rating(
        satisfied=of.satisfied, stars=of.stars, comment=of.comment, create_time=timestamp(of.time)
    )


def entry(of: Entry) -> resources_pb2.TimelineEntry:
    """A step."""
    return resources_pb2.TimelineEntry(
        sequence=of.sequence,
        time=timestamp(of.time),
        action=of.action,
        actor=of.actor,
        office=of.office,
        office_display_name=of.office_display_name,
        state=of.state,
        assignees=of.assignees,
        public_note=of.public_note,
        internal_note=of.internal_note,
        stars=of.stars,
        incident=None if of.incident is None else incident(of.incident),
    )


def step(of: Petition, actor: Actor, office: str = "") -> events_pb2.Step:
    """The part that all events of a petition have, after a step of this actor's and office's."""
    return events_pb2.Step(
        petition=of.name,
        sequence=of.sequence,
        time=timestamp(of.update_time),
        place=of.place,
        kind=of.kind,
        actor=actor,
        state=of.state,
        petitioner=of.petitioner,
        grid_worker=of.grid_worker,
        assignees=of.assignees,
        office=office,
        origin=of.origin,
    )


def attachment_of(message: resources_pb2.Attachment) -> Attachment:
    """What is known of a file."""
    return Attachment(message.filename, message.media_type, message.size_bytes, message.sha256)
