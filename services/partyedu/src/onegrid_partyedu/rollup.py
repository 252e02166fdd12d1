"""Figures of organizations with those of the organizations below them."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["rolled_up"]

Figures = tuple[int, ...]


def rolled_up(parents: Mapping[str, str], own: Mapping[str, Figures]) -> dict[str, Figures]:
    """The figures of each organization of a tree that is somebody's, with those below it added.

    `parents`: of each organization of the tree the id of the one above it, which need not be of the tree.
    `own`: the figures of its own members, of each organization that has some.
    """
    sums: dict[str, Figures] = {}
    for id_, figures in own.items():
        at, passed = id_, set[str]()
        while at in parents and at not in passed:
            passed.add(at)
            before = sums.get(at)
            sums[at] = figures if before is None else tuple(map(sum, zip(before, figures, strict=True)))
            at = parents[at]
    return sums
