"""10,000 readers who follow their inboxes in one process: what it holds in memory, and how soon they get a notice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import grpc

from benchmarks import machine
from benchmarks.comparing import Figure, percentile, stolen_too_much
from benchmarks.platform import Api, Platform
from benchmarks.subjects.notify_publish import prepare, publish
from onegrid_demo import district

_STREAMS: Final = 10_000
_CONNECTIONS: Final = 500
_WARM_UP: Final = 3
_ROUNDS: Final = 20
_BAR_MIB: Final = 1024
_BAR_MS: Final = 500


def measure(platform: Platform) -> Iterator[Figure]:
    """Notices for a community, for a street and for the whole district, one after another."""
    _ = platform.notify
    api = platform.start_api("notify", "notify", {"MAX_STREAMS": str(_STREAMS)})
    empty = machine.proportional_memory(api.pid)
    with grpc.insecure_channel(f"127.0.0.1:{api.port}") as editor, _reading(platform, api) as readers:
        communities = list(district.communities())
        places = {"community": communities[0], "street": communities[0][:9], "district": district.CODE}
        for _ in range(_WARM_UP):
            _send(platform, editor, readers, district.CODE)
        for name, place in places.items():
            before = machine.times()
            took = [each for _ in range(_ROUNDS) for each in _send(platform, editor, readers, place)]
            passed = machine.times() - before
            note = stolen_too_much(passed.share(passed.steal))
            bar = _BAR_MS if name == "community" else None
            key = "notify_streams" if bar else f"notify_streams.{name}"
            yield Figure(f"{key}.p50_ms", round(percentile(took, 0.5) * 1000, 1))
            yield Figure(f"{key}.p99_ms", round(percentile(took, 0.99) * 1000, 1), bar, least=False, note=note)
            yield Figure(f"{key}.readers", len(took) // _ROUNDS)
        held = machine.proportional_memory(api.pid)
    yield Figure("notify_streams.mib", round(held / 2**20), _BAR_MIB, least=False)
    yield Figure("notify_streams.mib_without", round(empty / 2**20))
    yield Figure("notify_streams.streams", _STREAMS)


@contextmanager
def _reading(platform: Platform, api: Api) -> Iterator[subprocess.Popen[str]]:
    tokens = platform.folder / "readers.tokens"
    tokens.write_text("\n".join(platform.residents_tokens(_STREAMS)))
    command = [sys.executable, "-m", "benchmarks.readers", f"127.0.0.1:{api.port}", str(_CONNECTIONS), str(tokens)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as readers:
        assert readers.stdout is not None
        if readers.stdout.readline() != "live\n":
            raise SystemExit("the readers ended; see above")
        try:
            yield readers
        finally:
            readers.kill()


def _send(platform: Platform, editor: grpc.Channel, readers: subprocess.Popen[str], place: str) -> list[float]:
    """The seconds from the call that publishes until each reader of the place has the notice."""
    assert readers.stdin is not None
    assert readers.stdout is not None
    name = prepare(platform, editor, place)
    began = time.monotonic()
    publish(platform, editor, name)
    readers.stdin.write(f"{name} {_readers_of(place)}\n")
    readers.stdin.flush()
    return [moment - began for moment in json.loads(readers.stdout.readline() or "[]")]


def _readers_of(place: str) -> int:
    """How many of the readers are at home there; see `residents.py`."""
    communities = list(district.communities())
    homes = (communities[number % len(communities)] for number in range(1, _STREAMS + 1))
    return sum(home.startswith(place) for home in homes)
