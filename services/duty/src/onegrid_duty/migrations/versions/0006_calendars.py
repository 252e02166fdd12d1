"""Secret links of calendars, and when a shift was changed last.

Revision ID: duty0006
"""

from alembic import op

revision = "duty0006"
down_revision = "duty0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE duty_shift ADD COLUMN update_time timestamptz NOT NULL DEFAULT now();
        CREATE TABLE duty_calendar_link (
          "user" text NOT NULL,
          roster text NOT NULL,
          digest bytea NOT NULL UNIQUE,
          reminder_minutes integer NOT NULL,
          expire_time timestamptz,
          PRIMARY KEY ("user", roster)
        )
        """
    )
