"""What is handed to outside systems, and the calls that do it.

Revision ID: kit0008
"""

from alembic import op

revision = "kit0008"
down_revision = "kit0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE sending (
          id text PRIMARY KEY,
          district text NOT NULL,
          kind text NOT NULL,
          channel text NOT NULL,
          recipient text NOT NULL,
          subject text NOT NULL,
          batch text NOT NULL,
          lane smallint NOT NULL CHECK (lane BETWEEN 0 AND 3),
          parameters jsonb NOT NULL,
          state text NOT NULL DEFAULT 'WAITING' CHECK (state IN (
            'WAITING', 'SENDING', 'ACCEPTED', 'DELIVERED', 'READ', 'FAILED', 'UNKNOWN', 'DROPPED', 'EXPIRED', 'STOPPED'
          )),
          due_time timestamptz NOT NULL,
          expire_time timestamptz,
          attempts integer NOT NULL DEFAULT 0,
          -- Attempts, and preparations that failed, since it was enqueued or replayed.
          tries integer NOT NULL DEFAULT 0,
          last_provider text NOT NULL DEFAULT '',
          last_code text NOT NULL DEFAULT '',
          create_time timestamptz NOT NULL,
          end_time timestamptz,
          traceparent text NOT NULL
        );
        CREATE INDEX sending_due ON sending (channel, lane, due_time) WHERE state = 'WAITING';
        CREATE INDEX sending_unresolved ON sending (create_time, id) WHERE state IN ('FAILED', 'UNKNOWN');
        CREATE INDEX sending_batch ON sending (batch, state) WHERE batch <> '';
        CREATE INDEX sending_recipient ON sending (recipient, create_time) WHERE recipient <> '';
        CREATE INDEX sending_create_time ON sending USING brin (create_time);

        CREATE TABLE attempt (
          sending text NOT NULL REFERENCES sending ON DELETE CASCADE,
          number integer NOT NULL,
          key uuid NOT NULL UNIQUE,
          provider text NOT NULL,
          provider_id text NOT NULL DEFAULT '',
          begin_time timestamptz NOT NULL DEFAULT clock_timestamp(),
          deadline timestamptz NOT NULL,
          end_time timestamptz,
          outcome text CHECK (outcome IN ('UNKNOWN', 'RETRYABLE', 'ACCEPTED', 'FAILED', 'DELIVERED', 'READ')),
          code text NOT NULL DEFAULT '',
          asks integer NOT NULL DEFAULT 0,
          ask_time timestamptz,
          PRIMARY KEY (sending, number)
        );
        CREATE INDEX attempt_provider_id ON attempt (provider, provider_id) WHERE provider_id <> '';
        CREATE INDEX attempt_running ON attempt (deadline) WHERE outcome IS NULL;
        CREATE INDEX attempt_ask_time ON attempt (ask_time) WHERE ask_time IS NOT NULL;

        -- Those that came before the outcome of the call whose receipts they are.
        CREATE TABLE receipt (
          provider text NOT NULL,
          provider_id text NOT NULL,
          outcome text NOT NULL CHECK (outcome IN ('ACCEPTED', 'FAILED', 'DELIVERED', 'READ')),
          code text NOT NULL,
          address_refused boolean NOT NULL,
          receive_time timestamptz NOT NULL DEFAULT clock_timestamp(),
          PRIMARY KEY (provider, provider_id, outcome, code)
        );

        CREATE TABLE stopped_batch (batch text PRIMARY KEY, stop_time timestamptz NOT NULL DEFAULT clock_timestamp());

        -- How many calls were made in each of the latest pieces of a limit's period, the newest first.
        CREATE TABLE sending_limit (
          key text PRIMARY KEY,
          newest bigint NOT NULL,
          taken integer[] NOT NULL,
          promised_s double precision NOT NULL,
          use_time timestamptz NOT NULL DEFAULT clock_timestamp()
        );
        """
    )
