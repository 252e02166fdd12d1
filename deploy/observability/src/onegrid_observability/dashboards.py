"""The dashboards that cover all services."""

from __future__ import annotations

from onegrid_observability.panels import Board, Row, bars, curves, number

__all__ = ["command_centre", "database", "outbox_and_broker", "overview"]


def overview() -> Board:
    """All services beside one another."""
    return Board(
        "onegrid-overview",
        "OneGrid · overview",
        "All services side by side: waiting callers, lost events, objectives in danger.",
        [
            Row(
                "Now",
                [
                    number(
                        "Alerts that fire",
                        'count(ALERTS{alertstate="firing", severity!="none"})',
                        may_be_empty=True,
                        limit=1,
                    ),
                    number("Calls a second", "sum(service:onegrid_rpc:rate5m)", unit="reqps"),
                    number("Faults a second", "sum(service:onegrid_rpc_faults:rate5m)", unit="reqps", limit=0.1),
                    number(
                        "Events parked",
                        'sum(max by (service) (onegrid_parked_events{state="parked"}))',
                        limit=1,
                        about="Events that wait for an operator: `parked list` shows them.",
                    ),
                ],
            ),
            Row(
                "Promises",
                [
                    bars(
                        "How fast budgets burn",
                        "objective:onegrid_errors:burn_rate6h",
                        "{{service}}: {{objective}}",
                        limit=1,
                        width=12,
                        about="Over six hours. At 1, a budget for 30 days lasts 30 days.",
                    ),
                    bars(
                        "Needs that are met",
                        "sum by (service, role, need) (onegrid_need_met)",
                        "{{service}} {{role}}: {{need}}",
                        width=12,
                        about="How many processes of a role have what they need.",
                    ),
                ],
            ),
            Row(
                "Calls",
                [
                    curves("Calls a second", ("service:onegrid_rpc:rate5m", "{{service}}"), unit="reqps"),
                    curves("Faults a second", ("service:onegrid_rpc_faults:rate5m", "{{service}}"), unit="reqps"),
                    curves(
                        "99 of 100 calls are faster",
                        ("service:onegrid_rpc_duration_seconds:p99_5m", "{{service}}"),
                        unit="s",
                    ),
                ],
            ),
            Row(
                "Events and processes",
                [
                    curves(
                        "Oldest event not yet carried",
                        ("max by (service) (onegrid_outbox_oldest_age_seconds)", "{{service}}"),
                        unit="s",
                        limit=300,
                    ),
                    curves(
                        "Processors used",
                        (
                            "sum by (service, role) (rate(process_cpu_seconds_total[$__rate_interval]) "
                            "* on (job, instance) group_left (service, role) onegrid_build_info)",
                            "{{service}} {{role}}",
                        ),
                    ),
                    curves(
                        "Memory",
                        (
                            "sum by (service, role) (process_resident_memory_bytes "
                            "* on (job, instance) group_left (service, role) onegrid_build_info)",
                            "{{service}} {{role}}",
                        ),
                        unit="bytes",
                    ),
                    bars(
                        "What runs",
                        "count by (service, role, version) (onegrid_build_info)",
                        "{{service}} {{role}} {{version}}",
                        width=24,
                    ),
                ],
            ),
        ],
        side_by_side=True,
    )


