"""Since when nothing is kept of an account that is disabled.

Revision ID: notify0009
"""

from alembic import op

revision = "notify0009"
down_revision = "notify0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- When what was kept of a disabled account was last deleted; null: not yet.
        ALTER TABLE person_version ADD COLUMN forget_time timestamptz;
        CREATE INDEX person_version_disabled ON person_version (coalesce(forget_time, time)) WHERE NOT active;
        """
    )
