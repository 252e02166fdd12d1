"""Petitions whose time limit was extended.

Revision ID: petition0008
"""

from alembic import op

revision = "petition0008"
down_revision = "petition0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The column is added without rewriting the table."""
    op.execute("ALTER TABLE petition ADD COLUMN extend_time timestamptz")
