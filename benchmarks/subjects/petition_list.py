"""ListPetitions with every combination of filters, and SummarizePetitions of two years, at 100,000 petitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, Final

import grpc
from google.protobuf.message import Message

from benchmarks import hundred_thousand as stored
from benchmarks.comparing import Figure, percentile
from benchmarks.platform import Platform
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid.petition.v1.resources_pb2 import Kind, State
from onegrid_demo import district

_SCREENED, _CALLS, _SLOWEST = 3, 200, 10
_MOST_MS: Final = 20

_CELL: Final = district.cells()[0].code
FILTERS: Final[Mapping[str, Mapping[str, Any]]] = {
    "place": {
        "any": "",
        "street": _CELL[:9],
        "community": _CELL[:12],
        "cell": _CELL,
        "small cell": district.cells()[-1].code,
    },
    "states": {
        "any": (),
        "most": (State.STATE_CLOSED,),
        "few": (State.STATE_FILED,),
        "none": (State.STATE_VERIFIED,),
        "open": (State.STATE_FILED, State.STATE_HANDLING, State.STATE_CONCLUDED),
    },
    "kinds": {"any": (), "rare": (Kind.KIND_REPORT,), "none": (Kind.KIND_SUGGESTION,)},
    "assignee": {"any": "", "busy": stored.BUSY, "idle": stored.IDLE},
    "text": {
        "any": "",
        "common": stored.COMMON,
        "rare": stored.RARE,
        "absent": stored.ABSENT,
        "a letter": stored.COMMON[0],
        "long": "请尽快处理，第50000件",
    },
}
"""For each filter of a list some values, by what is special about them."""


def combinations() -> Iterator[tuple[str, pb.ListPetitionsRequest]]:
    """Every combination, by name."""
    for chosen in product(*(values.items() for values in FILTERS.values())):
        fields = {name: value for name, (_, value) in zip(FILTERS, chosen, strict=True) if value}
        said = [f"{name}={kind}" for name, (kind, _) in zip(FILTERS, chosen, strict=True) if kind != "any"]
        yield " ".join(said) or "newest", pb.ListPetitionsRequest(district=district.CODE, **fields)


def measure(platform: Platform) -> Iterator[Figure]:
    """The slowest one's 99th percentile, one call at a time."""
    token = platform.tokens["commander"]
    with grpc.insecure_channel(f"127.0.0.1:{platform.full_petition.port}") as channel:

        def calling(method: str, request: Message) -> Callable[[], float]:
            call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                f"/onegrid.petition.v1.PetitionService/{method}"
            )
            body, metadata = request.SerializeToString(), (("authorization", f"Bearer {token}"),)

            def once() -> float:
                began = time.perf_counter()
                call(body, metadata=metadata, timeout=30)
                return (time.perf_counter() - began) * 1000

            return once

        calls = {name: calling("ListPetitions", request) for name, request in combinations()}
        two_years = pb.SummarizePetitionsRequest(place=district.CODE, first_day="2024-11-01", last_day="2026-10-31")
        calls["summary of two years"] = calling("SummarizePetitions", two_years)
        print(f"    {len(calls)} combinations of filters", flush=True)
        screened = {name: sorted(once() for _ in range(_SCREENED))[_SCREENED // 2] for name, once in calls.items()}
        slowest = sorted(screened, key=screened.__getitem__, reverse=True)[:_SLOWEST]
        found = {name: percentile([calls[name]() for _ in range(_CALLS)], 0.99) for name in slowest}
        for name, p99 in found.items():
            print(f"    {name}: p99 {p99:.1f} ms", flush=True)
    worst = max(found, key=found.__getitem__)
    yield Figure("petition_list.worst_p99_ms", round(found[worst], 1), _MOST_MS, least=False, note=worst)
