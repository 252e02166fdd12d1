"""The life of an incident: its steps, its grading, its command and its review.

Revision ID: emergency0002
"""

from alembic import op

revision = "emergency0002"
down_revision = "emergency0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE incident
          ADD COLUMN category text NOT NULL DEFAULT '',
          ADD COLUMN grading jsonb,
          ADD COLUMN command jsonb,
          ADD COLUMN respond_time timestamptz,
          ADD COLUMN clear_time timestamptz,
          ADD COLUMN review jsonb;

        CREATE TABLE incident_step (
          district text NOT NULL,
          incident text NOT NULL,
          sequence bigint NOT NULL,
          time timestamptz NOT NULL,
          action smallint NOT NULL,
          actor smallint NOT NULL,
          "user" text NOT NULL,
          office text NOT NULL,
          office_display_name text NOT NULL,
          state smallint NOT NULL,
          level smallint NOT NULL,
          note text NOT NULL,
          PRIMARY KEY (district, incident, sequence)
        );
        """
    )
