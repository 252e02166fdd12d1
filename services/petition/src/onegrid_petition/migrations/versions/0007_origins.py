"""Petitions that were filed for a request for aid.

Revision ID: petition0007
"""

from alembic import op

revision = "petition0007"
down_revision = "petition0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The column is added without rewriting the table; writers wait while it is read once for the index,
    which is empty.
    """
    op.execute(
        """
        ALTER TABLE petition ADD COLUMN origin text NOT NULL DEFAULT '';
        CREATE UNIQUE INDEX petition_origin ON petition (district, origin) WHERE origin <> '';
        """
    )
