"""Findings that petitions are filed for.

Revision ID: grid0005
"""

from alembic import op

revision = "grid0005"
down_revision = "grid0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE finding
          ADD COLUMN transfer_time timestamptz,
          ADD COLUMN petition text NOT NULL DEFAULT ''
        """
    )
