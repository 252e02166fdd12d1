"""`python3 -m onegrid_checks smoke | loop | load | observability | sink`; the environment configures it.

Exit codes: 0 if all expectations hold, 1 if one does not, 2 if a setting is missing.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

import uvloop

from onegrid_checks import sink
from onegrid_checks.checklist import Checklist, Ended
from onegrid_checks.settings import NEEDS, Settings, SettingsError

__all__ = ["main"]


def main(argv: Sequence[str]) -> int:
    """Run the named suite; return the exit code."""
    name = argv[0] if len(argv) == 1 else ""
    try:
        if name == "sink":
            sink.serve()
            return 0
        if name not in NEEDS:
            print(f"usage: python3 -m onegrid_checks {' | '.join((*NEEDS, 'sink'))}", file=sys.stderr)
            return 2
        settings = Settings.read(name, os.environ)
        checklist = Checklist(name, judges_speed=settings.judges_speed)
        with suppress(Ended), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(importlib.import_module(f"onegrid_checks.{name}").check(settings, checklist))
        return checklist.conclude()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
