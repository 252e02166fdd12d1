"""The metrics that expressions ask for, and what they mean: ours as docs/metrics.md lists them, and others'."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from onegrid_observability.objectives import ROOT
from onegrid_observability.per_release import selectors

__all__ = ["NOT_ALWAYS", "OTHERS", "documented", "families", "family", "meaning", "series"]

OTHERS: Final[Mapping[str, str]] = {
    "rabbitmq_queue_messages_ready": "RabbitMQ's: messages that wait in a queue.",
    "rabbitmq_queue_messages_unacked": "RabbitMQ's: messages that a consumer has and has not acknowledged.",
    "rabbitmq_queue_consumers": "RabbitMQ's: consumers of a queue.",
    "rabbitmq_alarms_memory_used_watermark": "RabbitMQ's: 1 while it is short of memory and blocks publishers.",
    "rabbitmq_alarms_free_disk_space_watermark": "RabbitMQ's: 1 while it is short of disk and blocks publishers.",
    "rabbitmq_process_resident_memory_bytes": "RabbitMQ's: memory of a node.",
    "rabbitmq_build_info": "RabbitMQ's: 1 for each node that answers.",
    "rabbitmq_connections": "RabbitMQ's: connections of a node.",
    "rabbitmq_channels": "RabbitMQ's: channels of a node.",
    "rabbitmq_unreachable_cluster_peers_count": "RabbitMQ's: nodes that a node does not reach.",
    "rabbitmq_resident_memory_limit_bytes": "RabbitMQ's: memory from which on a node blocks publishers.",
    "rabbitmq_disk_space_available_bytes": "RabbitMQ's: free disk of a node.",
    "rabbitmq_disk_space_available_limit_bytes": "RabbitMQ's: free disk below which it blocks publishers.",
    "cnpg_collector_up": "CloudNativePG's: 1 while a server of PostgreSQL answers.",
    "cnpg_collector_nodes_used": "CloudNativePG's: machines that servers run on.",
    "cnpg_collector_pg_wal": "CloudNativePG's: the log on its volume, by `value`.",
    "cnpg_collector_pg_wal_archive_status": "CloudNativePG's: segments of the log that are archived (`done`) or wait.",
    "cnpg_collector_last_available_backup_timestamp": "CloudNativePG's: the last backup without the plugin.",
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp": "Its plugin's: when the last backup was made.",
    "barman_cloud_cloudnative_pg_io_last_failed_backup_timestamp": "Its plugin's: when one last failed.",
    "cnpg_backends_total": "CloudNativePG's: connections, by database, user and state.",
    "cnpg_backends_max_tx_duration_seconds": "CloudNativePG's: the longest open transaction, by user and state.",
    "cnpg_backends_waiting_total": "CloudNativePG's: connections that wait for a lock.",
    "cnpg_pg_settings_setting": "CloudNativePG's: settings of PostgreSQL, by name.",
    "cnpg_pg_database_size_bytes": "CloudNativePG's: the size of a database.",
    "cnpg_pg_database_xid_age": "CloudNativePG's: transactions since the oldest one that is not frozen.",
    "cnpg_pg_database_mxid_age": "CloudNativePG's: the same of multixacts.",
    "cnpg_pg_replication_in_recovery": "CloudNativePG's: 1 of a replica, 0 of a primary.",
    "cnpg_pg_replication_lag": "CloudNativePG's: seconds that a replica is behind.",
    "cnpg_pg_replication_streaming_replicas": "CloudNativePG's: replicas that are connected to a server.",
    "cnpg_pg_replication_slots_active": "CloudNativePG's: 1 while a slot's replica is connected.",
    "cnpg_pg_replication_slots_pg_wal_lsn_diff": "CloudNativePG's: bytes of the log that are kept for a slot.",
    "cnpg_pg_stat_archiver_last_archived_time": "CloudNativePG's: when the log was last archived.",
    "cnpg_pg_stat_archiver_last_failed_time": "CloudNativePG's: when that last failed.",
    "cnpg_pg_stat_database_xact_commit": "CloudNativePG's: transactions that were committed.",
    "cnpg_pg_stat_database_xact_rollback": "CloudNativePG's: transactions that were rolled back.",
    "cnpg_pg_stat_database_tup_inserted": "CloudNativePG's: rows that were inserted.",
    "cnpg_pg_stat_database_tup_updated": "CloudNativePG's: rows that were updated.",
    "cnpg_pg_stat_database_tup_deleted": "CloudNativePG's: rows that were deleted.",
    "cnpg_pg_stat_database_blks_hit": "CloudNativePG's: blocks that were in PostgreSQL's cache.",
    "cnpg_pg_stat_database_blks_read": "CloudNativePG's: blocks that were not.",
    "cnpg_pg_stat_database_deadlocks": "CloudNativePG's: deadlocks.",
    "cnpg_pg_stat_database_temp_bytes": "CloudNativePG's: bytes that were written to temporary files.",
    "kubelet_volume_stats_available_bytes": "Kubernetes': free bytes of a volume.",
    "kubelet_volume_stats_capacity_bytes": "Kubernetes': the size of a volume.",
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
NOT_ALWAYS: Final = {
    # Since the first call, or only where there is something of the kind.
    "onegrid_rpc_duration_seconds",
    "onegrid_http_duration_seconds",
    "onegrid_http_faults_total",
    "onegrid_stepped_work",
    "onegrid_stepped_work_idle_seconds",
    "onegrid_ladder_oldest_due_seconds",
    "onegrid_subscriber_queue_missing",
    # Of providers alone, and a service may have none.
    "onegrid_sending_attempts_total",
    "onegrid_sendings_oldest_due_seconds",
    # With TLS alone.
    "onegrid_certificate_expiry_timestamp_seconds",
    # Of a relay that leads; RelayWithoutLeader says that none does.
    "onegrid_event_carry_seconds",
}
"""Of the metrics that alerts ask for, those that a service which is well may lack."""
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
    return series if series in {**documented(), **OTHERS} else _SERIES.sub("", series)


def series(metric: str) -> str:
    """One that there is where the metric is."""
    kind, _ = documented()[metric]
    return f"{metric}_count" if kind == "histogram" else metric


def families(queries: Iterable[str]) -> set[str]:
    """The metrics that the queries ask for."""
    return {family(selector.name or "") for query in queries for selector in selectors(query)}


def meaning(metric: str) -> str:
    """What a metric counts. Raises KeyError for one that nobody described."""
    return OTHERS[metric] if metric in OTHERS else documented()[metric][1]
