"""notify's part of the sender: what becomes of what is due, and what is learned from how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection

from onegrid_kit.sending import Context, Drop, Outgoing, Prepared, Sender
from onegrid_notify import one_time_codes, verification
from onegrid_notify.channels import build
from onegrid_notify.commands import preparing
from onegrid_notify.deliveries import Kind

__all__ = ["SENDER"]

_Prepare: TypeAlias = Callable[[Connection, Sequence[Outgoing], Context], Sequence[Prepared]]
_PREPARE: Final[Mapping[str, _Prepare]] = {
    **dict.fromkeys(Kind, preparing.prepare),
    one_time_codes.KIND: one_time_codes.prepare,
    verification.KIND: verification.prepare,
}
"""How each kind of sending is prepared."""


def prepare(conn: Connection, outgoings: Sequence[Outgoing], context: Context) -> list[Prepared]:
    """Decide on each, all of one kind together. A later release's kind is none of ours."""
    prepared: dict[str, Prepared] = {each.id: Drop("KIND_UNKNOWN") for each in outgoings}
    for decide in dict.fromkeys(_PREPARE.values()):
        some = [each for each in outgoings if _PREPARE.get(each.kind) is decide]
        if some:
            prepared |= zip((each.id for each in some), decide(conn, some, context), strict=True)
    return [prepared[each.id] for each in outgoings]


SENDER = Sender(providers=build, prepare=prepare, concluded=preparing.concluded)
