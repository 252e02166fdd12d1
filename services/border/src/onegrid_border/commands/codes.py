"""Codes of checkpoints: issued, registered, retired, and recognized in what check-ins show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from onegrid.border.v1.records_pb2 import CheckIn
from onegrid.border.v1.resources_pb2 import Evidence
from onegrid_border.checkpoint_code import CHECKPOINT_CODE, CheckpointCode, Keys, reading_of
from onegrid_border.errors import TagRegistered
from onegrid_border.patrol import Patrol
from onegrid_border.route import ROUTE
from onegrid_border.store import codes as store
from onegrid_border.store import routes
from onegrid_kit.callers import Call
from onegrid_kit.cipher import Cipher
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.field.log import KeptEntry

__all__ = ["IssueCode", "RegisterTag", "issue_code", "keep_shown", "register_tag", "retire_code"]

_FURTHEST: Final = timedelta(days=366)
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCode:
    """Which checkpoint is to have another printed code."""

    route: str
    """The route's id."""
    checkpoint: str
    """The checkpoint's id."""
    effective_time: datetime | None
    """Until when the one before counts beside it; None: until now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterTag(IssueCode):
    """Which tag hangs at a checkpoint."""

    uid: str
    keys: Keys = field(repr=False)


def issue_code(conn: Connection, command: IssueCode, cipher: Cipher, call: Call) -> CheckpointCode:
    """Issue another print of a checkpoint's code. Raises NotFound, or InvalidRequest for the time."""
    evidence, keys = Evidence.EVIDENCE_PRINTED_CODE, Keys(os.urandom(_KEY_BYTES))
    return _replace(conn, command, evidence, "", keys.sealed(cipher), call)


def register_tag(conn: Connection, command: RegisterTag, cipher: Cipher, call: Call) -> CheckpointCode:
    """Know a tag that hangs at a checkpoint. Raises NotFound, TagRegistered, or InvalidRequest for the time."""
    return _replace(conn, command, Evidence.EVIDENCE_TAG, command.uid, command.keys.sealed(cipher), call)


def retire_code(conn: Connection, route: str, checkpoint: str, number: int, call: Call) -> CheckpointCode:
    """Have a code count no more from now on. Raises NotFound."""
    routes.lock_route(conn, route)
    before = store.find_code(conn, route, checkpoint, number)
    if before is None:
        raise NotFound(CHECKPOINT_CODE.name(route, checkpoint, number))
    if before.is_over(call.now):
        return before
    after = replace(before, end_time=call.now)
    store.end_codes(conn, [after])
    return after


def keep_shown(conn: Connection, read: Sequence[tuple[KeptEntry, CheckIn, Patrol]], cipher: Cipher) -> None:
    """Store which codes of the checkpoints that they claim these entries show; what is none of ours is not stored.
    Whether a code counts is judged later, by when the entry was made.
    """
    known = store.codes_at(conn, {(patrol.route, check_in.checkpoint) for _, check_in, patrol in read})
    opened = [(code, code.keys(cipher)) for code in known]
    shown = []
    for kept, check_in, patrol in read:
        own = [each for each in opened if (each[0].route, each[0].checkpoint) == (patrol.route, check_in.checkpoint)]
        reading = reading_of(check_in.code, own)
        if reading is not None:
            shown.append((kept.hash, patrol, reading))
    if shown:
        store.insert_shown(conn, shown)


def _replace(
    conn: Connection, command: IssueCode, evidence: Evidence, uid: str, sealed_keys: bytes, call: Call
) -> CheckpointCode:
    effective_time = command.effective_time or call.now
    if not call.now - CLOCKS_DIFFER <= effective_time <= call.now + _FURTHEST:
        raise InvalidRequest(FieldViolation("effective_time", "is past, or more than a year ahead"))
    route = routes.lock_route(conn, command.route)
    if route is None:
        raise NotFound(ROUTE.name(command.route))
    if all(each.id != command.checkpoint for each in route.course.checkpoints):
        raise NotFound(f"{route.name}/checkpoints/{command.checkpoint}")
    before = store.codes_at(conn, {(route.id, command.checkpoint)})
    if uid:
        store.lock_tags(conn, [(route.district, uid)])
        known = store.tag_in_use(conn, route.district, uid, call.now)
        if known is not None:
            raise TagRegistered(uid, known.name)
    # Nothing changes for what was judged already.
    end_time = max(effective_time, call.now)
    replaced = [each for each in before if each.evidence == evidence and not each.is_over(end_time)]
    store.end_codes(conn, [replace(each, end_time=end_time) for each in replaced])
    new = CheckpointCode(
        route=route.id,
        checkpoint=command.checkpoint,
        number=max((each.number for each in before), default=0) + 1,
        evidence=evidence,
        uid=uid,
        sealed_keys=sealed_keys,
        issue_time=call.now,
    )
    store.insert_code(conn, new)
    return new
