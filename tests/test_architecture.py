"""What holds the house together, beside what the import rules say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import hypothesis
import pytest
from tools import imports

from onegrid.contracts import CONTRACTS, SERVICES
from onegrid_kit.service import installed

ROOT = Path(__file__).resolve().parent.parent


def test_a_contract_has_a_package_that_is_installed_and_a_service_a_chart_and_objectives() -> None:
    packages = {path.parent.name for path in ROOT.glob("services/*/pyproject.toml")}
    charts = {path.parents[1].name for path in ROOT.glob("deploy/helm/*/templates/service.yaml")}
    objectives = {path.stem for path in ROOT.glob("deploy/observability/objectives/*.yaml")}
    assert packages == set(CONTRACTS)
    assert charts == objectives == {service.name for service in installed()} == set(SERVICES)
    assert {each.name: each.descriptor for service in installed() for each in service.served} == CONTRACTS


@pytest.mark.parametrize("service", CONTRACTS)
def test_a_service_has_every_module_that_it_places_among_the_layers(service: str) -> None:
    for layer in (layer for layers in imports.own_layers(service).values() for layer in layers):
        for module in layer.split("|"):
            assert find_spec(f"onegrid_{service}.{module.strip()}") is not None


def test_every_module_that_the_import_rules_name_exists() -> None:
    for _, rule in imports.contracts():
        for key in ("source_modules", "forbidden_modules", "modules", "containers"):
            for name in rule.get(key, ()):
                assert find_spec(name) is not None, name


def loaded_by(*modules: str) -> set[str]:
    code = f"import sys, {', '.join(modules)}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_an_api_never_brings_eventlet_in() -> None:
    assert not {"eventlet", "nameko", "kombu"} & loaded_by(*(f"onegrid_{service}.api" for service in CONTRACTS))


def test_what_a_worker_runs_never_brings_grpc_in() -> None:
    parts = ("commands", "store", "handlers", "jobs", "main")
    named = [f"onegrid_{service}.{part}" for service in CONTRACTS for part in parts]
    modules = [name for name in named if find_spec(name) is not None]
    assert not {"grpc", "nameko", "eventlet"} & loaded_by(*modules)


@pytest.mark.parametrize("service", CONTRACTS)
def test_only_store_and_queries_make_and_run_statements(service: str) -> None:
    package = ROOT / "services" / service / "src" / f"onegrid_{service}"
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in package.rglob("*.py")
        if path.relative_to(package).with_suffix("").parts[0] not in imports.TOUCHING_TABLES
        for node in ast.walk(ast.parse(path.read_text()))
        if makes_or_runs_a_statement(node)
    ]
    assert not found, "a function of store or queries is the place for it"


def makes_or_runs_a_statement(node: ast.AST) -> bool:
    """Whether it imports more of SQLAlchemy than what a transaction is passed on as, or executes something."""
    match node:
        case ast.ImportFrom(module="sqlalchemy", names=names):
            return any(each.name not in ("Connection", "Engine") for each in names)
        case ast.Import(names=names):
            return any(each.name.split(".")[0] == "sqlalchemy" for each in names)
        case ast.ImportFrom(module=str(module)):
            return module.split(".")[0] == "sqlalchemy"
        case ast.Attribute(attr=name):
            return name in ("execute", "exec_driver_sql")
    return False


@pytest.mark.parametrize(
    "line",
    [
        "from sqlalchemy import Connection, select",
        "from sqlalchemy.dialects.postgresql import insert",
        "import sqlalchemy.exc",
        "conn.execute(statement)",
    ],
)
def test_a_statement_is_recognized(line: str) -> None:
    assert any(makes_or_runs_a_statement(node) for node in ast.walk(ast.parse(line)))


def test_no_interceptor_has_crept_in() -> None:
    # ADR 2: concerns are composed once, in the pipeline.
    for path in (*(ROOT / "kit/src").rglob("*.py"), *(ROOT / "services").rglob("*.py")):
        assert "ServerInterceptor" not in path.read_text(), path


CODES_AND_NAMES = re.compile(
    r"(?<!phone)\[:(6|9|12|15)\]"
    r"|len\([\w.]+\) (==|!=|in) \(?(6|9|12|15)\b"
    r"""|split\("/"|removeprefix\("\w+/|f"[a-zA-Z]+/\{"""
)


def test_codes_and_resource_names_are_taken_apart_in_one_place() -> None:
    kit = ROOT / "kit/src/onegrid_kit"
    own = {kit / "codes.py", kit / "names.py"}
    others = [*kit.glob("*.py"), *kit.glob("rpc/*.py"), *(ROOT / "services").rglob("src/**/*.py")]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in others
        if path not in own and "migrations" not in path.parts
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if CODES_AND_NAMES.search(line)
    ]
    assert not found, "use onegrid_kit.codes, or a ResourceName"


def test_tests_ask_about_sessions_by_one_function() -> None:
    # Whoever asks twice within a transaction gets the first answer again.
    tests_alone = ("*.py", ":!tests/test_architecture.py", ":!services/*/src/*")
    command = ["git", "grep", "-l", "pg_stat_activity WHERE", *tests_alone]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert found.stdout.split() == ["kit/src/onegrid_kit/testing/sessions.py"]


def test_no_property_is_timed() -> None:
    assert hypothesis.settings().deadline is None
    command = ["git", "grep", "-l", "deadline=None", "*.py", ":!tests/test_architecture.py"]
    found = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert found.stdout.split() == ["kit/src/onegrid_kit/testing/plugin.py"]


def test_no_third_party_proto_is_copied_in() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.proto"], cwd=ROOT, check=True, capture_output=True, text=True)
    assert all(name.startswith("protos/onegrid/") for name in tracked.stdout.split())


def test_decisions_are_numbered_one_by_one_and_referred_to_by_their_numbers() -> None:
    records = {int(path.name[:4]): path for path in sorted((ROOT / "docs/adr").glob("*.md"))}
    assert len(records) == len(list((ROOT / "docs/adr").iterdir())), "two have one number"
    assert list(records) == list(range(1, len(records) + 1))
    for number, path in records.items():
        assert path.read_text().startswith(f"# {number}. ")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout.decode()
    for name in tracked.split("\0"):
        if not name.endswith((".md", ".proto", ".py", ".yaml")):
            continue
        written = (ROOT / name).read_text()
        for linked, file in re.findall(r"\[ADR (\d+)\]\([^)]*adr/(\d{4}[a-z0-9-]*\.md)\)", written):
            assert records[int(linked)].name == file, name
        assert {int(number) for number in re.findall(r"\bADR (\d+)", written)} <= records.keys(), name


def test_files_stay_small_enough_to_be_held_in_the_head() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in (*(ROOT / "kit/src").rglob("*.py"), *(ROOT / "services").rglob("src/**/*.py"))
        if (count := path.read_text().count("\n")) > 450
    }
    assert not long
