"""What sendings are prepared from and is personal.

Revision ID: kit0010
"""

from alembic import op

revision = "kit0010"
down_revision = "kit0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- There until the sending has ended or expired.
        ALTER TABLE sending ADD COLUMN sealed bytea;
        CREATE INDEX sending_sealed ON sending (expire_time) WHERE sealed IS NOT NULL;
        """
    )
