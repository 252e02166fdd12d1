"""A process that does nothing but climb, so that it starts and can be killed quickly: `climbing URL`."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import AbstractContextManager

from onegrid_kit.clock import SystemClock
from onegrid_kit.database import sync_engine
from onegrid_kit.ladder import Climber

from . import roles
from .sample.ladders import LADDERS


def climbing(database_url: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Such a process, killed in the end."""
    return roles.scripted("climbing", database_url)


if __name__ == "__main__":
    Climber("toy", sync_engine(sys.argv[1]), LADDERS, SystemClock(), retry_base_s=0.1).start()
    print("climbs", flush=True)
    while True:
        time.sleep(60)
