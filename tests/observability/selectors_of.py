"""Which metrics a query asks for, and which there are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import promql_parser

from onegrid_observability.per_release import selectors

_OF_OTHERS = {
    # RabbitMQ's plugin, Prometheus itself, and the process collector of its Python client.
    "rabbitmq_queue_messages_ready",
    "rabbitmq_queue_messages_unacked",
    "rabbitmq_queue_consumers",
    "rabbitmq_alarms_memory_used_watermark",
    "rabbitmq_alarms_free_disk_space_watermark",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_channel_messages_published_total",
    "up",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
}
_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("",), "gauge": ("",)}


def documented() -> Mapping[str, str]:
    """The type of every metric of ours, by its name, as docs/metrics.md lists them."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "metrics.md").read_text()
    return dict(re.findall(r"^\| `(onegrid_\w+)` \| (\w+) \|", text, re.MULTILINE))


def listed_series() -> set[str]:
    """The names of all series of ours that there can be."""
    return {name + suffix for name, kind in documented().items() for suffix in _SUFFIXES[kind]}


def known_metrics() -> set[str]:
    """The names of all series that can be asked for."""
    return listed_series() | _OF_OTHERS


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
