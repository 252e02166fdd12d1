"""Deadlines in, effects out, one for each rung. A row in `fault` makes the rungs of a subject fail, one in `pause`
makes all slow.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from onegrid_kit.ladder import Climb, Ladder, Next, each

from .handlers import Faulty

AFTER = timedelta(milliseconds=300)
TOP = 3


def page(conn: Connection, climb: Climb, now: datetime) -> Next | None:
    """Page whoever stands on this rung."""
    return page_all(conn, [climb], now)[0]


def page_all(conn: Connection, climbs: Sequence[Climb], now: datetime) -> list[Next | None]:
    """The same for all of these. A subject says behind a slash on which rungs nobody stands."""
    manned = [climb for climb in climbs if str(climb.rung) not in climb.subject.partition("/")[2]]
    effects = [{"name": f"{climb.subject} {climb.rung}"} for climb in manned]
    if effects:
        conn.execute(text("INSERT INTO effect (name) VALUES (:name)"), effects)
    conn.execute(text("SELECT pg_sleep(seconds) FROM pause"))
    subjects = [climb.subject for climb in climbs]
    faulty = conn.execute(text("SELECT said FROM fault WHERE said = ANY(:subjects)"), {"subjects": subjects}).first()
    if faulty:
        raise Faulty(faulty.said)
    return [None if climb.rung == TOP else Next(now + AFTER if climb in manned else now) for climb in climbs]


LADDERS = (Ladder("page", each(page)), Ladder("page many", page_all))
