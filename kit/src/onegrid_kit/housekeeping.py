"""What every service does beside its own work: keep revoked sessions, forget old answers and work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from onegrid.identity.v1.events_pb2 import RoleRevoked, SessionRevoked
from onegrid_kit import idempotency
from onegrid_kit.events import Delivery, on
from onegrid_kit.jobs import Job

__all__ = ["HANDLERS", "JOBS", "forget_sealed", "forget_sendings", "forget_work", "refuse_older_tokens"]

_REVOKE = text(
    """
    INSERT INTO revoked_session (session, expire_time) VALUES (:session, :expire_time) ON CONFLICT DO NOTHING
    """
)


_REVOKE_GRANT = text(
    """
    INSERT INTO revoked_grant AS known ("user", revoke_time, grant_revision) VALUES (:user, :time, :revision)
    ON CONFLICT ("user") DO UPDATE SET
      revoke_time = greatest(known.revoke_time, excluded.revoke_time),
      grant_revision = greatest(known.grant_revision, excluded.grant_revision)
    """
)
_FORGET_SEALED = text(
    "UPDATE sending SET sealed = NULL WHERE sealed IS NOT NULL AND (end_time IS NOT NULL OR expire_time <= :now)"
)
_FORGET_SENDINGS = text(
    """
    DELETE FROM sending WHERE id IN (
      SELECT id FROM sending
      WHERE create_time < :before AND (end_time < :before OR state = 'WAITING' AND expire_time < :before)
      LIMIT :most
    )
    """
)
_FORGET_SENDINGS_AFTER = timedelta(days=90)
# Longer than any access token lasts.
_FORGET_GRANTS = timedelta(days=7)


def refuse_session(conn: Connection, event: SessionRevoked, _: Delivery) -> None:
    """Refuse the access tokens of a session that was ended."""
    conn.execute(_REVOKE, {"session": event.session, "expire_time": event.expire_time.ToDatetime(tzinfo=UTC)})


def refuse_older_tokens(conn: Connection, event: RoleRevoked, delivery: Delivery) -> None:
    """Refuse the access tokens that may still hold the revoked grant; a refreshed one does not."""
    conn.execute(_REVOKE_GRANT, {"user": event.user, "time": delivery.time, "revision": event.grant_revision})


def forget_answers(conn: Connection, _: datetime) -> None:
    """Forget the answers that need not be repeated any more."""
    conn.execute(
        text("DELETE FROM idempotency WHERE created_at < now() - make_interval(hours => :hours)"),
        {"hours": idempotency.KEPT_HOURS},
    )


def forget_deliveries(conn: Connection, _: datetime) -> None:
    """Forget which events were handled a month ago; no carrier keeps one that long."""
    conn.execute(text("DELETE FROM inbox WHERE handled_at < now() - interval '30 days'"))


def forget_sessions(conn: Connection, now: datetime) -> None:
    """Forget revocations of tokens that have expired anyway."""
    conn.execute(text("DELETE FROM revoked_session WHERE expire_time < :now"), {"now": now - timedelta(minutes=1)})
    conn.execute(text("DELETE FROM revoked_grant WHERE revoke_time < :then"), {"then": now - _FORGET_GRANTS})


def forget_work(conn: Connection, _: datetime) -> None:
    """Forget the work that was done or stopped a month ago; what has failed is kept until somebody decides."""
    conn.execute(
        text("DELETE FROM stepped_work WHERE state IN ('DONE', 'STOPPED') AND end_time < now() - interval '30 days'")
    )


def forget_sendings(conn: Connection, now: datetime) -> None:
    """Forget the sendings that ended three months ago, or expired then while nobody sent by their channel, with their
    attempts; and what limits and receipts are of no use
    any more. As many at a time as a statement takes seconds for.
    """
    conn.execute(_FORGET_SENDINGS, {"before": now - _FORGET_SENDINGS_AFTER, "most": 20_000})
    conn.execute(text("DELETE FROM stopped_batch WHERE stop_time < :before"), {"before": now - _FORGET_SENDINGS_AFTER})
    conn.execute(text("DELETE FROM receipt WHERE receive_time < clock_timestamp() - interval '1 day'"))
    # No provider's limit is of a longer period.
    conn.execute(text("DELETE FROM sending_limit WHERE use_time < clock_timestamp() - interval '2 days'"))


def forget_sealed(conn: Connection, now: datetime) -> None:
    """Forget what is personal of sendings that have ended or expired."""
    conn.execute(_FORGET_SEALED, {"now": now})


HANDLERS = (
    on("refuse_session", SessionRevoked, refuse_session),
    on("refuse_older_tokens", RoleRevoked, refuse_older_tokens),
)
JOBS = (
    Job("forget answers", timedelta(minutes=10), forget_answers),
    Job("forget deliveries", timedelta(hours=6), forget_deliveries),
    Job("forget work", timedelta(hours=6), forget_work),
    Job("forget sendings", timedelta(hours=1), forget_sendings),
    Job("forget what was sent sealed", timedelta(minutes=1), forget_sealed),
    Job("forget sessions", timedelta(minutes=10), forget_sessions),
)
