"""The rules of CAP that its schema does not have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from onegrid.emergency.v1.warnings_pb2 import CapMessageType, CapRule, CapScope
from onegrid_emergency.cap.areas import Ground
from onegrid_emergency.cap.message import TOLERATED, Alert, Violation
from onegrid_emergency.cap.reading import Reading

__all__ = ["broken", "check", "has_illegal_characters"]

_SAYING: Final = frozenset({CapMessageType.CAP_MESSAGE_TYPE_ALERT, CapMessageType.CAP_MESSAGE_TYPE_UPDATE})
_ILLEGAL: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def check(reading: Reading, ground: Ground) -> tuple[Violation, ...]:
    """All rules that a message breaks, those of its bytes and of its areas among them."""
    beyond = _violations(reading.alert) if reading.alert else ()
    return (*reading.violations, *beyond, *ground.violations)


def broken(violations: tuple[Violation, ...]) -> tuple[Violation, ...]:
    """Those for which a message is refused that is received."""
    return tuple(each for each in violations if each.rule not in TOLERATED)


def has_illegal_characters(text: str) -> bool:
    """Whether the text has characters that no document of XML 1.0 can have."""
    return _ILLEGAL.search(text) is not None


def _violations(alert: Alert) -> Iterator[Violation]:
    if alert.scope == CapScope.CAP_SCOPE_RESTRICTED and not alert.restriction:
        yield Violation(CapRule.CAP_RULE_RESTRICTION, "restriction", "is missing although the scope is Restricted")
    if alert.scope == CapScope.CAP_SCOPE_PRIVATE and not alert.addresses:
        yield Violation(CapRule.CAP_RULE_ADDRESSES, "addresses", "is missing although the scope is Private")
    if alert.message_type != CapMessageType.CAP_MESSAGE_TYPE_ALERT and not alert.references:
        yield Violation(CapRule.CAP_RULE_REFERENCES, "references", "is missing although the message is about another")
    if alert.key in alert.references:
        yield Violation(CapRule.CAP_RULE_REFERENCES, "references", "names the message itself")
    if alert.message_type in _SAYING and not alert.infos:
        yield Violation(CapRule.CAP_RULE_INFO, "info", "is missing")
    for number, info in enumerate(alert.infos):
        if info.expires and info.expires <= (info.effective or alert.sent):
            yield Violation(CapRule.CAP_RULE_EXPIRY, f"info[{number}].expires", "lies before it becomes effective")
