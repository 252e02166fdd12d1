"""Permission: a method's proto option, compiled once, checked on every call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from onegrid.options.v1 import options_pb2
from onegrid_kit.callers import Caller
from onegrid_kit.contracts import access_of, changes_something
from onegrid_kit.errors import PermissionDenied, Unauthenticated
from onegrid_kit.names import code_in

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
    resource: Callable[[Any], str] | None
    """Reads from the request the resource that the audit trail records; None where the response names it,
    or where nothing is audited."""
    response_resource: Callable[[Any], str] | None
    """The same, from the response."""

    def check(self, caller: Caller, request: object) -> None:
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
    if access.scope_field and not access.permission:
        raise TypeError(f"{method.full_name}: a scope goes with a permission, and only with it")
    audited = audience != options_pb2.AUDIENCE_PUBLIC and (changes_something(method) or access.reads_personal_data)
    if bool(access.resource_field) + bool(access.response_resource_field) != int(audited):
        raise TypeError(
            f"{method.full_name}: a command or a read of personal data names the resource that it is audited for; "
            "other methods name none"
        )
    if access.response_resource_field and access.reads_personal_data:
        raise TypeError(f"{method.full_name}: a read is audited before it is answered; its request names the resource")
    return AccessRule(
        public=audience == options_pb2.AUDIENCE_PUBLIC,
        permission=access.permission,
        scope=_code_of(_reader(method.input_type, access.scope_field)) if access.scope_field else None,
        reads_personal_data=access.reads_personal_data,
        resource=_reader(method.input_type, access.resource_field) if access.resource_field else None,
        response_resource=_reader(method.output_type, access.response_resource_field)
        if access.response_resource_field
        else None,
    )


def _code_of(read: Callable[[Any], str]) -> Callable[[Any], str]:
    def code(request: Any) -> str:
        return code_in(read(request))

    return code


def _reader(message: Descriptor, path: str) -> Callable[[Any], str]:
    """Reads the string at the path of such messages. Raises TypeError if there is none."""
    inner: Descriptor | None = message
    field: FieldDescriptor | None = None
    for name in path.split("."):
        field = inner.fields_by_name.get(name) if inner else None
        if field is None or field.is_repeated:
            raise TypeError(f"{path} is no single field of {message.full_name}")
        inner = field.message_type
    if field is None or field.type != FieldDescriptor.TYPE_STRING:
        raise TypeError(f"{path} of {message.full_name} holds no string")
    return attrgetter(path)
