"""Study plans: defined, published, closed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from onegrid.partyedu.v1.study_plans_pb2 import StudyPlanState
from onegrid_kit import codes
from onegrid_kit.callers import Call
from onegrid_kit.errors import Conflict, FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh
from onegrid_kit.persons import require_nobody
from onegrid_partyedu.commands.organizations import require_existing
from onegrid_partyedu.commands.study_reminders import await_reminders, stop_reminders
from onegrid_partyedu.errors import StudyPlanOver, StudyPlanWrongState, SubjectUnknown
from onegrid_partyedu.store import study_plans as store
from onegrid_partyedu.store.known import known_cells
from onegrid_partyedu.store.organizations import hold_line, line_of
from onegrid_partyedu.store.subjects import missing
from onegrid_partyedu.study_plan import STUDY_PLAN, StudyPlan, violations_of

__all__ = ["close_study_plan", "define_study_plan", "publish_study_plan"]

_DRAFT = StudyPlanState.STUDY_PLAN_STATE_DRAFT
_PUBLISHED = StudyPlanState.STUDY_PLAN_STATE_PUBLISHED
_CLOSED = StudyPlanState.STUDY_PLAN_STATE_CLOSED


def define_study_plan(conn: Connection, wanted: StudyPlan, etag: str, call: Call) -> StudyPlan:
    """Enter a plan, or make it what it is to be. Raises StaleEtag, StudyPlanWrongState, NotFound,
    OrganizationDissolved, InvalidRequest or PersonInText.
    """
    hold_line(conn, wanted.district)
    before = store.lock_plan(conn, wanted.id)
    require_fresh(wanted.name, "" if before is None else before.etag, etag)
    if before is not None and before.state != _DRAFT:
        raise StudyPlanWrongState(before.name, before.state_name)
    if codes.office_of(wanted.organization) != wanted.office:
        raise InvalidRequest(
            FieldViolation("study_plan.organization", "is of another place or department than the plan")
        )
    if wrong := [FieldViolation(f"study_plan.{field}", what) for field, what in violations_of(wanted)]:
        raise InvalidRequest(*wrong)
    require_nobody(partial(known_cells, conn), **{"study_plan.display_name": wanted.display_name})
    require_existing(conn, wanted.organization)
    if before is None:
        if not store.save_plan(conn, wanted):
            raise Conflict
        return wanted
    after = replace(wanted, version=before.version, create_time=before.create_time, update_time=before.update_time)
    return before if after == before else _saved(conn, after.changed(call.now))


def publish_study_plan(conn: Connection, id_: str, etag: str, call: Call) -> StudyPlan:
    """Have a plan ask something of members. Raises NotFound, StaleEtag, StudyPlanWrongState, StudyPlanOver,
    OrganizationDissolved or SubjectUnknown.
    """
    hold_line(conn, codes.district_of(id_))
    before = _locked(conn, id_, etag)
    if before.state == _PUBLISHED:
        return before
    if before.state != _DRAFT:
        raise StudyPlanWrongState(before.name, before.state_name)
    if before.end_time <= call.now:
        raise StudyPlanOver(before.name)
    require_existing(conn, before.organization)
    subjects = {each.subject for each in before.requirements if each.subject}
    if unknown := missing(conn, before.district, subjects, line_of(conn, before.organization)):
        raise SubjectUnknown(unknown)
    published = _saved(conn, before.changed(call.now, state=_PUBLISHED, publish_time=call.now))
    await_reminders(conn, published, call.now)
    return published


def close_study_plan(conn: Connection, id_: str, etag: str, call: Call) -> StudyPlan:
    """Have a plan stay as it is now. Raises NotFound, StaleEtag or StudyPlanWrongState."""
    before = _locked(conn, id_, etag)
    if before.state == _CLOSED:
        return before
    if before.state != _PUBLISHED:
        raise StudyPlanWrongState(before.name, before.state_name)
    stop_reminders(conn, before)
    return _saved(conn, before.changed(call.now, state=_CLOSED, close_time=call.now))


def _locked(conn: Connection, id_: str, etag: str) -> StudyPlan:
    found = store.lock_plan(conn, id_)
    if found is None:
        raise NotFound(STUDY_PLAN.name(id_))
    require_fresh(found.name, found.etag, etag)
    return found


def _saved(conn: Connection, plan: StudyPlan) -> StudyPlan:
    store.save_plan(conn, plan)
    return plan
