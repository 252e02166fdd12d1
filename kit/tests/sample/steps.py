"""Work in steps: numbers in, effects out. A row in `fault` makes a step fail, one in `pause` makes it slow."""

from datetime import datetime

from sqlalchemy import Connection, text

from onegrid_kit.steps import Progress, Steps, Work

from .handlers import Faulty

_FILL = text(
    "INSERT INTO effect (name) SELECT :id || ' ' || number FROM generate_series(CAST(:first AS int), :last) AS number"
)


def fill(conn: Connection, work: Work, _: datetime) -> Progress:
    """Leave an effect for each of the next numbers up to the total."""
    first = work.cursor.get("last", 0) + 1
    last = min(first + work.parameters["size"] - 1, work.parameters["numbers"])
    conn.execute(_FILL, {"id": work.id, "first": first, "last": last})
    conn.execute(text("SELECT pg_sleep(seconds) FROM pause"))
    if conn.execute(text("SELECT 1 FROM fault WHERE said = :id"), {"id": work.id}).first():
        raise Faulty(work.id)
    return Progress({"last": last}, last - first + 1, finished=last == work.parameters["numbers"])


STEPS = (Steps("fill", fill),)
