"""A process that does nothing but take steps, small ones, so that it is killed in the middle: `stepping URL`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import event

from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.steps import StepRunner
from onegrid_notify.commands import reach
from onegrid_notify.main import SERVICE

ROOT = Path(__file__).resolve().parents[4]


@contextmanager
def stepping(database_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Such a process, killed in the end."""
    process = subprocess.Popen([sys.executable, "-m", "services.notify.tests.api.stepping", database_url], cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def main(url: str) -> None:
    """Take steps until killed."""
    reach.WRITTEN_AT_ONCE = 100  # type: ignore[misc]
    engine = sync_engine(url)

    @event.listens_for(engine, "connect")
    def hurry(connection: object, _: object) -> None:
        """A session that hangs is ended after a second, not only after a minute."""
        with connection.cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SET idle_in_transaction_session_timeout = '1s'")
        connection.commit()  # type: ignore[attr-defined]

    StepRunner("notify", engine, SERVICE.load_steps(), SystemClock()).start()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1])
