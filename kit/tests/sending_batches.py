"""A process that stores batches of one device all the time, and prints the counters that it was answered, so that it
can be killed: `sending_batches URL`.
"""

from __future__ import annotations

import random
import subprocess
import sys
from contextlib import AbstractContextManager

from onegrid.field.v1.field_pb2 import Outcome
from onegrid_kit.database import sync_engine
from onegrid_kit.field import log
from onegrid_kit.field.device_keys import find_device_key

from . import roles
from .fieldwork import MINUTE, NOON, NOTHING, SERVICE, a_device


def sending_batches(database_url: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Such a process, killed in the end. Each of them has the same device, with a log of its own."""
    return roles.scripted("sending_batches", database_url)


def main(url: str) -> None:
    """Send pieces of the log, some of them again, until killed."""
    engine, device = sync_engine(url), a_device(number=1)
    print(flush=True)
    while True:
        device.record(NOTHING, NOON + len(device.entries) * MINUTE / 100)
        if len(device.entries) % 5:
            continue
        first = random.randrange(max(0, len(device.entries) - 20), len(device.entries))
        last = random.randint(first + 1, len(device.entries))
        with engine.begin() as conn:
            key = find_device_key(conn, device.name)
            batch = device.batch(NOON + 100 * MINUTE, device.entries[first:last])
            result = log.append(conn, SERVICE, key, batch, NOON + 100 * MINUTE, lambda _: "patrols/killed").result
        print(*(each.counter for each in result.results if each.outcome != Outcome.OUTCOME_REFUSED), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
