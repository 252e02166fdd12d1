"""Indexes of what is open, for what is measured every few seconds.

Revision ID: emergency0007
"""

from alembic import op

revision = "emergency0007"
down_revision = "emergency0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE INDEX incident_open ON incident (kind, level) WHERE state IN (1, 2);
        CREATE INDEX incident_situation_due ON incident (situation_due_time) WHERE situation_due_time IS NOT NULL;
        CREATE INDEX incident_task_open ON incident_task (state) WHERE state IN (1, 2)
        """
    )
