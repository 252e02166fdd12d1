"""`__all__` lists what other modules use of a module, and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    if (ROOT / name).exists()
]


def module_of(path: Path) -> str | None:
    """The name by which a file of one of our packages is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if "src" not in parts or "migrations" in parts or "own_migrations" in parts:
        return None
    return ".".join(parts[parts.index("src") + 1 :]).removesuffix(".__init__")


MODULES = {name: path for path in FILES if (name := module_of(path))}


@dataclass(frozen=True)
class Source:
    """What is asked about a file; its tree is not kept."""

    defined: set[str]
    """The names that it binds at its top, imports aside."""
    imported: set[str]
    """Those that it takes from other modules at its top."""
    listed: list[str] | None
    """Its `__all__`."""
    uses: set[tuple[str, str]]
    """What it takes from our modules: each module with a name, by `from` and by attribute."""
    in_signatures: set[str]
    """What callers get of it without naming it: types in annotations and bases, and exceptions."""
    in_texts: set[tuple[str, str]]
    """What its texts name, such as `module:name`, by which classes of senders and services of workers are loaded."""


@cache
def source(path: Path) -> Source:
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    return Source(
        defined(tree),
        {each.asname or each.name for n in tree.body if isinstance(n, ast.ImportFrom) for each in n.names},
        listed(tree),
        set(uses(nodes)),
        in_signatures(nodes),
        in_texts(nodes),
    )


def defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def listed(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return list(ast.literal_eval(node.value))
    return None


def uses(nodes: Sequence[ast.AST]) -> Iterator[tuple[str, str]]:
    aliases: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                if f"{node.module}.{each.name}" in MODULES:
                    aliases[each.asname or each.name] = f"{node.module}.{each.name}"
                elif node.module in MODULES:
                    yield node.module, each.name
        elif isinstance(node, ast.Import):
            for each in node.names:
                if each.name in MODULES and each.asname:
                    aliases[each.asname] = each.name
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield aliases[node.value.id], node.attr


def in_signatures(nodes: Sequence[ast.AST]) -> set[str]:
    found = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id.endswith(("Error", "Exception")) for base in node.bases
        ):
            found.add(node.name)
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None), *getattr(node, "bases", ())):
            if isinstance(each, ast.AST):
                found |= {name.id for name in ast.walk(each) if isinstance(name, ast.Name)}
    return found


def in_texts(nodes: Sequence[ast.AST]) -> set[tuple[str, str]]:
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return {named for text in texts for named in re.findall(r"\b(onegrid_[\w.]+)[:.](\w+)", text)}


# What main modules, the kit and the checks call by its name alone.
BY_CONVENTION = {"build", "HANDLERS", "JOBS", "check", "launch", "main"}


@cache
def used_elsewhere() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for module, name in source(path).uses:
            if MODULES[module] != path:
                found[module].add(name)
    return found


@cache
def named_in_texts() -> set[tuple[str, str]]:
    return {named for path in FILES for named in source(path).in_texts}


every_module = pytest.mark.parametrize("module", sorted(MODULES))


@every_module
def test_what_a_module_exports_exists(module: str) -> None:
    has = source(MODULES[module])
    exported = has.listed or []
    assert len(exported) == len(set(exported))
    assert set(exported) <= has.defined | has.imported


@every_module
def test_what_a_module_exports_is_used_elsewhere(module: str) -> None:
    has = source(MODULES[module])
    unused = set(has.listed or ()) - used_elsewhere()[module] - has.in_signatures - BY_CONVENTION
    assert not {name for name in unused if (module, name) not in named_in_texts()}


@every_module
def test_what_is_used_of_a_module_is_exported(module: str) -> None:
    has = source(MODULES[module])
    if has.listed is not None:
        used = {name for name in used_elsewhere()[module] if not name.startswith("_")} & has.defined
        assert not used - set(has.listed)
