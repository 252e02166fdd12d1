"""Who sees which field of an answer, by the contract's option ``onegrid.options.v1.visible_to``.

A service decides once, per resource, what kind of viewer a caller is; the contract alone defines which fields it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Final, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from onegrid.options.v1 import options_pb2
from onegrid_kit.contracts import visibility_of

__all__ = ["PUBLIC", "Viewer", "visible_to"]

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True)
class Viewer:
    """What a caller is to a resource."""

    owner: bool = False
    """The resource is the caller's own."""
    office: bool = False
    """The caller may see the resource for an office, and does not own it."""
    permissions: frozenset[str] = frozenset()
    """Those permissions named by fields that the caller holds over the resource."""

    def may_see(self, rule: options_pb2.VisibleTo) -> bool:
        """Whether a field with this rule is for the viewer."""
        return (rule.owner and self.owner) or (rule.office and self.office) or rule.permission in self.permissions


PUBLIC: Final = Viewer()
"""Any caller: sees only the fields that are for all."""


def visible_to(viewer: Viewer, message: M) -> M:
    """The same message, without the fields that are not for the viewer; at any depth."""
    hidden, nested = _plan(message.DESCRIPTOR, viewer)
    for name in hidden:
        message.ClearField(name)
    for messages_of in nested:
        for each in messages_of(message):
            visible_to(viewer, each)
    return message


def _reader(field: FieldDescriptor) -> Callable[[Message], Iterable[Message]]:
    """Reads the messages that a field holds."""
    name = field.name
    if not field.is_repeated:
        return lambda message: (getattr(message, name),) if message.HasField(name) else ()
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return lambda message: getattr(message, name).values()
    return attrgetter(name)


@lru_cache(maxsize=4096)
def _plan(of: Descriptor, viewer: Viewer) -> tuple[tuple[str, ...], tuple[Callable[[Message], Iterable[Message]], ...]]:
    """The message's own fields that the viewer does not see, and what reads the messages with fields not for all."""
    hidden = tuple(
        field.name for field in of.fields if (rule := visibility_of(field)) is not None and not viewer.may_see(rule)
    )
    nested = tuple(_reader(field) for field in of.fields if _holds_marked(field, frozenset()))
    return hidden, nested


def _holds_marked(field: FieldDescriptor, above: frozenset[Descriptor]) -> bool:
    inner = field.message_type
    if inner is None or inner in above:
        return False
    return any(visibility_of(each) is not None or _holds_marked(each, above | {inner}) for each in inner.fields)
