"""What can go wrong with accounts, grants and devices; the reasons are those of ``onegrid.identity.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Sequence

from google.rpc import code_pb2

from onegrid.common.v1.common_pb2 import OaLevel
from onegrid.identity.v1 import error_reason_pb2
from onegrid.identity.v1.devices_pb2 import DeviceKeyAction, DeviceKeyState
from onegrid.identity.v1.error_reason_pb2 import ErrorReason
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.lifecycle import short_name

__all__ = [
    "CredentialsRejected",
    "DeviceKeyExists",
    "EnrolmentRejected",
    "GrantExceedsOwn",
    "GrantLimitReached",
    "LoginTaken",
    "PermissionUnknown",
    "ProofInvalid",
    "PublicKeyInvalid",
    "RefreshRejected",
    "RoleBuiltIn",
    "ScopeUnfit",
    "ScopeUnknown",
    "WrongState",
]


class CredentialsRejected(DomainError):
    """Login and password, code or secret do not belong together; the answer does not reveal which of them is wrong."""

    code = code_pb2.UNAUTHENTICATED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CREDENTIALS_REJECTED)

    def __init__(self) -> None:
        super().__init__("these credentials are not accepted")


class RefreshRejected(DomainError):
    """The refresh token is not good, or not any more."""

    code = code_pb2.UNAUTHENTICATED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_REFRESH_REJECTED)

    def __init__(self) -> None:
        super().__init__("this refresh token is not accepted; log in again")


class LoginTaken(DomainError):
    """Another account has the login or the telephone number."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_LOGIN_TAKEN)

    def __init__(self, field: str) -> None:
        super().__init__(f"another account has this {field}", metadata={"field": field})


class ScopeUnknown(DomainError):
    """No place or department has this code."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SCOPE_UNKNOWN)

    def __init__(self, scope: str) -> None:
        super().__init__(f"no place or department has the code {scope}", metadata={"scope": scope})


class ScopeUnfit(DomainError):
    """The role's OA level does not go with the scope."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SCOPE_UNFIT)

    def __init__(self, scope: str, level: OaLevel) -> None:
        name = OaLevel.Name(level).removeprefix("OA_LEVEL_")
        super().__init__(
            f"a role of level {name} can't be held over {scope}", metadata={"scope": scope, "oa_level": name}
        )


class RoleBuiltIn(DomainError):
    """Built-in roles can't be created or changed."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ROLE_BUILT_IN)

    def __init__(self, role: str) -> None:
        super().__init__(f"{role} is built in", metadata={"role": role})


class GrantExceedsOwn(DomainError):
    """Callers can grant only permissions that they hold."""

    code = code_pb2.PERMISSION_DENIED
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GRANT_EXCEEDS_OWN)

    def __init__(self, permission: str) -> None:
        super().__init__(f"{permission} is not yours to give here", metadata={"permission": permission})


class GrantLimitReached(DomainError):
    """The user would hold more grants than a token has room for."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GRANT_LIMIT_REACHED)

    def __init__(self, kind: str, limit: int) -> None:
        super().__init__(
            f"the user would have more than {limit} {kind.replace('_', ' ')}",
            metadata={"kind": kind, "limit": str(limit)},
        )


class PermissionUnknown(InvalidRequest):
    """No method names this permission."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PERMISSION_UNKNOWN)

    def __init__(self, permission: str) -> None:
        super().__init__(
            FieldViolation("permissions", f"no method needs {permission}"), metadata={"permission": permission}
        )


class WrongState(lifecycle.WrongState):
    """The key of the device is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WRONG_STATE)

    def __init__(self, state: DeviceKeyState, allowed: Sequence[DeviceKeyAction]) -> None:
        super().__init__(
            short_name(DeviceKeyState, state),
            [short_name(DeviceKeyAction, action) for action in allowed],
            error_reason_pb2.WrongState(state=state, allowed_actions=allowed),
        )


class EnrolmentRejected(DomainError):
    """The enrolment of a device is not good, or its code is another one; the answer does not reveal which."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ENROLMENT_REJECTED)

    def __init__(self) -> None:
        super().__init__("this enrolment and code are not accepted; have another enrolment made")


class DeviceKeyExists(DomainError):
    """A device has the public key already, or had it."""

    code = code_pb2.ALREADY_EXISTS
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DEVICE_KEY_EXISTS)

    def __init__(self) -> None:
        super().__init__("the key is enrolled already; have the device make another one")


class PublicKeyInvalid(InvalidRequest):
    """The bytes are no Ed25519 public key."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PUBLIC_KEY_INVALID)

    def __init__(self) -> None:
        field = "public_key"
        super().__init__(FieldViolation(field, "not a public key of Ed25519"), metadata={"field": field})


class ProofInvalid(InvalidRequest):
    """The proof is not the public key's signature of the enrolment."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PROOF_INVALID)

    def __init__(self) -> None:
        field = "proof"
        super().__init__(FieldViolation(field, "not the key's signature of this enrolment"), metadata={"field": field})