def command_centre() -> Board:
    """Petitions, for the command centre's eyes."""
    clocks = 'max by (tier, clock) (onegrid_petition_clocks{{due="{due}"}})'
    step = 'max(onegrid_petitions_30_days{{step="{step}"}})'
    return Board(
        "onegrid-command-centre",
        "OneGrid · 指挥中心 / Command centre",
        "诉求办理情况：谁在办、何时到期、群众是否满意。 Who has petitions, when they are due, who is satisfied.",
        [
            Row(
                "当前 / Now",
                [
                    number("未办结 / Open petitions", "sum(max by (state, tier) (onegrid_petitions_open))"),
                    number(
                        "24小时内到期 / Due within a day",
                        f"sum({clocks.format(due='within a day')})",
                        limit=1,
                    ),
                    number("超期 / Overdue", f"sum({clocks.format(due='overdue')})", limit=1),
                    number(
                        "满意率（30天）/ Satisfied, 30 days",
                        "service:onegrid_petitions_satisfied:ratio30d",
                        unit="percentunit",
                        may_be_empty=True,
                    ),
                ],
            ),
            Row(
                "时限 / Deadlines",
                [
                    curves("超期 / Overdue", (clocks.format(due="overdue"), "{{tier}} {{clock}}"), width=12),
                    curves(
                        "24小时内到期 / Due within a day",
                        (clocks.format(due="within a day"), "{{tier}} {{clock}}"),
                        width=12,
                    ),
                ],
            ),
            Row(
                "在办 / In hand",
                [
                    curves(
                        "按状态 / By state",
                        ("sum by (state) (max by (state, tier) (onegrid_petitions_open))", "{{state}}"),
                    ),
                    curves(
                        "按层级 / By tier",
                        ("sum by (tier) (max by (state, tier) (onegrid_petitions_open))", "{{tier}}"),
                    ),
                    curves(
                        "每分钟新诉求 / Filed a minute",
                        (
                            '60 * sum(rate(onegrid_rpc_duration_seconds_count{service="petition", '
                            'method="FilePetition", code="OK"}[$__rate_interval]))',
                            "新诉求 / filed",
                        ),
                    ),
                ],
            ),
            Row(
                "近30天 / The last 30 days",
                [
                    bars("办理结果 / What became of them", "max by (step) (onegrid_petitions_30_days)", "{{step}}"),
                    curves(
                        "退回重办 / Handled again",
                        (step.format(step="reopened"), "重办 / handled again"),
                        (step.format(step="concluded"), "办结 / concluded"),
                    ),
                    curves(
                        "关注进度 / Watching",
                        ('sum(onegrid_streams{service="petition"})', "实时关注 / watchers"),
                        about="在线等待进度的人数。 Who watches a petition's progress right now.",
                    ),
                ],
            ),
        ],
        "petition",
    )


def outbox_and_broker() -> Board:
    """The way of events: outbox, relay, broker, handlers."""
    of = 'service=~"$service"'
    return Board(
        "onegrid-outbox-and-broker",
        "OneGrid · outbox and broker",
        "The way of events: stored, carried, queued, handled.",
        [
            Row(
                "Stored and carried",
                [
                    curves(
                        "Events not yet carried", (f"max by (service) (onegrid_outbox_events{{{of}}})", "{{service}}")
                    ),
                    curves(
                        "The oldest of them",
                        (f"max by (service) (onegrid_outbox_oldest_age_seconds{{{of}}})", "{{service}}"),
                        unit="s",
                        limit=300,
                    ),
                    curves(
                        "Relays that lead",
                        (f"sum by (service) (onegrid_relay_leader{{{of}}})", "{{service}}"),
                        about="One a service.",
                    ),
                    curves(
                        "Carried a second",
                        (
                            f"sum by (service, type) (rate(onegrid_events_carried_total{{{of}}}[$__rate_interval]))",
                            "{{type}}",
                        ),
                        unit="ops",
                        width=12,
                    ),
                    curves(
                        "99 of 100 are carried within",
                        (
                            f"histogram_quantile(0.99, sum by (service, le) "
                            f"(rate(onegrid_event_carry_seconds_bucket{{{of}}}[$__rate_interval])))",
                            "{{service}}",
                        ),
                        unit="s",
                        width=12,
                    ),
                ],
            ),
            Row(
                "Broker",
                [
                    curves("Waiting in queues", ("max by (queue) (rabbitmq_queue_messages_ready)", "{{queue}}")),
                    curves("With workers", ("max by (queue) (rabbitmq_queue_messages_unacked)", "{{queue}}")),
                    curves("Consumers", ("max by (queue) (rabbitmq_queue_consumers)", "{{queue}}")),
                    curves(
                        "Memory",
                        ("max by (instance) (rabbitmq_process_resident_memory_bytes)", "{{instance}}"),
                        unit="bytes",
                    ),
                    curves(
                        "Alarms",
                        ("max by (instance) (rabbitmq_alarms_memory_used_watermark)", "memory {{instance}}"),
                        ("max by (instance) (rabbitmq_alarms_free_disk_space_watermark)", "disk {{instance}}"),
                        limit=1,
                    ),
                    curves(
                        "Unrouted",
                        ('max(rabbitmq_queue_messages_ready{queue="onegrid.unrouted"})', "messages"),
                        limit=1,
                        about="What no queue takes and what workers refused.",
                    ),
                ],
            ),
            Row(
                "Handled",
                [
                    curves(
                        "Deliveries a second",
                        (
                            f"sum by (service, outcome) (rate(onegrid_events_handled_total{{{of}}}[$__rate_interval]))",
                            "{{service}} {{outcome}}",
                        ),
                        unit="ops",
                    ),
                    curves(
                        "99 of 100 are handled within",
                        (
                            f"histogram_quantile(0.99, sum by (service, handler, le) "
                            f"(rate(onegrid_handler_duration_seconds_bucket{{{of}}}[$__rate_interval])))",
                            "{{service}} {{handler}}",
                        ),
                        unit="s",
                    ),
                    curves(
                        "99 of 100 reach their handler within",
                        (
                            f"histogram_quantile(0.99, sum by (service, le) "
                            f"(rate(onegrid_event_age_seconds_bucket{{{of}}}[$__rate_interval])))",
                            "{{service}}",
                        ),
                        unit="s",
                        about="From the change that an event announces until a handler receives it.",
                    ),
                    curves(
                        "Set aside",
                        (f"max by (service, state) (onegrid_parked_events{{{of}}})", "{{service}} {{state}}"),
                        limit=1,
                    ),
                ],
            ),
        ],
        by_service=True,
    )


