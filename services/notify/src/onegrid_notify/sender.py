"""notify's part of the sender: what becomes of what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from sqlalchemy import Connection

from onegrid_kit.sending import Context, Drop, Outgoing, Prepared, Sender
from onegrid_notify import one_time_codes, verification
from onegrid_notify.channels import build

__all__ = ["SENDER"]

_Prepare: TypeAlias = Callable[[Connection, Sequence[Outgoing], Context], Sequence[Prepared]]
_PREPARE: Final[Mapping[str, _Prepare]] = {
    one_time_codes.KIND: one_time_codes.prepare,
    verification.KIND: verification.prepare,
}
"""How each kind of sending is prepared."""


def prepare(conn: Connection, outgoings: Sequence[Outgoing], context: Context) -> list[Prepared]:
    """Decide on each, all of one kind together. A later release's kind is none of ours."""
    prepared: dict[str, Prepared] = {each.id: Drop("KIND_UNKNOWN") for each in outgoings}
    for kind, decide in _PREPARE.items():
        some = [each for each in outgoings if each.kind == kind]
        if some:
            prepared |= zip((each.id for each in some), decide(conn, some, context), strict=True)
    return [prepared[each.id] for each in outgoings]


SENDER = Sender(providers=build, prepare=prepare)
