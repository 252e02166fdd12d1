"""Words are compared in one form, whatever the case and width of their letters. A job fills in what is there already.

Revision ID: petition0004
"""

from alembic import op

revision = "petition0004"
down_revision = "petition0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE search ADD COLUMN letters text;
        CREATE INDEX search_not_normalized ON search (district, petition) WHERE letters IS NULL;
        """
    )
