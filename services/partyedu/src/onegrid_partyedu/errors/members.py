"""What can go wrong with organizations, members and lists of them."""

from __future__ import annotations

from collections.abc import Collection

from onegrid.partyedu.v1.error_reason_pb2 import ErrorReason
from onegrid_kit import errors
from onegrid_kit.errors import Reason
from onegrid_partyedu.errors.base import Precondition

__all__ = [
    "CellUnknown",
    "ImportLimitReached",
    "ImportRefused",
    "ImportWrongState",
    "MemberNotEligible",
    "MemberWrongState",
    "NoTerm",
    "OfficerLimitReached",
    "OrganizationDissolved",
    "OrganizationInUse",
    "ProbationExtended",
    "SameOrganization",
    "TransferWaits",
    "TransferWrongState",
    "UserNotActive",
    "UserUnknown",
]


class OrganizationDissolved(Precondition):
    """The organization was dissolved."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ORGANIZATION_DISSOLVED)

    def __init__(self, organization: str) -> None:
        super().__init__(f"{organization} was dissolved", metadata={"organization": organization})


class OrganizationInUse(Precondition):
    """Members, transfers or other organizations are still there."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_ORGANIZATION_IN_USE)

    def __init__(self, organization: str, *, members: int, transfers: int, organizations: int) -> None:
        counts = {"members": str(members), "transfers": str(transfers), "organizations": str(organizations)}
        super().__init__(
            f"{organization} has {members} members, {transfers} waiting transfers, {organizations} below it",
            metadata={"organization": organization, **counts},
        )


class CellUnknown(Precondition):
    """Codes are those of no cells."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_CELL_UNKNOWN)

    def __init__(self, cells: Collection[str]) -> None:
        listed = ",".join(sorted(cells)[:20])
        super().__init__(f"no grid cells: {listed}", metadata={"cells": listed})


class MemberNotEligible(Precondition):
    """The member can't hold a post of the organization."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_NOT_ELIGIBLE)

    def __init__(self, member: str) -> None:
        super().__init__(
            f"{member} is no full member of the organization, or of one below it", metadata={"member": member}
        )


class NoTerm(Precondition):
    """Nobody was elected yet."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_NO_TERM)

    def __init__(self, organization: str) -> None:
        super().__init__(f"nobody was elected in {organization} yet", metadata={"organization": organization})


class OfficerLimitReached(Precondition):
    """Posts were given too often in the term."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_OFFICER_LIMIT_REACHED)

    def __init__(self, organization: str, limit: int) -> None:
        super().__init__(
            f"posts of {organization} were given {limit} times in this term",
            metadata={"organization": organization, "limit": str(limit)},
        )


class MemberWrongState(Precondition):
    """This can't be done with the member."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_MEMBER_WRONG_STATE)

    def __init__(self, member: str, state: str) -> None:
        super().__init__(f"can't be done with a member who is {state}", metadata={"member": member, "state": state})


class ProbationExtended(Precondition):
    """The probation was extended before."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_PROBATION_EXTENDED)

    def __init__(self, member: str) -> None:
        super().__init__(f"the probation of {member} was extended before", metadata={"member": member})


class TransferWaits(Precondition):
    """A transfer of the member waits already."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TRANSFER_WAITS)

    def __init__(self, transfer: str) -> None:
        super().__init__(f"{transfer} waits already", metadata={"transfer": transfer})


class SameOrganization(Precondition):
    """The member belongs to that organization."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_SAME_ORGANIZATION)

    def __init__(self, organization: str) -> None:
        super().__init__(f"the member belongs to {organization}", metadata={"organization": organization})


class TransferWrongState(Precondition):
    """The transfer does not wait any more."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_TRANSFER_WRONG_STATE)

    def __init__(self, transfer: str, state: str) -> None:
        super().__init__(
            f"can't be done with a transfer that is {state}", metadata={"transfer": transfer, "state": state}
        )


class UserUnknown(errors.UserUnknown):
    """Identity has announced no such user of the district, or not yet."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_UNKNOWN)


class UserNotActive(errors.UserNotActive):
    """The user is disabled."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_USER_NOT_ACTIVE)


class ImportLimitReached(Precondition):
    """Too many imports of the district are neither applied nor discarded."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_LIMIT_REACHED)

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"{limit} imports of the district are neither applied nor discarded", metadata={"limit": str(limit)}
        )


class ImportWrongState(Precondition):
    """This can't be done with the import as it stands."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_WRONG_STATE)

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"can't be done with an import that is {state}", metadata={"import": name, "state": state})


class ImportRefused(Precondition):
    """Rows of the import can't be applied."""

    reason = Reason(ErrorReason, ErrorReason.ERROR_REASON_IMPORT_REFUSED)

    def __init__(self, name: str, refused: int) -> None:
        super().__init__(
            f"{refused} rows of {name} can't be applied", metadata={"import": name, "refused": str(refused)}
        )
