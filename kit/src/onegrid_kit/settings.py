"""Settings: one frozen dataclass a service, each field documented; the environment is read here and nowhere else."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any, TypeVar, get_type_hints
from urllib.parse import parse_qs, quote, urlsplit

from onegrid_kit.cipher import cipher
from onegrid_kit.sizes import MAX_RESPONSE_BYTES

__all__ = ["ServiceSettings", "SettingsError", "describe", "load", "setting"]

S = TypeVar("S", bound="ServiceSettings")
PREFIX = "ONEGRID_"
_KEY_CHARACTERS = 32
_SERVERS = {"database": "platform.database.port", "amqp": "platform.broker.port"}
"""What has a URL, and where the charts say which port the network policies open for it."""
_PORTS = {"postgres": 5432, "postgresql": 5432, "amqp": 5672, "amqps": 5671}


class SettingsError(Exception):
    """A setting is missing or invalid; the message names it and what it takes."""


def setting(doc: str, *, default: Any = MISSING, secret: bool = False) -> Any:
    """A field of a settings class; without a default it must be set."""
    return field(default=default, metadata={"doc": doc, "secret": secret}, repr=not secret, kw_only=True)


@dataclass(frozen=True)
class ServiceSettings:
    """The settings of every service."""

    database_url: str = setting(
        "PostgreSQL 15 or later, `postgresql://user:password@host:port/database`; with `?sslmode=verify-full&"
        "sslrootcert=/a/file.pem` or another mode of libpq's by TLS.",
        secret=True,
    )
    database_user: str = setting("Who logs in there, if the URL does not say.", default="", secret=True)
    database_password: str = setting("That user's password, as it is.", default="", secret=True)
    database_port: int = setting(
        "The port that network policies open for it: a URL with another one is refused; 0: any.", default=0
    )
    page_token_key: str = setting("Signs page and resume tokens; 32 characters or more.", secret=True)
    cipher_keys: str = setting(
        "Keys of personal fields: `id:64 hex digits`, separated by commas; the first one encrypts, the last one makes "
        "indexes.",
        secret=True,
    )
    cipher: str = setting("AES-256-GCM or SM4-GCM.", default="AES-256-GCM")
    amqp_url: str = setting(
        "RabbitMQ 3.10 or later, `amqp://user:password@host:port/vhost`; needed by worker and relay. With `amqps` by "
        "TLS; `?cafile=/a/file.pem` names the authority of the broker's certificate, if it is not one of the system's.",
        default="",
        secret=True,
    )
    amqp_user: str = setting("Who logs in there, if the URL does not say.", default="", secret=True)
    amqp_password: str = setting("That user's password, as it is.", default="", secret=True)
    amqp_port: int = setting("The port that network policies open for it, as with `DATABASE_PORT`.", default=0)
    absent_services: str = setting(
        "Services that this installation leaves out, separated by commas: events are not kept for them.", default=""
    )
    listen: str = setting("Where the api listens.", default="0.0.0.0:50051")
    health_listen: str = setting(
        "Where health is served in plain text when TLS is on; empty: on the same port as the rest.", default=""
    )
    http_listen: str = setting(
        "Where the api serves what is not gRPC, `0.0.0.0:8080`, if the service has HTTP routes; empty: nowhere.",
        default="",
    )
    metrics_port: int = setting("Where Prometheus scrapes; 0 serves no metrics.", default=0)
    identity_target: str = setting("Where identity's public keys are fetched.", default="localhost:50051")
    reuse_port: bool = setting("Let several processes share the api's port.", default=True)
    database_pool: int = setting("Connections for commands, a process.", default=8)
    database_read_pool: int = setting("Connections for reads, a process.", default=4)
    statement_timeout_ms: int = setting("How long one SQL statement may take.", default=10_000)
    default_deadline_s: float = setting("How long a call may take whose caller set no deadline.", default=10.0)
    max_calls: int = setting("Calls at the same moment, streams aside; more are refused.", default=2000)
    max_streams: int = setting("Streams at the same moment; more are refused.", default=2000)
    max_calls_per_caller: int = setting(
        "Calls at the same moment of one caller, or of one address without a token; more are refused.", default=200
    )
    max_streams_per_caller: int = setting(
        "Streams at the same moment of one caller, or of one address without a token; more are refused.", default=100
    )
    forwarding_proxies: int = setting(
        "How many proxies stand before the api, each of which appends the address of whom it forwards to the metadata "
        "`x-forwarded-for`; 0 takes the address that connects.",
        default=0,
    )
    http_forwarding_proxies: int = setting(
        "The same for what is not gRPC, whose proxies append to the header `x-forwarded-for`.", default=0
    )
    connection_age_s: float = setting(
        "How long a client keeps a connection before it looks for replicas anew: by then, new ones have their share.",
        default=120.0,
    )
    stream_age_s: float = setting(
        "How long after that a stream goes on; then its client resumes it.", default=30 * 60.0
    )
    max_message_bytes: int = setting("The largest request.", default=4 * 1024 * 1024)
    page_bytes: int = setting("A page of a list ends before it is larger.", default=3 * 1024 * 1024)
    drain_pause_s: float = setting("From NOT_SERVING until calls are refused, on SIGTERM.", default=3.0)
    drain_grace_s: float = setting("How long running calls may finish after that.", default=15.0)
    tls_certificate: str = setting("PEM file of the server's certificate; with it the api speaks TLS.", default="")
    tls_key: str = setting("PEM file of its key.", default="")
    tls_ca: str = setting("PEM file of the authority of other services' certificates; empty: the system's.", default="")
    tls_client_ca: str = setting(
        "PEM file of the authority that the certificates of gRPC clients need; those of HTTP need none.", default=""
    )
    otlp_endpoint: str = setting(
        "OTLP over HTTP, `http://collector:4318/v1/traces`; empty exports nothing.", default=""
    )
    otlp_headers: str = setting(
        "Headers to export with, such as a token: `name=value,other=value`; commas in a value are percent-encoded.",
        default="",
        secret=True,
    )
    otlp_ca: str = setting(
        "PEM file of the authority of the collector's certificate; empty: those that are known.", default=""
    )
    trace_ratio: float = setting("The share of calls that are traced if the caller did not decide.", default=0.01)
    log_level: str = setting("debug, info, warning or error.", default="info")
    handler_attempts: int = setting(
        "How often a handler or a step of work is tried before its event is parked, or the work has failed.", default=8
    )
    retry_base_s: float = setting(
        "The pause before the second try of a handler or step; it doubles with each.", default=1.0
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for values that no role could start with, or that would be no protection."""
        if len(self.page_token_key) < _KEY_CHARACTERS:
            raise SettingsError(f"{PREFIX}PAGE_TOKEN_KEY: it takes {_KEY_CHARACTERS} characters or more")
        try:
            cipher(self.cipher, self.cipher_keys)
        except ValueError as error:
            raise SettingsError(f"{PREFIX}CIPHER, {PREFIX}CIPHER_KEYS: {error}") from None
        if self.log_level.upper() not in logging.getLevelNamesMapping():
            raise SettingsError(f"{PREFIX}LOG_LEVEL: {self.log_level!r} is none of debug, info, warning, error")
        if self.page_bytes > MAX_RESPONSE_BYTES * 3 // 4:
            raise SettingsError(
                f"{PREFIX}PAGE_BYTES: clients accept pages of {MAX_RESPONSE_BYTES * 3 // 4} bytes at most"
            )
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise SettingsError(f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY go together")
        if self.otlp_headers and not all("=" in each for each in self.otlp_headers.split(",")):
            raise SettingsError(f"{PREFIX}OTLP_HEADERS: it takes `name=value`, separated by commas")
        for server, value in _SERVERS.items():
            user, password = getattr(self, f"{server}_user"), getattr(self, f"{server}_password")
            url = _with_account(getattr(self, f"{server}_url"), user, password)
            object.__setattr__(self, f"{server}_url", url)
            opened = getattr(self, f"{server}_port")
            # It would only seem that the server does not answer.
            if url and opened and (named := _port_of(url)) != opened:
                name = f"{PREFIX}{server.upper()}"
                raise SettingsError(
                    f"{name}_URL: its port is {named or 'no number'}, but the network policies open {opened}: "
                    f"{name}_PORT, the charts' {value}"
                )


def _with_account(url: str, user: str, password: str) -> str:
    """The URL with who logs in, unless it names somebody."""
    scheme, found, rest = url.partition("://")
    if not (user and found) or "@" in rest.partition("/")[0]:
        return url
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


def _port_of(url: str) -> int:
    """Where the URL leads; 0 if it is none, as where a password's `/` or `#` ends it early."""
    try:
        parts = urlsplit(url)
        return int(parse_qs(parts.query).get("port", [parts.port or _PORTS.get(parts.scheme, 0)])[0])
    except ValueError:
        return 0


def load(cls: type[S], environ: Mapping[str, str] = os.environ) -> S:
    """Read the settings from `ONEGRID_<FIELD>`. Raises SettingsError."""
    hints = get_type_hints(cls)
    values: dict[str, Any] = {}
    for each in fields(cls):
        name = PREFIX + each.name.upper()
        given = environ.get(name)
        if given is None:
            if each.default is MISSING:
                raise SettingsError(f"{name} is not set: {each.metadata['doc']}")
            continue
        values[each.name] = _convert(name, hints[each.name], given, each)
    return cls(**values)


def describe(cls: type[ServiceSettings]) -> Iterator[tuple[str, str, str]]:
    """The name, default and meaning of each setting, for the documents."""
    for each in fields(cls):
        default = "(required)" if each.default is MISSING else str(each.default)
        yield PREFIX + each.name.upper(), default, each.metadata["doc"]


def _convert(name: str, kind: Any, given: str, of: Field[Any]) -> Any:
    try:
        if kind is bool:
            return {"true": True, "1": True, "false": False, "0": False}[given.lower()]
        return kind(given)
    except (KeyError, ValueError):
        shown = "its value" if of.metadata["secret"] else repr(given)
        raise SettingsError(f"{name}: {shown} is no {kind.__name__}: {of.metadata['doc']}") from None
