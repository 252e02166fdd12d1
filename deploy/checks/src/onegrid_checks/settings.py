"""The checks' settings: `CHECKS_<FIELD>` in the environment, read in this module only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Self

import grpc

from onegrid.contracts import SERVICES
from onegrid_demo import loading

__all__ = ["NEEDS", "Settings", "SettingsError", "describe"]

PREFIX: Final = "CHECKS_"
_SPEED: Final = ("judged", "reported")
_LOOP: Final = ("admin_password", "sink")
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "smoke": (),
    "loop": _LOOP,
    "load": (*_LOOP, "profile"),
    "observability": (*_LOOP, "prometheus", "rules", "dashboards"),
}
"""The checks, each with the settings that it can't do without. All but smoke also need the services of the district."""


class SettingsError(Exception):
    """A setting is missing or invalid; the message names it."""


def _target(service: str) -> str:
    return f"{PREFIX}{service.upper()}_TARGET"


def _setting(doc: str, default: str = "", *, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc}, repr=not secret, kw_only=True)


@dataclass(frozen=True)
class Settings:
    """The settings of the checks."""

    targets: Mapping[str, str] = field(default_factory=dict)
    """Where the api of each service is; `CHECKS_<SERVICE>_TARGET` each."""
    admin_login: str = _setting("who loads the demonstration district", "admin")
    admin_password: str = _setting("the administrator's password", secret=True)
    sink: str = _setting("the evaluation's sink of codes and traces, http://host:4318")
    prometheus: str = _setting("the Prometheus that scrapes the platform, http://host:9090")
    profile: str = _setting("the file of the load profile")
    rules: str = _setting("the folder of rule files, *.yaml")
    dashboards: str = _setting("the folder of dashboards, *.json")
    speed: str = _setting("whether a suite fails by what is slow: judged, or only reported", "judged")
    patience: str = _setting("how many seconds observability waits for what comes by intervals", "120")
    tls_ca: str = _setting("PEM file of the authority of the servers' certificates; with it, calls go over TLS")
    tls_certificate: str = _setting("PEM file of the client's certificate, where servers ask for one")
    tls_key: str = _setting("PEM file of its key")

    @classmethod
    def read(cls, check: str, environ: Mapping[str, str]) -> Self:
        """The settings of this check. Raises SettingsError."""
        docs = {each.name: each.metadata["doc"] for each in fields(cls) if each.metadata}
        given = {name: environ.get(PREFIX + name.upper(), "") for name in docs}
        targets = {service: environ[_target(service)] for service in SERVICES if environ.get(_target(service))}
        missing = [f"{PREFIX}{name.upper()} is not set: {docs[name]}" for name in NEEDS[check] if not given[name]]
        if check != "smoke":
            missing += [f"{_target(service)} is not set" for service in loading.SERVICES if service not in targets]
        if not targets:
            missing.append(f"no service to check: {', '.join(map(_target, SERVICES))}: none of them is set")
        if missing:
            raise SettingsError("\n".join(missing))
        if bool(given["tls_certificate"]) != bool(given["tls_key"]):
            raise SettingsError(f"{PREFIX}TLS_CERTIFICATE and {PREFIX}TLS_KEY go together")
        if given["speed"] not in ("", *_SPEED):
            raise SettingsError(f"{PREFIX}SPEED: takes {' or '.join(_SPEED)}, not {given['speed']!r}")
        return cls(targets, **{name: value for name, value in given.items() if value})

    @property
    def judges_speed(self) -> bool:
        """Whether a suite fails by what is slow."""
        return self.speed == "judged"

    @property
    def patience_s(self) -> float:
        """How long to wait for what comes by intervals. Raises SettingsError."""
        try:
            return float(self.patience)
        except ValueError:
            raise SettingsError(f"{PREFIX}PATIENCE: takes a number of seconds, not {self.patience!r}") from None

    def credentials(self) -> grpc.ChannelCredentials | None:
        """How calls are protected; None: not. Raises SettingsError."""
        if not self.tls_ca and not self.tls_certificate:
            return None
        try:
            return grpc.ssl_channel_credentials(
                *(
                    Path(file).read_bytes() if file else None
                    for file in (self.tls_ca, self.tls_key, self.tls_certificate)
                )
            )
        except OSError as error:
            raise SettingsError(f"{PREFIX}TLS_CA, _CERTIFICATE, _KEY: {error}") from None


def describe() -> Iterator[tuple[str, str, str]]:
    """The name, default and meaning of each setting, for the documents."""
    needed = ", ".join(check for check in NEEDS if check != "smoke")
    for service in SERVICES:
        default = f"(required by {needed})" if service in loading.SERVICES else ""
        yield _target(service), default, f"Api of {service}, dns:///host:port; smoke checks each service that has one."
    for each in filter(lambda each: each.metadata, fields(Settings)):
        needed = ", ".join(check for check, names in NEEDS.items() if each.name in names)
        default = f"(required by {needed})" if needed else str(each.default)
        yield PREFIX + each.name.upper(), default, each.metadata["doc"][0].upper() + each.metadata["doc"][1:] + "."
