"""How bytes travel: limits, keepalive, TLS."""

from __future__ import annotations

from pathlib import Path

import grpc
import grpc.aio
from cryptography import x509

from onegrid_kit import metrics
from onegrid_kit.settings import ServiceSettings

__all__ = ["bind", "channel", "export_expiry", "server_options"]

_CHANNEL = [
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    # Left alone it would let minutes pass before it looks for a peer that was long away.
    ("grpc.max_reconnect_backoff_ms", 2_000),
]


def server_options(settings: ServiceSettings) -> list[tuple[str, int]]:
    """The server's limits; connections are renewed now and then, so that load spreads over new replicas."""
    return [
        # The pipeline refuses what is larger than the limit, with details; gRPC refuses without any.
        ("grpc.max_receive_message_length", 2 * settings.max_message_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", 32 * 1024),
        ("grpc.keepalive_time_ms", 60_000),
        ("grpc.keepalive_timeout_ms", 20_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        # By a tenth more or less, so that those of one moment are not renewed in one.
        ("grpc.max_connection_age_ms", round(settings.connection_age_s * 1000)),
        # Calls that are new go to the new connection; a stream goes on by the old one.
        ("grpc.max_connection_age_grace_ms", round(settings.stream_age_s * 1000)),
        ("grpc.so_reuseport", int(settings.reuse_port)),
    ]


def bind(server: grpc.aio.Server, listen: str, settings: ServiceSettings) -> int:
    """Listen there, with TLS if it is set; the port. Renewed certificates are for the connections after."""
    if not settings.tls_certificate:
        return server.add_insecure_port(listen)
    credentials = grpc.dynamic_ssl_server_credentials(
        _certificates(settings),
        # Asked for each connection, so that renewed files need no restart.
        lambda: _certificates(settings),
        require_client_authentication=bool(settings.tls_client_ca),
    )
    return server.add_secure_port(listen, credentials)


def export_expiry(service: str, settings: ServiceSettings) -> None:
    """Export, with TLS, when the first of the certificates ends that the next connection is shown."""
    if settings.tls_certificate:
        metrics.CERTIFICATE_EXPIRY.labels(service).set_function(lambda: _expiry(Path(settings.tls_certificate)))


def channel(target: str, settings: ServiceSettings) -> grpc.aio.Channel:
    """A channel to another of the platform's services, over all of its replicas."""
    if not settings.tls_certificate:
        return grpc.aio.insecure_channel(target, _CHANNEL)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=Path(settings.tls_ca).read_bytes() if settings.tls_ca else None,
        private_key=Path(settings.tls_key).read_bytes(),
        certificate_chain=Path(settings.tls_certificate).read_bytes(),
    )
    return grpc.aio.secure_channel(target, credentials, _CHANNEL)


def _expiry(file: Path) -> float:
    try:
        chain = x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError):
        return 0
    return min(each.not_valid_after_utc.timestamp() for each in chain)


def _certificates(settings: ServiceSettings) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(Path(settings.tls_key).read_bytes(), Path(settings.tls_certificate).read_bytes())],
        root_certificates=Path(settings.tls_client_ca).read_bytes() if settings.tls_client_ca else None,
    )
