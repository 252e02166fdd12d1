"""Drills.

Revision ID: emergency0010
"""

from alembic import op

revision = "emergency0010"
down_revision = "emergency0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE drill (
          district text NOT NULL,
          id text NOT NULL,
          plan text NOT NULL,
          display_name text NOT NULL,
          place text NOT NULL,
          author text NOT NULL,
          tasks jsonb NOT NULL,
          items jsonb NOT NULL,
          warnings text[] NOT NULL,
          start_time timestamptz NOT NULL,
          end_time timestamptz,
          summary text NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX drill_started ON drill (district, start_time, id)
        """
    )