def database() -> Board:
    """How the services use their databases."""
    of = 'service=~"$service"'

    def quantile(metric: str, labels: str = "service, pool") -> str:
        return f"histogram_quantile(0.99, sum by ({labels}, le) (rate({metric}_bucket{{{of}}}[$__rate_interval])))"

    return Board(
        "onegrid-database",
        "OneGrid · database",
        "How services use their databases: `write` for commands, `read` for reads, `line` for what runs all the time, "
        "`worker` and `relay` for events.",
        [
            Row(
                "Pools",
                [
                    curves(
                        "Share of connections used",
                        (
                            f'max by (service, pool) (onegrid_database_connections{{{of}, state="used"}} '
                            f"/ ignoring (state) onegrid_database_connections_max{{{of}}})",
                            "{{service}} {{pool}}",
                        ),
                        unit="percentunit",
                    ),
                    curves(
                        "99 of 100 wait less",
                        (quantile("onegrid_database_wait_seconds"), "{{service}} {{pool}}"),
                        unit="s",
                    ),
                    curves(
                        "99 of 100 hold one for less",
                        (quantile("onegrid_database_held_seconds"), "{{service}} {{pool}}"),
                        unit="s",
                    ),
                ],
            ),
            Row(
                "Work",
                [
                    curves(
                        "Transactions, reads and batches a second",
                        (
                            "sum by (service, pool) "
                            f"(rate(onegrid_database_held_seconds_count{{{of}}}[$__rate_interval]))",
                            "{{service}} {{pool}}",
                        ),
                        unit="ops",
                    ),
                    curves(
                        "Begun again after a conflict, a second",
                        (
                            f"sum by (service) (rate(onegrid_transaction_retries_total{{{of}}}[$__rate_interval]))",
                            "{{service}}",
                        ),
                        unit="ops",
                    ),
                    curves(
                        "Stored or read together, on average",
                        (
                            "sum by (batch) (rate(onegrid_batch_items_sum[$__rate_interval])) "
                            "/ sum by (batch) (rate(onegrid_batch_items_count[$__rate_interval]))",
                            "{{batch}}",
                        ),
                        may_be_empty=True,
                    ),
                    curves(
                        "Audit blocks a second",
                        (f"deriv(max by (service) (onegrid_audit_blocks{{{of}}})[5m:])", "{{service}}"),
                        unit="ops",
                        width=12,
                    ),
                    curves(
                        "Processes that reach their database",
                        (f'sum by (service, role) (onegrid_need_met{{{of}, need="database"}})', "{{service}} {{role}}"),
                        width=12,
                    ),
                ],
            ),
        ],
        by_service=True,
    )
