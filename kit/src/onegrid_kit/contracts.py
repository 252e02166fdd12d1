"""What the contracts say about themselves, read from the options of their descriptors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from onegrid.contracts import SERVICES
from onegrid.options.v1 import options_pb2

__all__ = [
    "access_of",
    "changes_something",
    "contracts_of",
    "fields_under",
    "is_idempotent",
    "rules_of",
    "served_by",
    "subscribers_of",
    "visibility_of",
]

# The stubs of the generated extensions do not say of what they are the extension.
_ACCESS = cast(Any, options_pb2.access)
_EVENT = cast(Any, options_pb2.event)
_VISIBLE_TO = cast(Any, options_pb2.visible_to)
_SERVERS = {contract: service for service, contracts in SERVICES.items() for contract in contracts}
EVERY_SERVICE = "*"
"""What a contract names when each service subscribes."""


def access_of(method: MethodDescriptor) -> options_pb2.Access:
    """Who may call the method; empty where it does not say."""
    access: options_pb2.Access = method.GetOptions().Extensions[_ACCESS]
    return access


def changes_something(method: MethodDescriptor) -> bool:
    """Whether the method is a command, and no mere read."""
    return bool(method.GetOptions().idempotency_level != MethodOptions.NO_SIDE_EFFECTS)


def is_idempotent(method: MethodDescriptor) -> bool:
    """Whether a repeated call does no harm, whatever became of the first."""
    return bool(method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN)


def served_by(contract: str) -> str:
    """The name of the service that serves the contract of that name."""
    return _SERVERS.get(contract, contract)


def contracts_of(service: str) -> tuple[str, ...]:
    """The names of the contracts that the service serves, its own first."""
    return SERVICES.get(service, (service,))


def _events_of(contract: str) -> Mapping[str, options_pb2.Event]:
    """The types of a contract's events, with the option of each."""
    module = f"onegrid.{contract}.v1.events_pb2"
    if find_spec(module) is None:
        return {}
    file = import_module(module).DESCRIPTOR
    options = {message.full_name: message.GetOptions() for message in file.message_types_by_name.values()}
    return {name: given.Extensions[_EVENT] for name, given in options.items() if given.HasExtension(_EVENT)}


def subscribers_of(service: str) -> Mapping[str, frozenset[str]]:
    """Who subscribes to each event that a service announces, by the event's type: the names of their contracts."""
    return {
        event_type: frozenset(SERVICES) if EVERY_SERVICE in event.subscribers else frozenset(event.subscribers)
        for contract in contracts_of(service)
        for event_type, event in _events_of(contract).items()
    }


def visibility_of(field: FieldDescriptor) -> options_pb2.VisibleTo | None:
    """Who the field is for; None where it is for all who get its message."""
    options = field.GetOptions()
    return options.Extensions[_VISIBLE_TO] if options.HasExtension(_VISIBLE_TO) else None


def fields_under(message: Descriptor) -> Iterator[FieldDescriptor]:
    """The message's fields and those of all messages in them, each once."""
    seen, waiting = {message}, [message]
    while waiting:
        for field in waiting.pop().fields:
            yield field
            if field.message_type is not None and field.message_type not in seen:
                seen.add(field.message_type)
                waiting.append(field.message_type)


def rules_of(contract: ServiceDescriptor) -> Iterator[options_pb2.Access | options_pb2.VisibleTo]:
    """What the contract's methods, and the fields of their answers, say of permissions."""
    for method in contract.methods:
        yield access_of(method)
        for field in fields_under(method.output_type):
            if (rule := visibility_of(field)) is not None:
                yield rule
