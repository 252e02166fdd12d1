"""The metrics that expressions ask for, and what they mean: ours as docs/metrics.md lists them, and others'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from onegrid_observability.objectives import ROOT
from onegrid_observability.per_release import selectors

__all__ = ["OTHERS", "documented", "families", "family", "meaning"]

OTHERS: Final[Mapping[str, str]] = {
    "rabbitmq_queue_messages_ready": "RabbitMQ's: messages that wait in a queue.",
    "rabbitmq_queue_messages_unacked": "RabbitMQ's: messages that a consumer has and has not acknowledged.",
    "rabbitmq_queue_consumers": "RabbitMQ's: consumers of a queue.",
    "rabbitmq_alarms_memory_used_watermark": "RabbitMQ's: 1 while it is short of memory and blocks publishers.",
    "rabbitmq_alarms_free_disk_space_watermark": "RabbitMQ's: 1 while it is short of disk and blocks publishers.",
    "rabbitmq_process_resident_memory_bytes": "RabbitMQ's: memory of a node.",
    "up": "Prometheus' own: whether it could scrape a process: 1 or 0.",
    "process_cpu_seconds_total": "Processor time that a process used.",
    "process_resident_memory_bytes": "Memory that a process has.",
    "ALERTS": "Prometheus' own: its alerts.",
    "objective:onegrid_errors": "Recorded: errors of an objective: share, number, and how fast they burn its budget.",
    "service:onegrid_rpc": "Recorded: calls a second.",
    "service:onegrid_rpc_faults": "Recorded: calls a second that failed by a fault of ours.",
    "service:onegrid_rpc_duration_seconds": "Recorded: how long calls take, streams left out.",
    "service:onegrid_petitions_satisfied": "Recorded: the share of those who rated and are satisfied.",
    "service_tier:onegrid_petition_clocks_overdue": "Recorded: clocks that have run out.",
}
"""What is not ours, and what rules record."""
_SERIES: Final = re.compile(r"_(bucket|count|sum)$")


@cache
def documented() -> Mapping[str, tuple[str, str]]:
    """The type and the meaning of each metric of ours."""
    text = (ROOT.parents[1] / "docs" / "metrics.md").read_text()
    rows = re.findall(r"^\| `(onegrid_\w+)` \| (\w+) \| [^|]* \| (.*) \|$", text, re.MULTILINE)
    return {name: (kind, about) for name, kind, about in rows}


def family(series: str) -> str:
    """The metric that a series belongs to; of what rules record, without the window."""
    if ":" in series:
        return series.rpartition(":")[0]
    return series if series in documented() else _SERIES.sub("", series)


def families(queries: Iterable[str]) -> set[str]:
    """The metrics that the queries ask for."""
    return {family(selector.name or "") for query in queries for selector in selectors(query)}


def meaning(metric: str) -> str:
    """What a metric counts. Raises KeyError for one that nobody described."""
    return OTHERS[metric] if metric in OTHERS else documented()[metric][1]
