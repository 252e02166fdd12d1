"""What Party organizations say in columns of their own (党的声音), and to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from onegrid.notify.v1.resources_pb2 import PartyVoice
from onegrid_kit import codes
from onegrid_kit.errors import FieldViolation, InvalidRequest
from onegrid_notify.article import Article, Draft
from onegrid_notify.audience import Audience, PartySelector, Selector
from onegrid_notify.columns import Column
from onegrid_notify.party import office_of

__all__ = ["fitted", "places_to_publish"]


def fitted(draft: Draft, column: Column, owner: str, field: str) -> Draft:
    """An owner's draft as it can stand in the column: in one for members alone it is for members alone.

    Raises InvalidRequest, of that field, if it names an organization elsewhere than in the Party's voice, none there,
    or one of another owner.
    """
    if bool(column.party_voice) != bool(draft.organization):
        what = "an organization speaks in" if column.party_voice else "no organization speaks in"
        raise InvalidRequest(FieldViolation(field, f"{what} {column.name}"))
    if draft.organization and office_of(draft.organization) != owner:
        raise InvalidRequest(FieldViolation(field, f"{draft.organization} is not of {owner}"))
    if column.party_voice != PartyVoice.PARTY_VOICE_MEMBERS:
        return draft
    own = PartySelector(organizations=(draft.organization,))
    if draft.audience is None:
        anywhere = Selector(places=(codes.district_of(owner),), party=own)
        return replace(draft, audience=Audience((anywhere,)))
    to_members = tuple(each if each.party is not None else replace(each, party=own) for each in draft.audience.any_of)
    return replace(draft, audience=Audience(to_members))


def places_to_publish(article: Article) -> Iterator[str]:
    """The codes over which somebody must be allowed to publish, beside its owner's, as it is for people there: those of
    its audience. An organization's members are where they live; who addresses them needs another permission.
    """
    if article.draft.audience is None:
        yield article.district
        return
    for each in article.draft.audience.any_of:
        if not (article.draft.organization and each.party is not None and each.party.organizations):
            yield from each.places
