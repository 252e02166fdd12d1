"""Warnings: received from others, and issued, changed and taken back by the district."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from onegrid.emergency.v1.warnings_pb2 import CapMessageType, CapRule, CapScope, CapStatus, WarningState
from onegrid_emergency import metrics
from onegrid_emergency.cap import composing, signing
from onegrid_emergency.cap.areas import survey
from onegrid_emergency.cap.checking import broken, check
from onegrid_emergency.cap.composing import Say
from onegrid_emergency.cap.message import Alert, Info, Key, Violation
from onegrid_emergency.cap.reading import Reading, document_of, read, read_document
from onegrid_emergency.cap.warning import SOURCE, WARNING, Message, Source, Warning
from onegrid_emergency.commands.warning_messages import Incoming, take
from onegrid_emergency.errors import (
    CapRuleBroken,
    WarningForeign,
    WarningMessageChanged,
    WarningNotInForce,
    WarningSenderTaken,
    WarningSourceUnknown,
)
from onegrid_emergency.store import places
from onegrid_emergency.store import warning_messages as messages
from onegrid_emergency.store import warnings as store
from onegrid_kit import codes, ids
from onegrid_kit.callers import Call
from onegrid_kit.clock import CLOCKS_DIFFER
from onegrid_kit.errors import FieldViolation, InvalidRequest, NotFound
from onegrid_kit.etags import require_fresh

__all__ = [
    "Issue",
    "Profile",
    "cancel",
    "counting",
    "define_source",
    "issue",
    "issue_exercise",
    "receive",
    "rejection",
    "require_warning",
    "update",
]

_REFERENCES: Final = 20
_INFO: Final = re.compile(r"^info\[0\]\.")
_FIELDS: Final = (
    (".areaDesc", ".description"),
    ("area[", "areas["),
    (".polygon[", ".polygons["),
    (".circle[", ".circles["),
    (".geocode[", ".places["),
    ("expires", "expire_time"),
)
"""Elements of CAP, and the fields of requests that they are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How the district takes part in CAP."""

    district: str
    sender: str
    """What its own messages have as `sender`."""
    lasts: timedelta
    """How long a warning is in force that does not say when it expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What to warn of."""

    say: Say
    status: CapStatus
    """Nothing but ACTUAL reaches people. An exercise makes no such warning."""
    scope: CapScope
    restriction: str
    addresses: str
    note: str


def define_source(conn: Connection, wanted: Source, profile: Profile, etag: str, call: Call) -> Source:
    """Enter a source, or make it what it is to be; one that is so already stays as it is. Raises InvalidRequest,
    StaleEtag or WarningSenderTaken.
    """
    if wanted.certificate and not signing.is_certificate(wanted.certificate):
        raise InvalidRequest(FieldViolation("source.certificate", "is no certificate in PEM"))
    messages.lock_warnings(conn, wanted.district)
    before = messages.find_source(conn, wanted.id)
    require_fresh(wanted.name, "" if before is None else before.etag, etag)
    other = messages.source_of_sender(conn, wanted.district, wanted.sender)
    if wanted.sender == profile.sender or (other is not None and other.id != wanted.id):
        raise WarningSenderTaken(wanted.sender)
    if before is not None and wanted == replace(before, sequence=wanted.sequence, update_time=wanted.update_time):
        return before
    after = replace(wanted, sequence=1 if before is None else before.sequence + 1, update_time=call.now)
    messages.save_source(conn, after)
    return after


@contextmanager
def counting() -> Iterator[None]:
    """Count a message by what becomes of it, around its transaction: one that is undone may be tried again."""
    try:
        yield
    except (CapRuleBroken, WarningSourceUnknown, WarningMessageChanged):
        metrics.WARNING_MESSAGES.labels("emergency", "refused").inc()
        raise
    metrics.WARNING_MESSAGES.labels("emergency", "taken").inc()


def receive(conn: Connection, document: bytes, profile: Profile, call: Call) -> tuple[Message, bytes]:
    """Take a message from the account of a source, and acknowledge it. Raises CapRuleBroken, WarningSourceUnknown or
    WarningMessageChanged.
    """
    root, violations = document_of(document)
    reading = read_document(root) if root is not None else Reading(None, violations)
    alert = reading.alert
    if alert is None:
        raise CapRuleBroken(_triples(reading.violations))
    source = messages.source_of_sender(conn, profile.district, alert.sender)
    if source is None or source.account != call.caller.user or source.suspended:
        raise WarningSourceUnknown(alert.sender)
    if source.certificate:
        reading = _signed(root, source, call.now)
        alert = reading.alert
    if alert is None or alert.sender != source.sender:
        raise CapRuleBroken([(CapRule.CAP_RULE_SIGNATURE, "", "is not signed by its source's key")])
    ground = survey(alert)
    found = check(reading, ground)
    if refused := broken(found):
        raise CapRuleBroken(_triples(refused))
    if alert.sent > call.now + CLOCKS_DIFFER:
        raise CapRuleBroken([(CapRule.CAP_RULE_TIME, "sent", "lies ahead")])
    incoming = Incoming(
        district=profile.district, source=source.id, alert=alert, ground=ground, faults=found, document=document
    )
    message = take(conn, incoming, profile.lasts, call)
    return message, _answer(alert, CapMessageType.CAP_MESSAGE_TYPE_ACK, message.faults, profile, message.create_time)


def rejection(document: bytes, error: CapRuleBroken, profile: Profile, now: datetime) -> bytes:
    """What the sender of a message is answered that breaks rules: a message of type Error; empty if it can't be known
    which message it was.
    """
    root, _ = document_of(document)
    alert = read_document(root).alert if root is not None else None
    if alert is None:
        return b""
    faults = [Violation(CapRule.CAP_RULE_UNSPECIFIED, field, text) for field, text in error.violations]
    return _answer(alert, CapMessageType.CAP_MESSAGE_TYPE_ERROR, faults, profile, now)


def issue(conn: Connection, what: Issue, profile: Profile, call: Call) -> Warning:
    """Issue a warning. Raises CapRuleBroken or InvalidRequest."""
    alert = composing.alert_of(
        _new_key(profile, call),
        CapMessageType.CAP_MESSAGE_TYPE_ALERT,
        [composing.info_of(what.say, _sender_name(conn, profile), call.now, profile.lasts)],
        status=what.status,
        scope=what.scope,
        restriction=what.restriction,
        addresses=what.addresses,
        note=what.note,
    )
    return _sent(conn, alert, profile, call)


def issue_exercise(conn: Connection, say: Say, note: str, profile: Profile, call: Call) -> Warning:
    """Issue what is said in a drill: never anything but an exercise. Raises CapRuleBroken or InvalidRequest."""
    exercise = Issue(
        say=say,
        status=CapStatus.CAP_STATUS_EXERCISE,
        scope=CapScope.CAP_SCOPE_PUBLIC,
        restriction="",
        addresses="",
        note=note,
    )
    return issue(conn, exercise, profile, call)


def update(conn: Connection, id_: str, say: Say, note: str, etag: str, profile: Profile, call: Call) -> Warning:
    """Say something else. Raises NotFound, StaleEtag, WarningForeign, WarningNotInForce, CapRuleBroken or
    InvalidRequest.
    """
    before = _lock_own(conn, id_, etag)
    info = composing.info_of(say, _sender_name(conn, profile), call.now, profile.lasts)
    return _sent(
        conn, _next(conn, before, CapMessageType.CAP_MESSAGE_TYPE_UPDATE, [info], note, profile, call), profile, call
    )


def cancel(conn: Connection, id_: str, note: str, etag: str, profile: Profile, call: Call) -> Warning:
    """Take a warning back. Raises NotFound, StaleEtag, WarningForeign, WarningNotInForce or CapRuleBroken."""
    before = _lock_own(conn, id_, etag)
    return _sent(
        conn, _next(conn, before, CapMessageType.CAP_MESSAGE_TYPE_CANCEL, [], note, profile, call), profile, call
    )


def require_warning(conn: Connection, id_: str) -> Warning:
    """The warning of that id. Raises NotFound."""
    found = store.find_warning(conn, id_)
    if found is None:
        raise NotFound(WARNING.name(id_))
    return found


def _signed(root: Any, source: Source, now: datetime) -> Reading:
    """What the source's key has signed, which alone is read."""
    signed = signing.verified(root, source.certificate, now)
    return Reading(None, ()) if signed is None else read_document(signed)


