"""What notify does when others announce something."""

from __future__ import annotations

from onegrid.petition.v1 import events_pb2 as petition_events
from onegrid_kit.events import on
from onegrid_notify.commands.messages import write_messages

__all__ = ["HANDLERS"]

HANDLERS = (
    on("message_petition_filed", petition_events.PetitionFiled, write_messages),
    on("message_petition_accepted", petition_events.PetitionAccepted, write_messages),
    on("message_petition_declined", petition_events.PetitionDeclined, write_messages),
    on("message_petition_dispatched", petition_events.PetitionDispatched, write_messages),
    on("message_petition_rescheduled", petition_events.PetitionRescheduled, write_messages),
    on("message_task_taken", petition_events.TaskTaken, write_messages),
    on("message_task_returned", petition_events.TaskReturned, write_messages),
    on("message_task_reported", petition_events.TaskReported, write_messages),
    on("message_task_concluded", petition_events.TaskConcluded, write_messages),
    on("message_petition_rated", petition_events.PetitionRated, write_messages),
    on("message_petition_verified", petition_events.PetitionVerified, write_messages),
    on("message_petition_withdrawn", petition_events.PetitionWithdrawn, write_messages),
    on("message_petition_closed", petition_events.PetitionClosed, write_messages),
)
