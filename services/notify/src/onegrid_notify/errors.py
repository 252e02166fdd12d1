"""What can go wrong; the reasons are those of ``onegrid.notify.v1.ErrorReason``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from google.rpc import code_pb2

from onegrid.notify.v1 import error_reason_pb2
from onegrid.notify.v1.delivery_pb2 import Channel, SuppressionReason
from onegrid.notify.v1.error_reason_pb2 import ErrorReason
from onegrid.notify.v1.resources_pb2 import ArticleAction, ArticleState
from onegrid_kit import lifecycle
from onegrid_kit.errors import DomainError, FieldViolation, InvalidRequest, Reason
from onegrid_kit.lifecycle import short_name
from onegrid_kit.timestamps import timestamp

__all__ = [
    "AddressLimitReached",
    "AddressMissing",
    "AddressSuppressed",
    "AddressVerified",
    "AidLimitReached",
    "BodyEmpty",
    "CodeRejected",
    "ColumnLimitReached",
    "ColumnNotOwned",
    "ColumnTree",
    "ColumnUnusable",
    "DeliveryStateWrong",
    "EndpointLimitReached",
    "ExpiryPassed",
    "GroupUnknown",
    "OrganizationUnknown",
    "PlaceUnknown",
    "TemplateInvalid",
    "WrongState",
]


class ColumnUnusable(InvalidRequest):
    """Articles and records can't stand in the column."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COLUMN_UNUSABLE)

    def __init__(self, column: str, field: str = "column") -> None:
        super().__init__(FieldViolation(field, f"nothing can be put into {column}"), metadata={"column": column})


class PlaceUnknown(InvalidRequest):
    """A place or department that the district does not have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PLACE_UNKNOWN)

    def __init__(self, place: str, field: str = "audience") -> None:
        super().__init__(FieldViolation(field, f"{place} is no known place or department"), metadata={"place": place})


class GroupUnknown(InvalidRequest):
    """An audience names a group that does not exist."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_GROUP_UNKNOWN)

    def __init__(self, group: str, field: str = "audience") -> None:
        super().__init__(FieldViolation(field, f"there is no {group}"), metadata={"group": group})


class OrganizationUnknown(InvalidRequest):
    """An audience names a Party organization that the district does not have."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ORGANIZATION_UNKNOWN)

    def __init__(self, organization: str, field: str = "audience") -> None:
        super().__init__(FieldViolation(field, f"there is no {organization}"), metadata={"organization": organization})


class WrongState(lifecycle.WrongState):
    """The article is in a state in which this can't be done."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_WRONG_STATE)

    def __init__(self, state: ArticleState, allowed: Sequence[ArticleAction]) -> None:
        super().__init__(
            short_name(ArticleState, state),
            [short_name(ArticleAction, action) for action in allowed],
            error_reason_pb2.WrongState(state=state, allowed_actions=allowed),
        )


class BodyEmpty(InvalidRequest):
    """Nothing of a text is left once everything is removed that readers must not get."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_BODY_EMPTY)

    def __init__(self, field: str) -> None:
        super().__init__(
            FieldViolation(field, "has no text and no image that readers may get"), metadata={"field": field}
        )


class ExpiryPassed(DomainError):
    """The article would expire before it appears."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_EXPIRY_PASSED)

    def __init__(self, expire_time: datetime) -> None:
        super().__init__(
            "it would expire before it appears", metadata={"expire_time": timestamp(expire_time).ToJsonString()}
        )


class ColumnTree(DomainError):
    """The columns would be no tree any more, or one that is too deep."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COLUMN_TREE)

    def __init__(self, column: str, parent: str) -> None:
        super().__init__(f"{column} can't stand below {parent}", metadata={"column": column, "parent": parent})


class ColumnLimitReached(DomainError):
    """The district has as many columns as one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COLUMN_LIMIT_REACHED)

    def __init__(self, columns: int, limit: int) -> None:
        super().__init__(
            f"the district has {columns} columns, and may have {limit}",
            metadata={"columns": str(columns), "limit": str(limit)},
        )


class ColumnNotOwned(DomainError):
    """The caller's scope does not hold the column's owner, or it has none."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_COLUMN_NOT_OWNED)

    def __init__(self, column: str, owner: str) -> None:
        super().__init__(f"the caller pushes nothing into {column}", metadata={"column": column, "owner": owner})


class AidLimitReached(DomainError):
    """The caller has as many open requests for aid as one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_AID_LIMIT_REACHED)

    def __init__(self, requests: int, limit: int) -> None:
        super().__init__(
            f"{requests} requests are not closed, and a person may have {limit}",
            metadata={"requests": str(requests), "limit": str(limit)},
        )


class TemplateInvalid(InvalidRequest):
    """A wording is no template, mentions what the event does not have, or becomes too long."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TEMPLATE_INVALID)

    def __init__(self, template: str, faults: Sequence[tuple[str, int, str]]) -> None:
        super().__init__(
            *(FieldViolation(f"wording.{part}", f"line {line}: {fault}") for part, line, fault in faults),
            metadata={"template": template},
        )


class AddressLimitReached(DomainError):
    """The caller has as many addresses as a person may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ADDRESS_LIMIT_REACHED)

    def __init__(self, limit: int) -> None:
        super().__init__(f"a person may have {limit} addresses", metadata={"limit": str(limit)})


class AddressSuppressed(DomainError):
    """Nothing is sent to the address, and so no code."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ADDRESS_SUPPRESSED)

    def __init__(self, channel: Channel, why: SuppressionReason) -> None:
        super().__init__(
            "nothing is sent to this address; an operator can lift that",
            metadata={"channel": short_name(Channel, channel), "reason": short_name(SuppressionReason, why)},
        )


class AddressVerified(DomainError):
    """The address needs no code any more."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ADDRESS_VERIFIED)

    def __init__(self, address: str) -> None:
        super().__init__(f"{address} is verified", metadata={"address": address})


class CodeRejected(DomainError):
    """The code does not verify the address; the answer does not reveal why."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CODE_REJECTED)

    def __init__(self, address: str) -> None:
        super().__init__("this code is not accepted; ask for another", metadata={"address": address})


class EndpointLimitReached(DomainError):
    """The office has as many endpoints as one may have."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ENDPOINT_LIMIT_REACHED)

    def __init__(self, office: str, limit: int) -> None:
        super().__init__(f"an office may have {limit} endpoints", metadata={"office": office, "limit": str(limit)})


class AddressMissing(DomainError):
    """The caller has no verified address of the channel to which something can be sent."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ADDRESS_MISSING)

    def __init__(self, channel: Channel) -> None:
        name = short_name(Channel, channel)
        super().__init__(f"the caller has no verified address for {name}", metadata={"channel": name})


class DeliveryStateWrong(DomainError):
    """The delivery is in a state in which this can't be done."""

    code = code_pb2.FAILED_PRECONDITION
    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_DELIVERY_STATE)

    def __init__(self, state: str, needed: Sequence[str]) -> None:
        super().__init__(
            f"the delivery is {state}", metadata={"state": str(state), "needed": ",".join(map(str, needed))}
        )
