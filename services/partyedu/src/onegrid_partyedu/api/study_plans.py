"""The methods on study plans."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from onegrid.partyedu.v1 import study_plan_methods_pb2 as pb
from onegrid.partyedu.v1 import study_plans_pb2
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.paging import Position, Scan
from onegrid_kit.runtime import Runtime
from onegrid_kit.settings import ServiceSettings
from onegrid_partyedu import study_plan_messages as messages
from onegrid_partyedu.authority import require_member, require_plan
from onegrid_partyedu.commands import study_plans as commands
from onegrid_partyedu.member import MEMBER, Member
from onegrid_partyedu.organization import ORGANIZATION
from onegrid_partyedu.queries.study_plans import progress_page
from onegrid_partyedu.rollup import rolled_up
from onegrid_partyedu.store import members, progress
from onegrid_partyedu.store import study_plans as store
from onegrid_partyedu.study_plan import STUDY_PLAN, Progress, StudyPlan
from onegrid_partyedu.viewing import shown_member

__all__ = ["StudyPlans"]


class StudyPlans:
    """The methods on study plans."""

    def __init__(self, runtime: Runtime[ServiceSettings]) -> None:
        self._db = runtime.db
        self._pages = runtime.pages
        self._cipher = runtime.cipher

    async def DefineStudyPlan(self, request: pb.DefineStudyPlanRequest, call: Call) -> bytes:
        wanted, etag = messages.plan_of(request.study_plan, call.now), request.study_plan.etag
        return await self._db.command(
            call,
            lambda conn: pb.DefineStudyPlanResponse(
                study_plan=messages.study_plan(commands.define_study_plan(conn, wanted, etag, call))
            ),
        )

    async def PublishStudyPlan(self, request: pb.PublishStudyPlanRequest, call: Call) -> bytes:
        id_ = STUDY_PLAN.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.PublishStudyPlanResponse(
                study_plan=messages.study_plan(commands.publish_study_plan(conn, id_, request.etag, call))
            ),
        )

    async def CloseStudyPlan(self, request: pb.CloseStudyPlanRequest, call: Call) -> bytes:
        id_ = STUDY_PLAN.id(request.name)
        return await self._db.command(
            call,
            lambda conn: pb.CloseStudyPlanResponse(
                study_plan=messages.study_plan(commands.close_study_plan(conn, id_, request.etag, call))
            ),
        )

    async def GetStudyPlan(self, request: pb.GetStudyPlanRequest, call: Call) -> pb.GetStudyPlanResponse:
        found = await self._db.read(lambda conn: require_plan(conn, STUDY_PLAN.id(request.name), call))
        return pb.GetStudyPlanResponse(study_plan=messages.study_plan(found))

    async def ListStudyPlans(self, request: pb.ListStudyPlansRequest, _: Call) -> pb.ListStudyPlansResponse:
        page = await self._pages.read(
            request,
            lambda conn, after, limit: store.plans_page(conn, request.scope, request.state, after, limit),
            position=lambda each: (each.end_time, each.id),
            message=messages.study_plan,
        )
        return pb.ListStudyPlansResponse(study_plans=page.items, next_page_token=page.next_token)

    async def ListMemberStudyPlans(
        self, request: pb.ListMemberStudyPlansRequest, call: Call
    ) -> pb.ListMemberStudyPlansResponse:
        def read(conn: Connection, after: Position, limit: int) -> Sequence[tuple[StudyPlan, Sequence[Progress]]]:
            member = require_member(conn, MEMBER.id(request.member), call)
            return progress_page(conn, member, call.now, after, limit)

        page = await self._pages.read(
            request,
            read,
            position=lambda each: (each[0].end_time, each[0].id),
            message=lambda each: messages.member_study_plan(*each),
        )
        return pb.ListMemberStudyPlansResponse(member_study_plans=page.items, next_page_token=page.next_token)

    async def GetStudyPlanProgress(
        self, request: pb.GetStudyPlanProgressRequest, call: Call
    ) -> pb.GetStudyPlanProgressResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection) -> pb.GetStudyPlanProgressResponse:
            plan = _require(conn, request.name, organization)
            found = progress.overall(conn, plan, organization, call.now)
            return pb.GetStudyPlanProgressResponse(
                progress=_progress((organization, (found.members, found.done, found.behind))),
                requirements=[
                    study_plans_pb2.RequirementTotal(requirement=of.id, done=count)
                    for of, count in zip(plan.requirements, found.requirements, strict=True)
                ],
            )

        return await self._db.read(read)

    async def ListStudyPlanProgress(
        self, request: pb.ListStudyPlanProgressRequest, call: Call
    ) -> pb.ListStudyPlanProgressResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection, after: Position, limit: int) -> Sequence[tuple[str, tuple[int, ...]]]:
            plan = _require(conn, request.name, organization)
            parents = progress.parents_below(conn, plan.district, organization)
            figures = rolled_up(parents, progress.totals(conn, plan, organization, call.now))
            return [each for each in sorted(figures.items()) if not after or each[0] > str(after[0])][:limit]

        page = await self._pages.read(request, read, position=lambda each: (each[0],), message=_progress)
        return pb.ListStudyPlanProgressResponse(progress=page.items, next_page_token=page.next_token)

    async def ListMembersBehind(self, request: pb.ListMembersBehindRequest, call: Call) -> pb.ListMembersBehindResponse:
        organization = ORGANIZATION.id(request.organization)

        def read(conn: Connection, after: Position, limit: int) -> Scan[tuple[Member, progress.Standing]]:
            plan = _require(conn, request.name, organization)
            scan = progress.members_behind(conn, plan, organization, call.now, after, limit)
            found = members.find_members(conn, [each.member for each in scan.rows])
            return Scan([(found[each.member], each) for each in scan.rows], scan.reached)

        page = await self._pages.read(
            request,
            read,
            position=lambda each: (each[0].id,),
            message=lambda each: study_plans_pb2.MemberBehind(
                member=shown_member(each[0], self._cipher, call, codes.office_of(organization)),
                requirements=each[1].requirements,
            ),
        )
        return pb.ListMembersBehindResponse(members=page.items, next_page_token=page.next_token)


def _require(conn: Connection, name: str, organization: str) -> StudyPlan:
    """The plan, which is for members of the organization. Raises NotFound or InvalidRequest."""
    plan = store.find_plan(conn, STUDY_PLAN.id(name))
    if plan is None:
        raise NotFound(name)
    if not store.is_for_organization(conn, plan, organization):
        raise InvalidRequest(FieldViolation("organization", "is not the plan's, or below it"))
    return plan


def _progress(of: tuple[str, tuple[int, ...]]) -> study_plans_pb2.StudyPlanProgress:
    organization, (asked, done, behind) = of
    return study_plans_pb2.StudyPlanProgress(
        organization=ORGANIZATION.name(organization), members=asked, done=done, behind=behind
    )
