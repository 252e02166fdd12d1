"""An index of the pages that nobody has acknowledged.

Revision ID: duty0004
"""

from alembic import op

revision = "duty0004"
down_revision = "duty0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("CREATE INDEX duty_page_open ON duty_page (create_time) WHERE acknowledger = ''")
