"""What messages make of one another: a function of the set of them, so that no order of arrival matters.

A message joins a warning by what it refers to. A warning begins with an Alert; Updates and Cancels of the same
sender, status and scope that refer to a message of it, directly or through others, belong to it. The last one that was
sent says how it stands. What refers to nothing that is here is held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from onegrid.emergency.v1.warnings_pb2 import CapMessageType, CapScope, CapStatus
from onegrid_emergency.cap.message import Alert, Key

__all__ = ["Chain", "Link", "chains_of", "link_of"]

_ALERT: Final = CapMessageType.CAP_MESSAGE_TYPE_ALERT
_CANCEL: Final = CapMessageType.CAP_MESSAGE_TYPE_CANCEL
_CHANGING: Final = frozenset({CapMessageType.CAP_MESSAGE_TYPE_UPDATE, _CANCEL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What of a message decides what it belongs to."""

    key: Key
    message_type: CapMessageType
    status: CapStatus
    scope: CapScope
    references: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A warning, as the messages make it."""

    root: Key
    """Its Alert."""
    last: Key
    """Of its Alert, Updates and Cancels the one that was sent last."""
    says: Key
    """Of its Alert and Updates the one that was sent last."""
    cancelled: bool
    superseded_by: Key | None
    """The root of the warning that the last message belongs to as well, and stands for from then on."""
    replies: tuple[Key, ...]
    """Acknowledgements and errors, in the order in which they were sent."""


def link_of(alert: Alert) -> Link:
    """The link that a message is."""
    return Link(
        key=alert.key,
        message_type=alert.message_type,
        status=alert.status,
        scope=alert.scope,
        references=alert.references,
    )


def chains_of(links: Collection[Link]) -> tuple[Mapping[Key, tuple[Key, ...]], tuple[Chain, ...]]:
    """The roots that each message belongs to, none if it is held; and the warnings, in the order of their roots."""
    by_key = {link.key: link for link in links}
    roots: dict[Key, set[Key]] = {link.key: {link.key} if link.message_type == _ALERT else set() for link in links}
    changing = [link for link in links if link.message_type in _CHANGING]
    _spread(changing, by_key, roots)
    for link in links:
        if link.message_type != _ALERT and link.message_type not in _CHANGING:
            for key in link.references:
                referred = by_key.get(key)
                if referred and (referred.message_type == _ALERT or referred.message_type in _CHANGING):
                    roots[link.key] |= roots[key]
    chains = tuple(_chains(by_key, roots))
    return {key: tuple(sorted(each)) for key, each in roots.items()}, chains


def _spread(changing: Collection[Link], by_key: Mapping[Key, Link], roots: dict[Key, set[Key]]) -> None:
    """Give each message the roots of what it refers to, until nothing changes: messages may refer in circles."""
    grows = True
    while grows:
        grows = False
        for link in changing:
            for key in link.references:
                referred = by_key.get(key)
                if referred and _same_business(link, referred) and not roots[key] <= roots[link.key]:
                    roots[link.key] |= roots[key]
                    grows = True


def _same_business(link: Link, referred: Link) -> bool:
    return (link.key.sender, link.status, link.scope) == (
        referred.key.sender,
        referred.status,
        referred.scope,
    ) and (referred.message_type == _ALERT or referred.message_type in _CHANGING)


def _chains(by_key: Mapping[Key, Link], roots: Mapping[Key, set[Key]]) -> Iterator[Chain]:
    members: dict[Key, list[Link]] = {}
    for key in sorted(roots):
        for root in roots[key]:
            members.setdefault(root, []).append(by_key[key])
    for root, some in sorted(members.items()):
        saying = [each for each in some if each.message_type == _ALERT or each.message_type in _CHANGING]
        last = max(saying, key=lambda each: (each.key.sent, each.message_type == _CANCEL, each.key))
        says = max(each.key for each in saying if each.message_type != _CANCEL)
        first = min(roots[last.key])
        cancelled = last.message_type == _CANCEL
        yield Chain(
            root=root,
            last=last.key,
            says=says,
            cancelled=cancelled,
            superseded_by=None if cancelled or first == root else first,
            replies=tuple(each.key for each in some if each not in saying),
        )
