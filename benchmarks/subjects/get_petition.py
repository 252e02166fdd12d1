"""GetPetition, each read audited, against a bare grpc.aio echo."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.comparing import Figure, compare, generating
from benchmarks.platform import Platform, process, wait_until_listening
from onegrid.petition.v1 import petition_service_pb2 as pb
from onegrid_kit.embedded.ports import free_port


def measure(platform: Platform) -> Iterator[Figure]:
    """At 32 and 96 callers."""
    api, port = platform.petition, free_port()
    request = platform.folder / "get.bin"
    request.write_bytes(pb.GetPetitionRequest(name=platform.file_one()).SerializeToString())
    with process([sys.executable, "-m", "benchmarks.echo", str(port)]) as echo:
        wait_until_listening(port)
        for callers, bar in ((32, 0.5), (96, None)):
            with (
                generating(
                    api.port,
                    "repeated",
                    *("/onegrid.petition.v1.PetitionService/GetPetition", platform.tokens["petitioner"], request),
                    callers=callers,
                    parts={"api": api.pid, "postgres": platform.postgres.pid},
                ) as ours,
                generating(
                    port, "repeated", "/bench.Echo/Echo", "", request, callers=callers, parts={"api": echo.pid}
                ) as limit,
            ):
                print(f"    against an echo, {callers} callers", flush=True)
                found = compare("get_petition", ours, limit)
                yield from found.figures("ratio" if callers == 32 else f"ratio_{callers}", bar)
