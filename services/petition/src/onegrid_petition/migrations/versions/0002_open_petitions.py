"""What is measured every few seconds is found without reading what has ended.

Revision ID: petition0002
"""

from alembic import op

revision = "petition0002"
down_revision = "petition0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. Writers wait while the indexes are built: a blink for the thousands of petitions of a district."""
    op.execute(
        """
        CREATE INDEX petition_open ON petition (state) WHERE state < 8;
        CREATE INDEX tally_day ON tally (day);
        """
    )
