"""Which installation the database is of: what a broker's queue is taken by.

Revision ID: kit0016
"""

from alembic import op

revision = "kit0016"
down_revision = "kit0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE installation (
          one boolean PRIMARY KEY DEFAULT true CHECK (one),
          id uuid NOT NULL DEFAULT gen_random_uuid()
        );
        INSERT INTO installation DEFAULT VALUES;
        """
    )
