"""A process that does nothing but take steps, so that it starts and can be killed quickly: `stepping URL`."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import AbstractContextManager

from sqlalchemy import event

from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.steps import StepRunner

from . import roles
from .sample.steps import STEPS


def stepping(database_url: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Such a process, killed in the end."""
    return roles.scripted("stepping", database_url)


def main(url: str) -> None:
    """Take steps until killed."""
    engine = sync_engine(url)

    @event.listens_for(engine, "connect")
    def hurry(connection: object, _: object) -> None:
        """A session that hangs is ended after a second, not only after a minute."""
        with connection.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SET idle_in_transaction_session_timeout = '1s'")
        connection.commit()  # type: ignore[attr-defined]

    StepRunner("toy", engine, STEPS, SystemClock()).start()
    print("steps", flush=True)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])
