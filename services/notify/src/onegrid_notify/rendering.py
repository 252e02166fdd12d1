"""Writes messages: by what the reader's district published, or by what is shipped.

Each process keeps the published templates compiled, and asks every two seconds for what has changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from onegrid_kit.logs import log
from onegrid_notify.facts import Facts, Recipient
from onegrid_notify.metrics import TEMPLATE_FALLBACKS
from onegrid_notify.store import templates as store
from onegrid_notify.templates import InvalidTemplate, Rendered, RenderingFailed, Template, shipped, shipped_messages
from onegrid_notify.wording import TemplateKey, TemplateVersion

__all__ = ["Renderer", "render"]

_REFRESH_S: Final = 2.0


class _Published:
    """What one district published, compiled."""

    def __init__(self) -> None:
        self.change = 0
        self.asked = float("-inf")
        self.templates: dict[TemplateKey, Template] = {}

    def take(self, change: int, version: TemplateVersion) -> None:
        key = version.key
        self.templates.pop(key, None)
        self.change = change
        if version.wording is not None:
            try:
                self.templates[key] = Template(key.event, key.recipient, key.language, version.wording)
            except (InvalidTemplate, KeyError) as error:
                # Published under another release, which knew other events or facts.
                _report(key, version.district, error)


class Renderer:
    """Writes messages in one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._published: WeakKeyDictionary[Engine, dict[str, _Published]] = WeakKeyDictionary()
        for event, _ in shipped_messages():
            # From the start, so that the first one counts.
            TEMPLATE_FALLBACKS.labels("notify", event)

    def render(
        self, conn: Connection, district: str, event: str, recipient: Recipient, facts: Facts, language: str
    ) -> Rendered:
        """What a message about the event says to this recipient, in a language that is shipped.

        Takes one statement every two seconds. Where the district's own template fails, the shipped one is used.
        KeyError: there are no messages about such an event to such a recipient.
        """
        key = TemplateKey(event, recipient, language)
        own = self._templates(conn, district).get(key)
        if own is not None:
            try:
                return own.render(facts)
            except RenderingFailed as error:
                _report(key, district, error)
        return shipped(language)[event, recipient].render(facts)

    def _templates(self, conn: Connection, district: str) -> dict[TemplateKey, Template]:
        published = self._published.setdefault(conn.engine, {}).setdefault(district, _Published())
        now = self._clock()
        if now - published.asked >= _REFRESH_S:
            for change, version in store.changes_since(conn, district, published.change):
                published.take(change, version)
            published.asked = now
        return published.templates


def _report(key: TemplateKey, district: str, error: Exception) -> None:
    TEMPLATE_FALLBACKS.labels("notify", key.event).inc()
    log.warning("template failed; the shipped one is used", template=key.name(district), error=str(error))


_RENDERER: Final = Renderer()


def render(conn: Connection, district: str, event: str, recipient: Recipient, facts: Facts, language: str) -> Rendered:
    """The same, with what this process keeps."""
    return _RENDERER.render(conn, district, event, recipient, facts, language)
