"""What people decide about what leaves the platform for them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from onegrid_kit.callers import Call
from onegrid_kit.etags import require_fresh
from onegrid_notify.preferences import Mute, Preferences
from onegrid_notify.store import people
from onegrid_notify.store import preferences as store

__all__ = ["mute", "set_preferences"]


def set_preferences(conn: Connection, wanted: Preferences, etag: str, call: Call) -> Preferences:
    """Have the caller's preferences be these; those that are so already stay as they are. Raises StaleEtag."""
    user = call.caller.user
    people.lock_person(conn, user)
    before = store.preferences_of(conn, user)
    require_fresh(f"{user}/preferences", before.etag, etag)
    return _changed(conn, user, before, wanted, call.now)


def mute(conn: Connection, user: str, wanted: Mute, now: datetime) -> Preferences:
    """Have this not sent to a person any more; repeating it changes nothing."""
    people.lock_person(conn, user)
    before = store.preferences_of(conn, user)
    return _changed(conn, user, before, before.with_mute(wanted), now)


def _changed(conn: Connection, user: str, before: Preferences, wanted: Preferences, now: datetime) -> Preferences:
    if wanted == replace(before, version=wanted.version, update_time=wanted.update_time):
        return before
    after = replace(wanted, version=before.version + 1, update_time=now)
    store.save_preferences(conn, user, after)
    return after
