"""Columns in which Party organizations speak.

Revision ID: notify0013
"""

from alembic import op

revision = "notify0013"
down_revision = "notify0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("ALTER TABLE content_column ADD COLUMN party_voice smallint NOT NULL DEFAULT 0")
    op.execute(
        """
        ALTER TABLE article ADD COLUMN organization text COLLATE "C" NOT NULL DEFAULT '';
        CREATE INDEX article_by_organization ON article (district, organization, publish_time, id)
          WHERE organization <> ''
        """
    )
