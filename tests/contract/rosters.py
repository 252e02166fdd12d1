"""What the tests of all contracts do with duty's."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from onegrid.duty.v1 import duty_service_pb2 as pb
from onegrid.duty.v1.resources_pb2 import DailyWindow, LengthUnit, Roster, RosterKind, Rotation, Rung, Shift
from onegrid_kit.testing.waiting import eventually

from .acting import DISTRICT
from .calling import District

__all__ = ["CHANGES", "PREPARE", "defined", "elsewhere", "lists"]

_ROSTER = f"rosters/{DISTRICT}-centre"


def defined(district: District, name: str = _ROSTER, **more: Any) -> Roster:
    """A roster of the commander and the centre's clerk."""
    return district.do(_definition(district, name, **more), "admin", pb.DefineRosterResponse).roster


def _definition(district: District, name: str, **more: Any) -> pb.DefineRosterRequest:
    people = [district.accounts[login]["user"] for login in ("commander", "centre")]
    turns = Rotation(
        users=people, first_date="2020-11-01", handoff_time="08:00", unit=LengthUnit.LENGTH_UNIT_DAY, length=1
    )
    return pb.DefineRosterRequest(
        name=name, kind=RosterKind.ROSTER_KIND_COMMAND_CENTRE, display_name="值班", rotations=[turns], **more
    )


def _override(district: District, roster: str) -> pb.CreateOverrideRequest:
    begin = Timestamp(seconds=4_000_000_000)
    user = district.accounts["centre"]["user"]
    return pb.CreateOverrideRequest(
        roster=roster, begin_time=begin, end_time=Timestamp(seconds=begin.seconds + 3600), user=user, reason="替班"
    )


def _overridden(district: District, roster: str = _ROSTER) -> str:
    return district.do(_override(district, roster), "admin", pb.CreateOverrideResponse).override.name


def _shift_of(district: District, roster: str, login: str) -> str:
    """A shift to come of somebody's."""
    request = pb.ListShiftsRequest(roster=roster, page_size=10)
    listed = district.do(request, "admin", pb.ListShiftsResponse).shifts
    return next(each.name for each in listed[1:] if each.user == district.accounts[login]["user"])


def _proposal(district: District, roster: str = _ROSTER) -> pb.ProposeSwapRequest:
    shift = _shift_of(district, roster, "commander")
    return pb.ProposeSwapRequest(shift=shift, partner=district.accounts["centre"]["user"], note="家中有事")


def _proposed(district: District, roster: str = _ROSTER) -> str:
    return district.do(_proposal(district, roster), "commander", pb.ProposeSwapResponse).swap.name


def _escalating(district: District, roster: str) -> str:
    """A roster that pages whoever is on duty, and then the commander."""
    rungs = [Rung(target=target, wait_minutes=1440) for target in (1, 3)]
    boss = district.accounts["commander"]["user"]
    return defined(district, roster, escalation=rungs, supervisors=[boss]).name


def _current(district: District, roster: str) -> Shift:
    return district.do(pb.GetOnDutyRequest(roster=roster), "admin", pb.GetOnDutyResponse).shift


def _login(district: District, user: str) -> str:
    return next(login for login in ("commander", "centre") if district.accounts[login]["user"] == user)


def _paged(district: District, roster: str) -> str:
    """A page that has reached whoever is on duty."""
    request = pb.PageOnDutyRequest(roster=roster, title="堤坝渗水")
    page = district.do(request, "admin", pb.PageOnDutyResponse).page.name

    def reached() -> bool:
        listed = district.do(pb.ListPagesRequest(roster=roster), "admin", pb.ListPagesResponse).pages
        return next(bool(each.paged) for each in listed if each.name == page)

    eventually(reached)
    return page


def _handed_over(district: District, roster: str) -> str:
    """The handover of the current shift."""
    shift = _current(district, roster)
    request = pb.WriteHandoverRequest(shift=shift.name, text="一切正常")
    district.attempt(request, _login(district, shift.user))
    return shift.name.replace("shifts/", "handovers/")


