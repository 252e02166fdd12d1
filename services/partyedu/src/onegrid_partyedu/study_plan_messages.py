"""Between the contract's messages and study plans."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from onegrid.partyedu.v1 import study_plans_pb2 as pb
from onegrid_kit.timestamps import moment, timestamp
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.study_plan import STUDY_PLAN, Progress, Requirement, StudyPlan

__all__ = ["member_study_plan", "plan_of", "study_plan"]


def study_plan(of: StudyPlan) -> pb.StudyPlan:
    """The plan as a message."""
    return pb.StudyPlan(
        name=of.name,
        display_name=of.display_name,
        organization=ORGANIZATION.name(of.organization),
        member_state=of.member_state,
        posts=of.posts,
        begin_time=timestamp(of.begin_time),
        end_time=timestamp(of.end_time),
        requirements=map(_requirement, of.requirements),
        remind_days_before=of.remind_days_before,
        remind_days_after=of.remind_days_after,
        state=of.state,
        publish_time=timestamp(of.publish_time),
        close_time=timestamp(of.close_time),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
        etag=of.etag,
    )


def plan_of(message: pb.StudyPlan, now: datetime) -> StudyPlan:
    """The plan that is asked for, as a draft that is new."""
    return StudyPlan(
        id=STUDY_PLAN.id(message.name),
        display_name=message.display_name,
        organization=ORGANIZATION.id(message.organization),
        member_state=message.member_state,
        posts=tuple(sorted(message.posts)),
        begin_time=moment(message.begin_time),
        end_time=moment(message.end_time),
        requirements=tuple(
            Requirement(
                id=each.id,
                subject=each.subject,
                meetings=each.meetings,
                minutes=each.minutes,
                due_time=moment(each.due_time),
            )
            for each in message.requirements
        ),
        remind_days_before=tuple(sorted(message.remind_days_before, reverse=True)),
        remind_days_after=tuple(sorted(message.remind_days_after)),
        create_time=now,
        update_time=now,
    )


def member_study_plan(of: StudyPlan, progress: Sequence[Progress]) -> pb.MemberStudyPlan:
    """The plan with how far a member is, as a message."""
    return pb.MemberStudyPlan(study_plan=study_plan(of), progress=map(_progress, progress))


def _requirement(of: Requirement) -> pb.StudyRequirement:
    message = pb.StudyRequirement(id=of.id, due_time=timestamp(of.due_time))
    if of.subject:
        message.subject = of.subject
    elif of.meetings:
        message.meetings = of.meetings
    else:
        message.minutes = of.minutes
    return message


def _progress(of: Progress) -> pb.RequirementProgress:
    return pb.RequirementProgress(
        requirement=of.requirement.id,
        done=of.done,
        wanted=of.requirement.wanted,
        done_time=timestamp(of.done_time),
        late=of.late,
    )
