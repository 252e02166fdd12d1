"""Where a person belongs, and when: derived from what identity announced of the account and its grants.

A pure function of everything that is known, so that neither the order nor the repetition of events matters: an event
that comes late corrects the past.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Protocol, TypeVar

from onegrid.common.v1.common_pb2 import AccountKind, OaLevel
from onegrid_kit import codes

__all__ = ["FOREVER", "Grant", "Membership", "Version", "memberships", "periods"]

_AT_HOME: Final = ""
"""The role of a membership that no role gives: being at home."""
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""The end of what lasts; a moment that every driver and time zone can express."""


class Versioned(Protocol):
    """What was so from one moment on, until a higher version was."""

    @property
    def version(self) -> int:
        """Grows with every change."""

    @property
    def time(self) -> datetime:
        """Since when it was so."""


V = TypeVar("V", bound=Versioned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An account as one of its versions announced it."""

    version: int
    time: datetime
    """Since when it was so."""
    kind: AccountKind
    district: str
    home: str
    """The code of the place; empty if the user did not say."""
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role over a place or department."""

    id: str
    role: str
    """``roles/{role}``."""
    scope: str
    oa_level: OaLevel
    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Belonging to a place or department, from one moment until before another."""

    code: str
    role: str
    """``roles/{role}``, or _AT_HOME."""
    kind: AccountKind
    oa_level: OaLevel
    begin: datetime
    end: datetime


def memberships(versions: Iterable[Version], grants: Iterable[Grant]) -> frozenset[Membership]:
    """All memberships that a person ever had. Those of one code and role never overlap.

    At any moment the highest version counts that had been made by then. An account that was not active, or not made
    yet, belongs nowhere; one without a home is at home in its district. Of several grants of one role over one scope,
    the newest says the level.
    """
    active = [(each, begin, end) for each, begin, end in periods(versions) if each.active]
    by_place: dict[tuple[str, str], list[Grant]] = {}
    for grant in grants:
        if grant.scope != codes.SELF and grant.begin < grant.end:
            by_place.setdefault((grant.scope, grant.role), []).append(grant)
    at_home = [_membership(v.home or v.district, _AT_HOME, v, begin, end) for v, begin, end in active]
    by_role = [
        _membership(code, role, version, max(begin, since), min(end, until), level)
        for (code, role), same in by_place.items()
        for level, since, until in _levels(same)
        for version, begin, end in active
        if max(begin, since) < min(end, until)
    ]
    return frozenset(_joined([*at_home, *by_role]))


def periods(versions: Iterable[V]) -> Iterator[tuple[V, datetime, datetime]]:
    """From when until when each version counts; clocks of several replicas may disagree with the order of versions."""
    end = FOREVER
    for each in sorted(versions, key=lambda version: version.version, reverse=True):
        if each.time < end:
            yield each, each.time, end
            end = each.time


def _levels(same: list[Grant]) -> Iterator[tuple[OaLevel, datetime, datetime]]:
    """The level that grants of one role over one scope give, between the moments at which one begins or ends."""
    moments = sorted({moment for grant in same for moment in (grant.begin, grant.end)})
    for begin, end in pairwise(moments):
        lasting = [grant for grant in same if grant.begin <= begin < grant.end]
        if lasting:
            yield max(lasting, key=lambda grant: grant.id).oa_level, begin, end


def _membership(
    code: str,
    role: str,
    version: Version,
    begin: datetime,
    end: datetime,
    level: OaLevel = OaLevel.OA_LEVEL_UNSPECIFIED,
) -> Membership:
    return Membership(code=code, role=role, kind=version.kind, oa_level=level, begin=begin, end=end)


def _joined(parts: list[Membership]) -> Iterator[Membership]:
    """The memberships with those made one that only a version without other content, or a repeated grant, divides."""
    last: Membership | None = None
    for part in sorted(parts, key=lambda each: (each.code, each.role, each.begin)):
        if last is not None and _continues(last, part):
            last = replace(last, end=part.end)
        else:
            if last is not None:
                yield last
            last = part
    if last is not None:
        yield last


def _continues(before: Membership, after: Membership) -> bool:
    return after == replace(before, begin=after.begin, end=after.end) and after.begin == before.end
