"""Calls over mutual TLS, as the PEM files of the settings say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from onegrid_checks.settings import Settings
from onegrid_demo.client import connect
from onegrid_kit.testing.certificates import Authority
from onegrid_kit.testing.waiting import HANG_S


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def certified(authority: Authority) -> grpc.ServerCredentials:
    """A server that refuses clients without a certificate of the authority."""
    certificate, key = (Path(file).read_bytes() for file in authority.issue("server"))
    return grpc.ssl_server_credentials(
        [(key, certificate)], Path(authority.file).read_bytes(), require_client_auth=True
    )


@pytest_asyncio.fixture
async def target(certified: grpc.ServerCredentials) -> AsyncIterator[str]:
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health.aio.HealthServicer(), server)
    port = server.add_secure_port("localhost:0", certified)
    await server.start()
    yield f"localhost:{port}"
    await server.stop(None)


async def ask(target: str, settings: Settings) -> None:
    async with connect(target, settings.credentials()) as channel:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=HANG_S)


async def test_they_are_answered_with_the_right_files_alone(authority: Authority, target: str) -> None:
    certificate, key = authority.issue("client")
    await ask(target, Settings(tls_ca=authority.file, tls_certificate=certificate, tls_key=key))
    with pytest.raises(grpc.aio.AioRpcError):
        await ask(target, Settings(tls_ca=authority.file))
