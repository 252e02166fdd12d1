"""`revoked_session.seen_at`, which no release reads, is not filled any more. The next release may drop it.

Revision ID: kit0004
"""

from alembic import op

revision = "kit0004"
down_revision = "kit0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only: the release before does not name the column either."""
    op.execute("ALTER TABLE revoked_session ALTER COLUMN seen_at DROP NOT NULL, ALTER COLUMN seen_at DROP DEFAULT")
