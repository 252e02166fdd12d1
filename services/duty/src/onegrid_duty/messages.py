"""Between the contract's messages and duty's records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time, timedelta

from onegrid.duty.v1 import events_pb2, resources_pb2
from onegrid_duty.calendars import Link
from onegrid_duty.elevation import Elevation
from onegrid_duty.errors import ScheduleInvalid
from onegrid_duty.escalation import Handover, Page
from onegrid_duty.gaps import Gap
from onegrid_duty.roster import OVERRIDE, ROSTER, SHIFT, Override, Roster, Rung, parse_date
from onegrid_duty.schedule import Rotation, Window
from onegrid_duty.shifts import Shift
from onegrid_duty.swap import SWAP, Side, Swap
from onegrid_kit.errors import FieldViolation
from onegrid_kit.timestamps import timestamp

__all__ = [
    "authority",
    "calendar_link",
    "gap",
    "handover",
    "override",
    "page",
    "parse_rotations",
    "parse_rungs",
    "parse_window",
    "roster",
    "roster_defined",
    "shift",
    "shift_elevated",
    "shift_scheduled",
    "swap",
]


def roster(of: Roster) -> resources_pb2.Roster:
    """The roster as a message."""
    return resources_pb2.Roster(
        name=of.name,
        scope=of.scope,
        kind=of.kind,
        display_name=of.display_name,
        time_zone=of.time_zone,
        role=of.role,
        rotations=map(_rotation, of.rotations),
        coverage=_window(of.coverage),
        supervisors=of.supervisors,
        escalation=[
            resources_pb2.Rung(target=rung.target, wait_minutes=rung.wait // timedelta(minutes=1))
            for rung in of.escalation
        ],
        retired=of.retired,
        definer=of.definer,
        scheduled_until=timestamp(of.scheduled_until),
        etag=str(of.version),
        create_time=timestamp(of.create_time),
        update_time=timestamp(of.update_time),
    )


def roster_defined(of: Roster) -> events_pb2.RosterDefined:
    """The roster as others hear of it."""
    return events_pb2.RosterDefined(roster=roster(of), version=of.version)


def shift(of: Shift) -> resources_pb2.Shift:
    """The shift as a message."""
    return resources_pb2.Shift(
        name=of.name,
        roster=ROSTER.name(of.roster),
        user=of.user,
        begin_time=timestamp(of.begin),
        end_time=timestamp(of.end),
        source=of.source,
        revision=of.revision,
        role_state=of.role_state,
    )


def override(of: Override) -> resources_pb2.Override:
    """The override as a message."""
    made = resources_pb2.Override(
        name=OVERRIDE.name(of.id),
        roster=ROSTER.name(of.roster),
        begin_time=timestamp(of.begin),
        end_time=timestamp(of.end),
        reason=of.reason,
        author=of.author,
        swap=SWAP.name(of.swap) if of.swap else "",
        create_time=timestamp(of.create_time),
    )
    if of.user:
        made.user = of.user
    else:
        made.schedule.rotations.extend(map(_rotation, of.rotations))
    return made


def swap(of: Swap) -> resources_pb2.Swap:
    """The swap as a message."""
    return resources_pb2.Swap(
        name=of.name,
        roster=ROSTER.name(of.roster),
        shift=_side(of.given, of.roster),
        partner=of.partner,
        partner_shift=_side(of.taken, of.roster) if of.taken else None,
        state=of.state,
        note=of.note,
        create_time=timestamp(of.create_time),
        decide_time=timestamp(of.decide_time),
    )


def calendar_link(of: Link, secret: str) -> resources_pb2.CalendarLink:
    """The link, with its secret, as a message."""
    path = f"/v1/calendars/{secret}.ics"
    return resources_pb2.CalendarLink(name=of.name, path=path, expire_time=timestamp(of.expire_time))


def page(of: Page) -> resources_pb2.Page:
    """The page as a message."""
    return resources_pb2.Page(
        name=of.name,
        roster=ROSTER.name(of.roster),
        title=of.title,
        author=of.author,
        paged=of.paged,
        acknowledger=of.acknowledger,
        create_time=timestamp(of.create_time),
        acknowledge_time=timestamp(of.acknowledge_time),
        end_time=timestamp(of.end_time),
        alarm=of.cause.alarm,
        alarm_raise_time=timestamp(of.cause.alarm_raise_time),
    )


def handover(of: Handover, *, text: bool = True) -> resources_pb2.Handover:
    """The entry as a message, with its text or without."""
    return resources_pb2.Handover(
        name=of.name,
        roster=ROSTER.name(of.roster),
        author=of.author,
        text=of.text if text else "",
        following_shift=SHIFT.name(of.following_shift),
        acknowledger=of.acknowledger,
        create_time=timestamp(of.create_time),
        acknowledge_time=timestamp(of.acknowledge_time),
    )


def gap(of: Gap, roster_name: str) -> resources_pb2.Gap:
    """The gap as a message."""
    return resources_pb2.Gap(
        roster=roster_name,
        begin_time=timestamp(of.begin),
        end_time=timestamp(of.end),
        reason=of.reason,
        user=of.user,
    )


def authority(of: Shift, scope: str) -> events_pb2.ShiftAuthority | None:
    """What the shift grants; None: nothing."""
    return events_pb2.ShiftAuthority(role=of.role, scope=scope, definer=of.guarantor) if of.role else None


def shift_scheduled(of: Shift, scope: str) -> events_pb2.ShiftScheduled:
    """That the shift is fixed as it is."""
    return events_pb2.ShiftScheduled(shift=shift(of), authority=authority(of, scope))


def shift_elevated(of: Shift, elevation: Elevation, *, adds: bool) -> events_pb2.ShiftElevated:
    """What a plan adds to a shift; with `adds` false nothing, or nothing any more."""
    authority = events_pb2.ShiftAuthority(
        role=elevation.role if adds else "", scope=elevation.scope, definer=elevation.guarantor
    )
    return events_pb2.ShiftElevated(
        elevation=elevation.name,
        shift=shift(of),
        authority=authority,
        begin_time=timestamp(max(of.begin, elevation.begin)),
        end_time=timestamp(min(of.end, elevation.end)),
        revision=elevation.revision_for(of),
    )


def parse_rotations(of: Iterable[resources_pb2.Rotation], roster_name: str, field: str) -> tuple[Rotation, ...]:
    """The rotations of a request. Raises ScheduleInvalid for dates that do not exist."""
    return tuple(_parse_rotation(each, roster_name, f"{field}[{number}]") for number, each in enumerate(of))


def parse_window(of: resources_pb2.DailyWindow) -> Window:
    """The wall times of a request."""
    return Window(time.fromisoformat(of.begin_time), time.fromisoformat(of.end_time))


def parse_rungs(of: Iterable[resources_pb2.Rung]) -> tuple[Rung, ...]:
    """The escalation of a request."""
    return tuple(Rung(each.target, timedelta(minutes=each.wait_minutes)) for each in of)


def _side(of: Side, roster_id: str) -> resources_pb2.Shift:
    return resources_pb2.Shift(
        name=SHIFT.name(of.shift),
        roster=ROSTER.name(roster_id),
        user=of.user,
        begin_time=timestamp(of.period.begin),
        end_time=timestamp(of.period.end),
    )


def _parse_rotation(of: resources_pb2.Rotation, roster_name: str, path: str) -> Rotation:
    first_date, end_date = parse_date(of.first_date), parse_date(of.end_date) if of.end_date else None
    faults = []
    if first_date is None:
        faults.append(FieldViolation(f"{path}.first_date", "is no date between 2000 and 2100"))
    if of.end_date and end_date is None:
        faults.append(FieldViolation(f"{path}.end_date", "is no date between 2000 and 2100"))
    if first_date is None or faults:
        raise ScheduleInvalid(roster_name, *faults)
    return Rotation(
        users=tuple(of.users),
        first_date=first_date,
        handoff=time.fromisoformat(of.handoff_time),
        unit=of.unit,
        length=of.length,
        end_date=end_date,
        window=parse_window(of.window) if of.HasField("window") else None,
    )


def _rotation(of: Rotation) -> resources_pb2.Rotation:
    return resources_pb2.Rotation(
        users=of.users,
        first_date=of.first_date.isoformat(),
        handoff_time=of.handoff.isoformat("minutes"),
        unit=of.unit,
        length=of.length,
        end_date=of.end_date.isoformat() if of.end_date else "",
        window=_window(of.window),
    )


def _window(of: Window | None) -> resources_pb2.DailyWindow | None:
    if of is None:
        return None
    return resources_pb2.DailyWindow(begin_time=of.begin.isoformat("minutes"), end_time=of.end.isoformat("minutes"))
