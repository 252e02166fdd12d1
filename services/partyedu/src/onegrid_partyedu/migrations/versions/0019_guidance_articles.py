"""Guidance tasks name an article to be read.

Revision ID: partyedu0019
"""

from alembic import op

revision = "partyedu0019"
down_revision = "partyedu0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("ALTER TABLE guidance_task ADD COLUMN article text NOT NULL DEFAULT ''")
