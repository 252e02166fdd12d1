"""Certificates (结业证书): what earns one, what it certifies, and where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from onegrid.partyedu.v1.certificates_pb2 import CertificateState
from onegrid.partyedu.v1.completions_pb2 import CompletionKind
from onegrid_kit import codes
from onegrid_kit.lifecycle import short_name
from onegrid_kit.names import ResourceName
from onegrid_partyedu.calendar_years import day_after_months
from onegrid_partyedu.completion import Completion

__all__ = [
    "CERTIFICATE",
    "CODE_PURPOSE",
    "FACTS_PURPOSE",
    "SCHEME",
    "Certificate",
    "CertificateScheme",
    "Facts",
    "Item",
    "earned",
    "missing",
]

SCHEME: Final = ResourceName("certificateSchemes/{scheme}")
CERTIFICATE: Final = ResourceName("certificates/{certificate}")
FACTS_PURPOSE: Final = "partyedu.certificate.facts"
CODE_PURPOSE: Final = "partyedu.certificate.code"

_VALID: Final = CertificateState.CERTIFICATE_STATE_VALID
_EXPIRED: Final = CertificateState.CERTIFICATE_STATE_EXPIRED
_SUPERSEDED: Final = CertificateState.CERTIFICATE_STATE_SUPERSEDED
_REVOKED: Final = CertificateState.CERTIFICATE_STATE_REVOKED


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateScheme:
    """What must be completed for a certificate, and what it says."""

    id: str
    version: int = 1
    title: str
    statement: str
    issuer: str
    """The id of the issuing organization."""
    required: tuple[str, ...]
    """The names of what must be completed."""
    yearly: bool
    validity_months: int
    """0: without an end."""
    retire_time: datetime | None = None
    create_time: datetime
    update_time: datetime

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``certificateSchemes/{scheme}``."""
        return SCHEME.name(self.id)

    @property
    def etag(self) -> str:
        """Changes with every change."""
        return str(self.version)

    def counts_until(self, complete_time: datetime) -> datetime | None:
        """From when on what was completed then does not count any more; None: it always does."""
        return day_after_months(complete_time, self.validity_months) if self.validity_months else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something that was completed, as certified."""

    subject: str
    kind: CompletionKind
    minutes: int
    percent: int | None
    complete_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a certificate certifies."""

    person_name: str
    title: str
    statement: str
    issuer: str
    """The id of the issuing organization."""
    issuer_name: str
    items: tuple[Item, ...]

    @property
    def minutes(self) -> int:
        """For how long was studied."""
        return sum(item.minutes for item in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A member's certificate; what it certifies is sealed."""

    id: str
    member: str
    """The member's id."""
    scheme: str
    """The scheme's id."""
    year: int
    """0: it is for none."""
    sealed_facts: bytes
    sealed_code: bytes
    code_index: bytes
    """Finds it by its code."""
    stored_state: CertificateState = _VALID
    """Where it stands, but for that it may have expired."""
    superseded_by: str = ""
    """The id of the one that took its place; empty: none."""
    issue_time: datetime
    expire_time: datetime | None
    end_time: datetime | None = None
    revoke_reason: str = ""

    @property
    def district(self) -> str:
        """The district that keeps it."""
        return codes.district_of(self.id)

    @property
    def name(self) -> str:
        """``certificates/{certificate}``."""
        return CERTIFICATE.name(self.id)

    def state(self, now: datetime) -> CertificateState:
        """Where it stands."""
        over = self.expire_time is not None and self.expire_time <= now
        return _EXPIRED if over and self.stored_state == _VALID else self.stored_state

    def state_name(self, now: datetime) -> str:
        """``VALID``."""
        return short_name(CertificateState, self.state(now))

    def superseded(self, by: str, now: datetime) -> Certificate:
        """The certificate once another one has taken its place."""
        return replace(self, stored_state=_SUPERSEDED, superseded_by=by, end_time=now)

    def revoked(self, reason: str, now: datetime) -> Certificate:
        """The certificate once it is revoked."""
        return replace(self, stored_state=_REVOKED, revoke_reason=reason, end_time=now)


def earned(
    scheme: CertificateScheme, completions: Iterable[Completion], year: int, now: datetime
) -> tuple[tuple[Item, ...], datetime | None]:
    """What of this the certificate certifies, in the scheme's order, and from when on it is not valid any more; None:
    it has no end. What is missing is left out.

    What was completed in several years counts as it was first, so that a certificate stays as it is, or as it was last
    where certificates have an end.
    """
    by_subject: dict[str, Completion] = {}
    for each in sorted(completions, key=lambda each: each.complete_time, reverse=not scheme.validity_months):
        until = scheme.counts_until(each.complete_time)
        if (not scheme.yearly or each.year == year) and (until is None or now < until):
            by_subject[each.subject] = each
    found = [by_subject[subject] for subject in scheme.required if subject in by_subject]
    last = max((each.complete_time for each in found), default=now)
    return tuple(map(_item, found)), scheme.counts_until(last)


def missing(scheme: CertificateScheme, items: Collection[Item]) -> list[str]:
    """What the scheme requires beside these."""
    there = {item.subject for item in items}
    return [subject for subject in scheme.required if subject not in there]


def _item(of: Completion) -> Item:
    return Item(
        subject=of.subject, kind=of.kind, minutes=of.minutes, percent=of.percent, complete_time=of.complete_time
    )
