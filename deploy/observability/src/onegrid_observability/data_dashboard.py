"""The dashboard of the data stores: PostgreSQL as CloudNativePG measures it, and RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from onegrid_observability.panels import Board, Row, curves, number

__all__ = ["data_stores"]

# Only CloudNativePG measures PostgreSQL: an evaluation's has no panel.
_curves, _number = partial(curves, may_be_empty=True), partial(number, may_be_empty=True)
_VOLUMES = 'persistentvolumeclaim=~"$release-postgresql-.+|persistence-$release-rabbitmq-server-.+"'


def data_stores() -> Board:
    """PostgreSQL's servers, their work and their backups; RabbitMQ's nodes and queues."""
    return Board(
        "onegrid-data-stores",
        "OneGrid · data stores",
        "PostgreSQL as CloudNativePG measures it, and RabbitMQ.",
        [
            Row("PostgreSQL: servers", list(_servers())),
            Row("PostgreSQL: work", list(_work())),
            Row("PostgreSQL: disk", list(_disk())),
            Row("PostgreSQL: log and backups", list(_backups())),
            Row("RabbitMQ: nodes", list(_nodes())),
            Row("RabbitMQ: queues", list(_queues())),
        ],
        known="up",
    )


def _servers() -> Iterator[Builder[Panel]]:
    yield _number("Primaries", "sum(1 - cnpg_pg_replication_in_recovery)", about="One; with none, no command is done.")
    yield _number("Replicas", "sum(cnpg_pg_replication_in_recovery)", about="Servers that could be promoted.")
    yield _number(
        "Follow the primary", "max(cnpg_pg_replication_streaming_replicas)", about="Replicas that are connected to it."
    )
    yield _number(
        "Machines", "max(cnpg_collector_nodes_used)", about="That servers run on: as many as there are servers."
    )
    yield _curves(
        "Behind the primary",
        ("max by (pod) (cnpg_pg_replication_lag)", "{{pod}}"),
        unit="s",
        limit=300,
        about="What a replica would have to read before it is up to date.",
    )
    yield _curves(
        "Share of connections used",
        (
            'sum by (pod) (cnpg_backends_total) / max by (pod) (cnpg_pg_settings_setting{name="max_connections"})',
            "{{pod}}",
        ),
        unit="percentunit",
        limit=0.85,
        about="Of those that a server admits; at 1, it refuses more.",
    )
    yield _curves(
        "Who is connected",
        ("sum by (datname, state) (cnpg_backends_total)", "{{datname}} {{state}}"),
        about="Connections by database, and by what they do.",
    )


def _work() -> Iterator[Builder[Panel]]:
    def rate(name: str) -> str:
        return f"sum by (datname) (rate(cnpg_pg_stat_database_{name}[$__rate_interval]))"

    yield _curves(
        "Transactions a second",
        (rate("xact_commit"), "{{datname}}"),
        unit="ops",
        about="Committed ones, of all servers.",
    )
    yield _curves(
        "Rolled back, a second",
        (rate("xact_rollback"), "{{datname}}"),
        unit="ops",
        about="Refused commands are among them; many at once are conflicts or errors.",
    )
    yield _curves(
        "Rows written, a second",
        (f"{rate('tup_inserted')} + {rate('tup_updated')} + {rate('tup_deleted')}", "{{datname}}"),
        unit="ops",
        about="Inserted, updated and deleted.",
    )
    yield _curves(
        "Share of blocks found in memory",
        (f"{rate('blks_hit')} / ({rate('blks_hit')} + {rate('blks_read')})", "{{datname}}"),
        unit="percentunit",
        about="Below 0.98 for long, PostgreSQL needs more memory, or a query reads a whole table.",
    )
    yield _curves(
        "Longest transaction",
        (
            "max by (datname, state) (cnpg_backends_max_tx_duration_seconds)",
            "{{datname}} {{state}}",
        ),
        unit="s",
        limit=3600,
        about="As long as one is open, nothing that is younger is tidied up.",
    )
    yield _curves(
        "Waiting for locks",
        ("max by (pod) (cnpg_backends_waiting_total)", "{{pod}}"),
        about="Connections that wait for another one's transaction.",
    )
    yield _curves(
        "Deadlocks, a second", (rate("deadlocks"), "{{datname}}"), unit="ops", about="Ours begin again by themselves."
    )
    yield _curves(
        "Written to temporary files, a second",
        (rate("temp_bytes"), "{{datname}}"),
        unit="Bps",
        about="What did not fit into `work_mem`: sorts of large answers.",
    )


def _disk() -> Iterator[Builder[Panel]]:
    yield _curves(
        "Free share of volumes",
        (
            f"min by (persistentvolumeclaim) (kubelet_volume_stats_available_bytes{{{_VOLUMES}}} "
            f"/ kubelet_volume_stats_capacity_bytes{{{_VOLUMES}}})",
            "{{persistentvolumeclaim}}",
        ),
        unit="percentunit",
        about="Of PostgreSQL and RabbitMQ. At 0, a server stops; the alert comes at 0.15.",
    )
    yield _curves(
        "Size of databases",
        ("max by (datname) (cnpg_pg_database_size_bytes)", "{{datname}}"),
        unit="bytes",
        about="With their indexes.",
    )
    yield _curves(
        "Age of the oldest transaction number",
        ("max by (datname) (cnpg_pg_database_xid_age)", "{{datname}}"),
        limit=500e6,
        about="Autovacuum freezes from 200 million on; at two thousand million PostgreSQL takes no more.",
    )


def _backups() -> Iterator[Builder[Panel]]:
    yield _curves(
        "Since the last base backup",
        (
            "time() - max(barman_cloud_cloudnative_pg_io_last_available_backup_timestamp) "
            "or time() - max(cnpg_collector_last_available_backup_timestamp)",
            "backup",
        ),
        unit="s",
        limit=129600,
        about="Made every night; the alert comes after a day and a half.",
    )
    yield _curves(
        "Waits to be archived",
        ('max by (pod) (cnpg_collector_pg_wal_archive_status{value="ready"})', "{{pod}}"),
        limit=20,
        about="Segments of the log, of 16 MB each. What waits can't be restored yet.",
    )
    yield _curves(
        "Size of the log",
        ('max by (pod) (cnpg_collector_pg_wal{value="size"})', "{{pod}}"),
        unit="bytes",
        about="It grows while it is not archived, and while a replica is away.",
    )


def _nodes() -> Iterator[Builder[Panel]]:
    yield curves("Nodes", ("count(rabbitmq_build_info)", "nodes"), about="That answer.")
    yield _curves(
        "Peers out of reach",
        ("max by (instance) (rabbitmq_unreachable_cluster_peers_count)", "{{instance}}"),
        limit=1,
        about="Nodes that a node does not see: they are down, or the network is cut. From RabbitMQ 3.12 on.",
    )
    yield curves(
        "Connections and channels",
        ("sum(rabbitmq_connections)", "connections"),
        ("sum(rabbitmq_channels)", "channels"),
        about="Of workers, relays and migrations.",
    )
    yield curves(
        "Memory, of what raises the alarm",
        (
            "max by (instance) (rabbitmq_process_resident_memory_bytes / rabbitmq_resident_memory_limit_bytes)",
            "{{instance}}",
        ),
        unit="percentunit",
        limit=0.85,
        about="At 1, publishers are blocked.",
    )
    yield curves(
        "Free disk, of what raises the alarm",
        (
            "min by (instance) (rabbitmq_disk_space_available_bytes / rabbitmq_disk_space_available_limit_bytes)",
            "{{instance}}",
        ),
        about="At 1, publishers are blocked.",
    )


def _queues() -> Iterator[Builder[Panel]]:
    yield curves(
        "Waiting",
        ('max by (queue) (rabbitmq_queue_messages_ready{queue!=""})', "{{queue}}"),
        limit=10_000,
        about="Events that no worker has yet.",
    )
    yield curves(
        "With workers",
        ('max by (queue) (rabbitmq_queue_messages_unacked{queue!=""})', "{{queue}}"),
        about="Delivered, and not yet handled.",
    )
    yield curves(
        "Consumers",
        ('max by (queue) (rabbitmq_queue_consumers{queue!=""})', "{{queue}}"),
        about="Workers that listen; 0 is a service that hears nothing. `onegrid.unrouted` has none.",
    )
