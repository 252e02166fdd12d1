"""Requests' answers, events on their way, the audit trail and revoked sessions.

Revision ID: kit0001
"""

from alembic import op

revision = "kit0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE idempotency (
          caller text NOT NULL,
          request_id text NOT NULL,
          method text NOT NULL,
          fingerprint bytea NOT NULL,
          answer bytea,
          created_at timestamptz NOT NULL DEFAULT now(),
          PRIMARY KEY (caller, request_id)
        );
        CREATE INDEX idempotency_created_at ON idempotency USING brin (created_at);

        CREATE TABLE outbox (
          number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          id uuid NOT NULL,
          type text NOT NULL,
          subject text NOT NULL,
          time timestamptz NOT NULL,
          traceparent text NOT NULL,
          body bytea NOT NULL,
          created_at timestamptz NOT NULL DEFAULT now()
        -- Rows come and go: what they leave is cleared before the carrier has to read past much of it.
        ) WITH (
          autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0
        );

        CREATE TABLE inbox (
          handler text NOT NULL,
          event_id uuid NOT NULL,
          handled_at timestamptz NOT NULL DEFAULT now(),
          PRIMARY KEY (handler, event_id)
        );
        CREATE INDEX inbox_handled_at ON inbox USING brin (handled_at);

        CREATE TABLE parked_event (
          handler text NOT NULL,
          event_id uuid NOT NULL,
          type text NOT NULL,
          subject text NOT NULL,
          time timestamptz NOT NULL,
          traceparent text NOT NULL,
          body bytea NOT NULL,
          attempts integer NOT NULL,
          last_error text NOT NULL,
          first_failed_at timestamptz NOT NULL DEFAULT now(),
          next_attempt_at timestamptz,
          PRIMARY KEY (handler, event_id)
        );
        CREATE INDEX parked_event_due ON parked_event (next_attempt_at) WHERE next_attempt_at IS NOT NULL;

        CREATE TABLE audit_head (strand smallint PRIMARY KEY, block bigint NOT NULL, hash bytea NOT NULL);
        INSERT INTO audit_head SELECT strand, 0, decode(repeat('00', 32), 'hex') FROM generate_series(0, 7) AS strand;
        CREATE TABLE audit_block (
          strand smallint NOT NULL, block bigint NOT NULL, hash bytea NOT NULL, PRIMARY KEY (strand, block)
        );
        CREATE TABLE audit_entry (
          strand smallint NOT NULL,
          block bigint NOT NULL,
          position integer NOT NULL,
          time timestamptz NOT NULL,
          caller text NOT NULL,
          method text NOT NULL,
          resource text NOT NULL,
          request_id text NOT NULL,
          purpose text NOT NULL,
          PRIMARY KEY (strand, block, position)
        );

        CREATE TABLE revoked_session (
          session text PRIMARY KEY,
          expire_time timestamptz NOT NULL,
          seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        """
    )
