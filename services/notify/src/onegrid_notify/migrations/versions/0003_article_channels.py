"""By which channels articles are sent.

Revision ID: notify0003
"""

from alembic import op

revision = "notify0003"
down_revision = "notify0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("ALTER TABLE article ADD COLUMN channels smallint[] NOT NULL DEFAULT '{}'")