def elsewhere(district: District, place: str, *, there: bool) -> Iterator[Message]:
    """A request of every method that needs a permission, about something in the place, which exists or not."""
    roster = f"rosters/{place}-{'there' if there else 'nowhere'}"
    if there:
        _escalating(district, roster)
    yield _definition(district, roster)
    yield pb.RetireRosterRequest(name=roster)
    yield pb.GetRosterRequest(name=roster)
    yield pb.ListRostersRequest(scope=place)
    yield pb.ListShiftsRequest(roster=roster)
    yield pb.GetOnDutyRequest(roster=roster)
    yield pb.ListGapsRequest(roster=roster)
    yield pb.ListSwapsRequest(roster=roster)
    swap = _proposed(district, roster) if there else f"swaps/{place}-nowhere-{'0' * 20}"
    yield pb.ProposeSwapRequest(
        shift=_shift_of(district, roster, "commander") if there else f"shifts/{place}-nowhere-{'0' * 20}",
        partner=district.accounts["centre"]["user"],
    )
    nothing = f"{place}-nowhere-{'0' * 20}"
    shift = _current(district, roster).name if there else f"shifts/{nothing}"
    yield pb.ListPagesRequest(roster=roster)
    yield pb.PageOnDutyRequest(roster=roster, title="堤坝渗水")
    yield pb.AcknowledgePageRequest(name=_paged(district, roster) if there else f"pages/{nothing}")
    yield pb.ListHandoversRequest(roster=roster)
    yield pb.WriteHandoverRequest(shift=shift, text="一切正常")
    handover = _handed_over(district, roster) if there else f"handovers/{nothing}"
    yield pb.AcknowledgeHandoverRequest(name=handover)
    yield pb.AcceptSwapRequest(name=swap)
    yield pb.DeclineSwapRequest(name=swap)
    yield pb.WithdrawSwapRequest(name=swap)
    yield pb.ListOverridesRequest(roster=roster)
    override = _overridden(district, roster) if there else f"overrides/{place}-nowhere-{'0' * 20}"
    yield _override(district, roster)
    yield pb.DeleteOverrideRequest(name=override)
    yield pb.CreateRosterCalendarLinkRequest(roster=roster)


def lists(district: District) -> Mapping[str, tuple[Message, Message]]:
    """For each list a query of several pages, and another query of the same method."""
    rosters = [defined(district, f"{_ROSTER}{number}").name for number in range(4)]
    for name in (*rosters[:1] * 4, rosters[1]):
        _overridden(district, name)
    for name in (*rosters[:1] * 4, rosters[1]):
        _proposed(district, name)
    begins, ends = Timestamp(seconds=1_577_836_800), Timestamp(seconds=1_577_836_800 + 40 * 86_400)
    nightly = [
        defined(district, f"{_ROSTER}{number}", coverage=DailyWindow(begin_time="20:00", end_time="22:00")).name
        for number in (2, 3)
    ]
    paging = [_escalating(district, f"{_ROSTER}{number}") for number in (4, 5)]
    for name in (*paging[:1] * 4, paging[1]):
        district.do(pb.PageOnDutyRequest(roster=name, title="堤坝渗水"), "admin", pb.PageOnDutyResponse)
    books = [f"{_ROSTER}{number}" for number in (7, 8)]
    for number, name in enumerate((*books[:1] * 4, books[1])):
        # The current shift ends whenever somebody else is to be on duty now.
        definition = _definition(district, name)
        for _ in range(number % 2):
            definition.rotations[0].users.append(definition.rotations[0].users.pop(0))
        district.do(definition, "admin", pb.DefineRosterResponse)
        _handed_over(district, name)
    return {
        "ListHandovers": tuple(pb.ListHandoversRequest(roster=name) for name in books),  # type: ignore[dict-item]
        "ListPages": tuple(pb.ListPagesRequest(roster=name) for name in paging),  # type: ignore[dict-item]
        "ListOverrides": tuple(pb.ListOverridesRequest(roster=name) for name in rosters[:2]),  # type: ignore[dict-item]
        "ListSwaps": tuple(pb.ListSwapsRequest(roster=name) for name in rosters[:2]),  # type: ignore[dict-item]
        "ListGaps": tuple(  # type: ignore[dict-item]
            pb.ListGapsRequest(roster=name, begin_time=begins, end_time=ends) for name in nightly
        ),
        "ListRosters": (pb.ListRostersRequest(scope=DISTRICT), pb.ListRostersRequest(scope=f"{DISTRICT}D08")),
        "ListShifts": tuple(pb.ListShiftsRequest(roster=name) for name in rosters[:2]),  # type: ignore[dict-item]
    }


