"""When a refresh token was exchanged, so that its answer can be repeated for some seconds.

Revision ID: identity0003
"""

from alembic import op

revision = "identity0003"
down_revision = "identity0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The release before leaves it unset: its tokens are good once, without a pause."""
    op.execute("ALTER TABLE refresh_token ADD COLUMN used_time timestamptz")