def _lock_own(conn: Connection, id_: str, etag: str) -> Warning:
    messages.lock_warnings(conn, codes.district_of(id_))
    before = require_warning(conn, id_)
    require_fresh(before.name, before.etag, etag)
    if before.source:
        raise WarningForeign(SOURCE.name(before.source))
    if before.state != WarningState.WARNING_STATE_IN_FORCE:
        raise WarningNotInForce(before.state)
    return before


def _next(
    conn: Connection,
    before: Warning,
    message_type: CapMessageType,
    infos: Sequence[Info],
    note: str,
    profile: Profile,
    call: Call,
) -> Alert:
    """The next message of a warning, which refers to those before it, as far as they are many to its first and last."""
    linked = messages.linked_messages(conn, before.id)
    sent = sorted(each.link.key for each in linked if not each.source and each.link.key.sender == profile.sender)
    stored = messages.find_message(conn, before.id)
    first = read(stored.document).alert if stored else None
    assert first is not None, "a warning begins with a message that was read"
    return composing.alert_of(
        _new_key(profile, call),
        message_type,
        infos,
        status=before.status,
        scope=before.scope,
        references=list(dict.fromkeys([first.key, *sent[-_REFERENCES:]])),
        restriction=first.restriction,
        addresses=first.addresses,
        note=note,
    )


def _sent(conn: Connection, alert: Alert, profile: Profile, call: Call) -> Warning:
    """The warning, with this message stored. The message is read as others will: what they could refuse is refused."""
    document, ground, violations = composing.written(alert)
    if violations:
        raise CapRuleBroken([(each.rule, _request_field(each.field), each.description) for each in violations])
    incoming = Incoming(district=profile.district, source="", alert=alert, ground=ground, faults=(), document=document)
    message = take(conn, incoming, profile.lasts, call)
    if alert.infos and not message.target.places:
        raise InvalidRequest(FieldViolation("content.areas", f"meet no cell of {profile.district}"))
    return require_warning(conn, message.warnings[0])


def _new_key(profile: Profile, call: Call) -> Key:
    return Key(call.now.replace(microsecond=0), profile.sender, f"{profile.district}-{ids.new_id()}")


def _sender_name(conn: Connection, profile: Profile) -> str:
    names = places.office_names(conn, profile.district, [profile.district])
    return names.get(profile.district, profile.district)


def _answer(
    alert: Alert, message_type: CapMessageType, faults: Sequence[Violation], profile: Profile, now: datetime
) -> bytes:
    reply = composing.reply_to(
        alert.key, message_type, status=alert.status, sender=profile.sender, faults=faults, now=now
    )
    return composing.written(reply)[0]


def _request_field(path: str) -> str:
    """The field of the request that a part of the message was made of."""
    path = _INFO.sub("content.", path)
    for element, field in _FIELDS:
        path = path.replace(element, field)
    return path


def _triples(violations: Sequence[Violation]) -> list[tuple[CapRule, str, str]]:
    return [(each.rule, each.field, each.description) for each in violations]
