"""Users of whom a grant was revoked: their older tokens are refused.

Revision ID: kit0003
"""

from alembic import op

revision = "kit0003"
down_revision = "kit0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute('CREATE TABLE revoked_grant ("user" text PRIMARY KEY, revoke_time timestamptz NOT NULL)')
