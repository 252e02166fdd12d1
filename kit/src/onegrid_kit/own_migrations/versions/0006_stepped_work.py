"""Work that is done in steps.

Revision ID: kit0006
"""

from alembic import op

revision = "kit0006"
down_revision = "kit0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE stepped_work (
          id text PRIMARY KEY,
          kind text NOT NULL,
          subject text NOT NULL,
          urgent boolean NOT NULL,
          state text NOT NULL DEFAULT 'RUNNING' CHECK (state IN ('RUNNING', 'STOPPED', 'FAILED', 'DONE')),
          parameters jsonb NOT NULL,
          cursor jsonb NOT NULL DEFAULT '{}',
          done bigint NOT NULL DEFAULT 0,
          total bigint,
          create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
          step_time timestamptz,
          end_time timestamptz,
          attempts integer NOT NULL DEFAULT 0,
          retry_time timestamptz,
          error text NOT NULL DEFAULT '',
          traceparent text NOT NULL
        -- Each step updates its row: in place, as no index holds what changes.
        ) WITH (fillfactor = 50);
        CREATE INDEX stepped_work_open ON stepped_work (id) WHERE state <> 'DONE';
        """
    )
