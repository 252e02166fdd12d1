"""Leases of leaders.

Revision ID: kit0002
"""

from alembic import op

revision = "kit0002"
down_revision = "kit0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE lease (name text PRIMARY KEY, holder text NOT NULL, expire_time timestamptz NOT NULL)
        WITH (fillfactor = 50);
        """
    )
