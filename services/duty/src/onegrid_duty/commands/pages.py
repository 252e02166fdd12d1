"""Pages: raised, climbed, acknowledged."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from onegrid.duty.v1.events_pb2 import PageEnded, PageTaken, RungReached
from onegrid_duty import messages
from onegrid_duty.errors import EscalationMissing
from onegrid_duty.escalation import PAGE, SOMEBODY, Cause, Page, asked
from onegrid_duty.store import escalation as store
from onegrid_duty.timetable import on_duty_of, require_roster
from onegrid_kit import ids, ladder, outbox
from onegrid_kit.callers import ANONYMOUS, Call
from onegrid_kit.errors import PermissionDenied
from onegrid_kit.ladder import Climb, Next

__all__ = ["LADDER", "acknowledge", "climb", "end_page", "page_on_duty"]

LADDER: Final = "duty page"
"""What the ladder of pages is called."""


def page_on_duty(conn: Connection, roster_id: str, title: str, call: Call, cause: Cause = SOMEBODY) -> Page:
    """Call for whoever is on duty; for a cause that has ended, nobody. Raises NotFound or EscalationMissing."""
    roster = require_roster(conn, roster_id)
    if roster.retired or not roster.escalation:
        raise EscalationMissing(roster.name)
    new = replace(
        _new_page(roster.id, title, call, cause),
        escalation=roster.escalation,
        supervisors=roster.supervisors,
    )
    if not store.insert_page(conn, new):
        return store.lock_page_of(conn, cause, roster.id)
    ladder.start(conn, LADDER, new.name, call.now)
    return new


def end_page(conn: Connection, roster_id: str, title: str, call: Call, cause: Cause) -> None:
    """Call for nobody any more because of this, also if its beginning is yet to be heard of."""
    if store.insert_page(conn, replace(_new_page(roster_id, title, call, cause), end_time=call.now)):
        return
    page = store.lock_page_of(conn, cause, roster_id)
    if not page.open:
        return
    ended = replace(page, end_time=call.now)
    store.save_page(conn, ended)
    ladder.stop(conn, LADDER, page.name)
    roster = require_roster(conn, roster_id)
    event = PageEnded(page=messages.page(ended), roster_display_name=roster.display_name)
    outbox.append(conn, call, [(page.name, event)])


def climb(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    """Page those whom a rung asks."""
    page = store.lock_page(conn, PAGE.id(climb.subject))
    if page is None or not page.open:
        return None
    roster = require_roster(conn, page.roster)
    users = asked(page, climb.rung, roster, *on_duty_of(conn, roster, now))
    if users:
        page = page.reaching(users)
        store.save_page(conn, page)
        call = Call(caller=ANONYMOUS, now=now, method=LADDER, traceparent=climb.traceparent)
        event = RungReached(
            page=messages.page(page), rung=climb.rung, users=users, roster_display_name=roster.display_name
        )
        outbox.append(conn, call, [(page.name, event)])
    if climb.rung == len(page.escalation):
        return None
    return Next(now + page.escalation[climb.rung - 1].wait if users else now)


def acknowledge(conn: Connection, page_id: str, call: Call) -> Page:
    """Take a page. Raises PermissionDenied."""
    page = store.lock_page(conn, page_id)
    if page is None or call.caller.user not in page.paged:
        raise PermissionDenied(call.permission)
    if not page.open:
        return page
    after = replace(page, acknowledger=call.caller.user, acknowledge_time=call.now)
    store.save_page(conn, after)
    ladder.stop(conn, LADDER, page.name)
    outbox.append(conn, call, [(after.name, PageTaken(page=messages.page(after)))])
    return after


def _new_page(roster_id: str, title: str, call: Call, cause: Cause) -> Page:
    return Page(
        id=f"{roster_id}-{ids.new_id()}",
        roster=roster_id,
        title=title,
        author=call.caller.user,
        escalation=(),
        supervisors=(),
        create_time=call.now,
        cause=cause,
    )
