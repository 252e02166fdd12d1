"""Pages that a plan raises, and that end with it.

Revision ID: duty0007
"""

from alembic import op

revision = "duty0007"
down_revision = "duty0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE duty_page ADD COLUMN plan_activation text NOT NULL DEFAULT '', ADD COLUMN end_time timestamptz;
        CREATE UNIQUE INDEX duty_page_plan ON duty_page (district, plan_activation, roster)
          WHERE plan_activation <> ''
        """
    )
