"""Articles that go out whatever their readers mute.

Revision ID: notify0011
"""

from alembic import op

revision = "notify0011"
down_revision = "notify0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("ALTER TABLE article ADD COLUMN critical boolean NOT NULL DEFAULT false")
