"""Patrols of border, as they were announced.

Revision ID: emergency0011
"""

from alembic import op

revision = "emergency0011"
down_revision = "emergency0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    # It holds two hours, and each row changes every minute: an index would cost more than it helps.
    op.execute(
        """
        CREATE TABLE patrol (
          district text NOT NULL,
          name text NOT NULL,
          version bigint NOT NULL,
          unit text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          out boolean NOT NULL,
          longitude double precision,
          latitude double precision,
          position_time timestamptz,
          announce_time timestamptz NOT NULL,
          PRIMARY KEY (district, name)
        ) WITH (fillfactor = 50)
        """
    )
