"""Between the contract's messages and who looked at a member's record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from onegrid.partyedu.v1 import record_accesses_pb2 as pb
from onegrid_kit.accesses import Access
from onegrid_kit.timestamps import timestamp
from onegrid_partyedu import messages
from onegrid_partyedu.member import Member, PostHeld
from onegrid_partyedu.organization import ORGANIZATION

__all__ = ["record_access"]

_MOST_POSTS: Final = 10


def record_access(of: Access, member: Member, posts: Sequence[PostHeld]) -> pb.RecordAccess:
    """The look as a message; `posts` are those that the holder of the account ever held, the highest first."""
    held = [each for each in posts if each.begin_time <= of.time and (each.end_time is None or of.time < each.end_time)]
    of_list = of.resource.startswith(ORGANIZATION.name(""))
    return pb.RecordAccess(
        time=timestamp(of.time),
        kind=pb.RECORD_ACCESS_KIND_LIST if of_list else pb.RECORD_ACCESS_KIND_RECORD,
        caller=of.caller,
        own=of.caller == member.user,
        posts=map(messages.post_held, held[:_MOST_POSTS]),
        method=of.method,
        resource=of.resource,
        purpose=of.purpose,
    )
