"""What the contracts say about themselves, read from the options of their descriptors."""

from __future__ import annotations

from typing import Any, cast

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from onegrid.options.v1 import options_pb2

__all__ = ["access_of", "is_event"]

# The stubs of the generated extensions do not say of what they are the extension.
_ACCESS = cast(Any, options_pb2.access)
_EVENT = cast(Any, options_pb2.event)


def access_of(method: MethodDescriptor) -> options_pb2.Access:
    """Who may call the method; empty where it does not say."""
    access: options_pb2.Access = method.GetOptions().Extensions[_ACCESS]
    return access


def is_event(message: Descriptor) -> bool:
    """Whether the message is an event that a service announces."""
    return message.GetOptions().HasExtension(_EVENT)
