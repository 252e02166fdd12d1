"""Deadlines that climb.

Revision ID: kit0014
"""

from alembic import op

revision = "kit0014"
down_revision = "kit0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE climb (
          kind text NOT NULL,
          subject text NOT NULL,
          rung integer NOT NULL,
          due_time timestamptz NOT NULL,
          -- Another one after each change: a rung was climbed only if its row is still as it was read.
          revision bigint GENERATED ALWAYS AS IDENTITY,
          attempts integer NOT NULL DEFAULT 0,
          retry_time timestamptz,
          error text NOT NULL DEFAULT '',
          traceparent text NOT NULL DEFAULT '',
          PRIMARY KEY (kind, subject)
        );
        CREATE INDEX climb_due ON climb (kind, due_time);
        """
    )
