"""Permission: what a method's proto option says, compiled once, checked on every call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from onegrid.options.v1 import options_pb2
from onegrid_kit.callers import Caller
from onegrid_kit.contracts import access_of
from onegrid_kit.errors import PermissionDenied, Unauthenticated

__all__ = ["AccessRule", "access_rule"]


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Who may call one method."""

    public: bool
    """Callable without a token."""
    permission: str
    """Empty where every valid token is enough."""
    scope: Callable[[Any], str] | None
    """Reads the code of the place or department from the request; None where the service checks it itself."""
    reads_personal_data: bool
    """Whether each call is written to the audit trail as a read."""

    def check(self, caller: Caller, request: Message) -> None:
        """Raise Unauthenticated or PermissionDenied unless the caller may."""
        if self.public:
            return
        if not caller.user:
            raise Unauthenticated
        if not self.permission:
            return
        allowed = (
            caller.holds(self.permission) if self.scope is None else caller.may(self.permission, self.scope(request))
        )
        if not allowed:
            raise PermissionDenied(self.permission)


def access_rule(method: MethodDescriptor) -> AccessRule:
    """The rule that the method names. Raises TypeError if it names none, or one that can't be kept."""
    access = access_of(method)
    audience = access.audience
    if audience == options_pb2.AUDIENCE_UNSPECIFIED:
        raise TypeError(f"{method.full_name} does not say who may call it")
    if (audience == options_pb2.AUDIENCE_PERMITTED) != bool(access.permission):
        raise TypeError(f"{method.full_name}: a permission goes with AUDIENCE_PERMITTED, and only with it")
    scope = None
    if access.scope_field:
        if not access.permission:
            raise TypeError(f"{method.full_name}: a scope goes with a permission, and only with it")
        _require_field(method, access.scope_field)
        scope = _code_of(attrgetter(access.scope_field))
    return AccessRule(
        public=audience == options_pb2.AUDIENCE_PUBLIC,
        permission=access.permission,
        scope=scope,
        reads_personal_data=access.reads_personal_data,
    )


def _code_of(read: Callable[[Any], str]) -> Callable[[Any], str]:
    def code(request: Any) -> str:
        value = read(request)
        return value.split("/", 2)[1] if "/" in value else value

    return code


def _require_field(method: MethodDescriptor, path: str) -> None:
    message: Descriptor | None = method.input_type
    field: FieldDescriptor | None = None
    for name in path.split("."):
        field = message.fields_by_name.get(name) if message else None
        if field is None or field.is_repeated:
            raise TypeError(f"{method.full_name}: {path} is no single field of its request")
        message = field.message_type
    if field is None or field.type != FieldDescriptor.TYPE_STRING:
        raise TypeError(f"{method.full_name}: {path} holds no code")
