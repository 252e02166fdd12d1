"""Pages that alarms of border raise, and that end with them.

Revision ID: duty0008
"""

from alembic import op

revision = "duty0008"
down_revision = "duty0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE duty_page ADD COLUMN alarm text NOT NULL DEFAULT '', ADD COLUMN alarm_raise_time timestamptz;
        CREATE UNIQUE INDEX duty_page_alarm ON duty_page (district, alarm, alarm_raise_time, roster) WHERE alarm <> ''
        """
    )
