"""Appointments are listed without sorting all that a place ever had.

Revision ID: grid0003
"""

from alembic import op

revision = "grid0003"
down_revision = "grid0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE INDEX appointment_in_order ON appointment (district, cell, start_time, id);
        CREATE INDEX appointment_lasting ON appointment (district, cell, start_time, id) WHERE end_time IS NULL;
        """
    )
