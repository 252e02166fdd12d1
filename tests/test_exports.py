"""`__all__` lists what other modules use of a module, and nothing else."""

from __future__ import annotations

import ast
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
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


TREES = {path: ast.parse(path.read_text()) for path in FILES}
MODULES = {name: path for path in FILES if (name := module_of(path))}


def defined(tree: ast.Module) -> set[str]:
    """The names that a module binds at its top, imports aside."""
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


def uses(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a file takes from our modules: each module with a name, by `from` and by attribute."""
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
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
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases:
            yield aliases[node.value.id], node.attr


# What main modules, the kit and the checks call by its name alone.
BY_CONVENTION = {"build", "HANDLERS", "JOBS", "check", "launch", "main"}


def in_signatures(module: str) -> set[str]:
    """What callers get of a module without naming it: types in annotations and bases, and exceptions."""
    found = set()
    for node in ast.walk(TREES[MODULES[module]]):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id.endswith(("Error", "Exception")) for base in node.bases
        ):
            found.add(node.name)
        for each in (getattr(node, "annotation", None), getattr(node, "returns", None), *getattr(node, "bases", ())):
            if isinstance(each, ast.AST):
                found |= {name.id for name in ast.walk(each) if isinstance(name, ast.Name)}
    return found


@cache
def used_elsewhere() -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in TREES.items():
        for module, name in uses(tree):
            if MODULES[module] != path:
                found[module].add(name)
    return found


every_module = pytest.mark.parametrize("module", sorted(MODULES))


@every_module
def test_what_a_module_exports_exists(module: str) -> None:
    tree = TREES[MODULES[module]]
    exported = listed(tree) or []
    imported = {each.asname or each.name for n in tree.body if isinstance(n, ast.ImportFrom) for each in n.names}
    assert len(exported) == len(set(exported))
    assert set(exported) <= defined(tree) | imported


@every_module
def test_what_a_module_exports_is_used_elsewhere(module: str) -> None:
    exported = set(listed(TREES[MODULES[module]]) or ())
    assert not exported - used_elsewhere()[module] - in_signatures(module) - BY_CONVENTION - named_in_texts(module)


@every_module
def test_what_is_used_of_a_module_is_exported(module: str) -> None:
    tree = TREES[MODULES[module]]
    exported = listed(tree)
    if exported is not None:
        used = {name for name in used_elsewhere()[module] if not name.startswith("_")} & defined(tree)
        assert not used - set(exported)


@cache
def texts() -> str:
    return "\n".join(
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def named_in_texts(module: str) -> set[str]:
    """What is loaded by a text such as `module:name`: classes of senders, services of workers."""
    return set(re.findall(rf"\b{re.escape(module)}[:.](\w+)", texts()))
