"""The statements over people's preferences."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import time
from typing import Any, cast

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from onegrid.notify.v1.delivery_pb2 import Channel, DigestPeriod
from onegrid_notify.preferences import Digest, Mute, Preferences
from onegrid_notify.quiet import QuietHours
from onegrid_notify.tables import preferences

__all__ = ["preferences_of", "preferences_of_users", "save_preferences"]


def preferences_of(conn: Connection, user: str) -> Preferences:
    """What a person decided."""
    return preferences_of_users(conn, [user])[user]


def preferences_of_users(conn: Connection, users: Collection[str]) -> Mapping[str, Preferences]:
    """What these people decided, each of them."""
    rows = conn.execute(select(preferences).where(preferences.c.user_name.in_(users)))
    return {**dict.fromkeys(users, Preferences()), **{row.user_name: _preferences(row) for row in rows}}


def save_preferences(conn: Connection, user: str, changed: Preferences) -> None:
    """Store what a person decided."""
    quiet = changed.quiet_hours
    values = {
        "mutes": [[mute.topic, int(mute.channel)] for mute in changed.ordered_mutes],
        "quiet_start": None if quiet is None else _minutes(quiet.start),
        "quiet_end": None if quiet is None else _minutes(quiet.end),
        "digests": [[int(c), int(d.period), _minutes(d.time)] for c, d in sorted(changed.digests.items())],
        "time_zone": changed.time_zone,
        "language": changed.language,
        "version": changed.version,
        "update_time": changed.update_time,
    }
    statement = insert(preferences).values(user_name=user, **values)
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[preferences.c.user_name], set_={name: statement.excluded[name] for name in values}
        )
    )


def _preferences(row: Any) -> Preferences:
    quiet = None
    if row.quiet_start is not None:
        quiet = QuietHours(_time(row.quiet_start), _time(row.quiet_end))
    return Preferences(
        mutes=frozenset(Mute(topic, cast(Channel, channel)) for topic, channel in row.mutes),
        quiet_hours=quiet,
        digests={
            cast(Channel, channel): Digest(cast(DigestPeriod, period), _time(minutes))
            for channel, period, minutes in row.digests
        },
        time_zone=row.time_zone,
        language=row.language,
        version=row.version,
        update_time=row.update_time,
    )


def _minutes(of: time) -> int:
    return of.hour * 60 + of.minute


def _time(minutes: int) -> time:
    return time(*divmod(minutes, 60))
