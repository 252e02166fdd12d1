"""Members as their viewers may see them."""

from __future__ import annotations

from onegrid.partyedu.v1 import members_pb2
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.visibility import visible_to
from onegrid_partyedu import messages
from onegrid_partyedu.authority import viewer_of
from onegrid_partyedu.member import Member

__all__ = ["shown_member"]


def shown_member(of: Member, cipher: Cipher, call: Call, *asked: str) -> members_pb2.Member:
    """The member as the caller may see it; `asked`: codes over which the permission to see names counts as well."""
    return visible_to(viewer_of(call, of, *asked), messages.member(of, cipher))
