"""Which metrics a query asks for, and which there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import promql_parser
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase

from onegrid_kit import metrics
from onegrid_petition import metrics as petition_metrics

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
_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",), "gauge": ("",)}


def documented() -> Iterator[Metric]:
    """Every metric of ours."""
    for module in (metrics, petition_metrics):
        for each in vars(module).values():
            if isinstance(each, MetricWrapperBase):
                yield each.describe()[0]


def known_metrics() -> set[str]:
    """The names of all series that there can be."""
    return {each.name + suffix for each in documented() for suffix in _SUFFIXES[each.type]} | _OF_OTHERS


def selected(query: str) -> set[str]:
    """The metrics that the query asks for. Raises ValueError if it can't be read."""
    found: set[str] = set()

    def visit(expression: Any) -> None:
        name = getattr(expression, "name", None)
        if isinstance(expression, promql_parser.VectorSelector) and name:
            found.add(name)
        for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
            child = getattr(expression, part, None)
            if child is not None and not isinstance(child, str | int | float):
                visit(child)
        for child in getattr(expression, "args", None) or ():
            visit(child)

    visit(promql_parser.parse(query))
    return found
