"""The revision of a user's grants by the last revocation: tokens of earlier ones are refused.

Revision ID: kit0005
"""

from alembic import op

revision = "kit0005"
down_revision = "kit0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only; the release before goes by the time alone."""
    op.execute("ALTER TABLE revoked_grant ADD COLUMN grant_revision bigint NOT NULL DEFAULT 0")
