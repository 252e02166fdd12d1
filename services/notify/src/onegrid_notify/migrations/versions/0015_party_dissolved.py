"""Organizations that were dissolved, which speak no more.

Revision ID: notify0015
"""

from alembic import op

revision = "notify0015"
down_revision = "notify0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("ALTER TABLE party_organization_version ADD COLUMN dissolved boolean NOT NULL DEFAULT false")
