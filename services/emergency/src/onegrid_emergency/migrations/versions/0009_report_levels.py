"""How grave reports say that an incident is.

Revision ID: emergency0009
"""

from alembic import op

revision = "emergency0009"
down_revision = "emergency0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The column is added without rewriting the table."""
    op.execute("ALTER TABLE report ADD COLUMN level smallint NOT NULL DEFAULT 0")