def _defined_again(district: District) -> tuple[str, Message]:
    return "admin", _definition(district, _ROSTER, etag=defined(district).etag)


def _retired(district: District) -> tuple[str, Message]:
    return "admin", pb.RetireRosterRequest(name=_ROSTER, etag=defined(district).etag)


def _overriding(district: District) -> tuple[str, Message]:
    return "admin", _override(district, defined(district).name)


def _deleted(district: District) -> tuple[str, Message]:
    return "admin", pb.DeleteOverrideRequest(name=_overridden(district, defined(district).name))


def _answering(district: District) -> tuple[str, Message]:
    roster = _escalating(district, f"{_ROSTER}6")
    on_duty = _login(district, _current(district, roster).user)
    return on_duty, pb.AcknowledgePageRequest(name=_paged(district, roster))


def _fresh(district: District) -> str:
    """A roster of its own, whose shifts nobody has handed over."""
    return defined(district, f"{_ROSTER}-{secrets.token_hex(4)}").name


def _handing_over(district: District) -> tuple[str, Message]:
    shift = _current(district, _fresh(district))
    return _login(district, shift.user), pb.WriteHandoverRequest(shift=shift.name, text="一切正常")


def _taking_over(district: District) -> tuple[str, Message]:
    roster = _fresh(district)
    handover = _handed_over(district, roster)
    coming = district.do(pb.GetOnDutyRequest(roster=roster), "admin", pb.GetOnDutyResponse).next
    return _login(district, coming.user), pb.AcknowledgeHandoverRequest(name=handover)


def _link(district: District) -> str:
    """The link of the commander's own calendar."""
    return district.do(pb.CreateCalendarLinkRequest(), "commander", pb.CreateCalendarLinkResponse).link.name


def _new_swap(district: District) -> str:
    return _proposed(district, defined(district).name)


PREPARE: Mapping[str, Callable[[District], tuple[str, Message]]] = {
    "DefineRoster": _defined_again,
    "RetireRoster": _retired,
    "CreateOverride": _overriding,
    "DeleteOverride": _deleted,
    "PageOnDuty": lambda d: ("admin", pb.PageOnDutyRequest(roster=_escalating(d, f"{_ROSTER}6"), title="堤坝渗水")),
    "AcknowledgePage": _answering,
    "WriteHandover": _handing_over,
    "AcknowledgeHandover": _taking_over,
    "ProposeSwap": lambda d: ("commander", _proposal(d, defined(d).name)),
    "AcceptSwap": lambda d: ("centre", pb.AcceptSwapRequest(name=_new_swap(d))),
    "DeclineSwap": lambda d: ("centre", pb.DeclineSwapRequest(name=_new_swap(d))),
    "WithdrawSwap": lambda d: ("commander", pb.WithdrawSwapRequest(name=_new_swap(d))),
    "CreateCalendarLink": lambda _: ("commander", pb.CreateCalendarLinkRequest(reminder_minutes=30)),
    "CreateRosterCalendarLink": lambda d: ("admin", pb.CreateRosterCalendarLinkRequest(roster=defined(d).name)),
    "RevokeCalendarLink": lambda d: ("commander", pb.RevokeCalendarLinkRequest(name=_link(d))),
}
"""For each command who calls it with what."""
CHANGES: Mapping[str, Callable[[Any], None]] = {
    "CreateOverride": lambda request: setattr(request, "reason", "别的"),
    "DeleteOverride": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "PageOnDuty": lambda request: setattr(request, "title", "别的"),
    "AcknowledgePage": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "WriteHandover": lambda request: setattr(request, "text", "别的"),
    "AcknowledgeHandover": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "ProposeSwap": lambda request: setattr(request, "note", "别的"),
    "AcceptSwap": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "DeclineSwap": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "WithdrawSwap": lambda request: setattr(request, "name", request.name[:-8] + "00000000"),
    "CreateCalendarLink": lambda request: setattr(request, "reminder_minutes", 60),
    "CreateRosterCalendarLink": lambda request: setattr(request, "roster", f"{request.roster}1"),
    "RevokeCalendarLink": lambda request: setattr(request, "name", f"{request.name}-{DISTRICT}-centre"),
}
"""Something of each request that can be other without breaking its rules, where it is no display name or etag."""
