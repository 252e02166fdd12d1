"""Between the contract's messages and guidance tasks."""

from __future__ import annotations

from datetime import datetime

from onegrid.partyedu.v1 import guidance_pb2
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu.guidance import Assignment, Progress, Task
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["assignment", "progress", "task"]


def task(of: Task) -> guidance_pb2.GuidanceTask:
    """The task as a message."""
    return guidance_pb2.GuidanceTask(
        name=of.name,
        sender=ORGANIZATION.name(of.sender),
        title=of.title,
        text=of.text,
        media=of.media,
        due_time=timestamp(of.due_time),
        report_wanted=of.report_wanted,
        upper=of.upper,
        article=of.article,
        assignments=of.assignments,
        withdraw_reason=of.withdraw_reason,
        withdraw_time=timestamp(of.withdraw_time),
        create_time=timestamp(of.create_time),
    )


def assignment(of: Assignment, now: datetime) -> guidance_pb2.GuidanceAssignment:
    """The assignment as a message."""
    return guidance_pb2.GuidanceAssignment(
        name=of.name,
        organization=of.organization_name,
        state=of.state,
        title=of.task.title,
        sender=ORGANIZATION.name(of.task.sender),
        due_time=timestamp(of.task.due_time),
        overdue=of.overdue(now),
        read_time=timestamp(of.read_time),
        reader=of.reader,
        report=of.report,
        report_media=of.report_media,
        report_time=timestamp(of.report_time),
        return_reason=of.return_reason,
        decide_time=timestamp(of.decide_time),
        create_time=timestamp(of.task.create_time),
        etag=of.etag,
    )


def progress(of: Progress) -> guidance_pb2.GuidanceProgress:
    """The progress as a message."""
    return guidance_pb2.GuidanceProgress(
        organization=ORGANIZATION.name(of.organization) if of.organization else "",
        assignments=of.assignments,
        read=of.read,
        reported=of.reported,
        done=of.done,
        overdue=of.overdue,
    )
