"""What services failed to hear of their sendings.

Revision ID: kit0013
"""

from alembic import op

revision = "kit0013"
down_revision = "kit0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE unconcluded (
          sending text NOT NULL REFERENCES sending ON DELETE CASCADE,
          -- Of the attempt that it was learned about; 0: of none.
          number integer NOT NULL,
          address_refused boolean NOT NULL,
          code text NOT NULL,
          error text NOT NULL,
          tries integer NOT NULL DEFAULT 1,
          create_time timestamptz NOT NULL DEFAULT clock_timestamp(),
          retry_time timestamptz NOT NULL,
          PRIMARY KEY (sending, number, address_refused, code)
        );
        CREATE INDEX unconcluded_retry_time ON unconcluded (retry_time);
        """
    )
