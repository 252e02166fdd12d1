"""Which metrics a query asks for, and which there are."""

from __future__ import annotations

import promql_parser

from onegrid_observability.metrics import OTHERS, documented
from onegrid_observability.per_release import selectors

_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("",), "gauge": ("",)}


def listed_series() -> set[str]:
    """The names of all series of ours that there can be."""
    return {name + suffix for name, (kind, _) in documented().items() for suffix in _SUFFIXES[kind]}


def known_metrics() -> set[str]:
    """The names of all series that can be asked for."""
    return listed_series() | {name for name in OTHERS if ":" not in name}


def selected(query: str) -> set[str]:
    """The metrics that the query asks for. Raises ValueError if it can't be read."""
    return {selector.name for selector in selectors(query)}


def matched(query: str) -> set[tuple[str, str, str]]:
    """The metrics that the query asks for, with each label that must have a value or match an expression, and that."""
    positive = (promql_parser.MatchOp.Equal, promql_parser.MatchOp.Re)
    return {
        (selector.name, matcher.name, matcher.value)
        for selector in selectors(query)
        for matcher in selector.matchers.matchers
        if matcher.op in positive
    }
