"""Rosters whose officers on duty alarms page.

Revision ID: border0005
"""

from alembic import op

revision = "border0005"
down_revision = "border0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE unit ADD COLUMN alarm_roster text NOT NULL DEFAULT '';
        ALTER TABLE alarm ADD COLUMN roster text NOT NULL DEFAULT ''
        """
    )
