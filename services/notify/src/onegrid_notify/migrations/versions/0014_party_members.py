"""Members of one Party organization, as messages go to them.

Revision ID: notify0014
"""

from alembic import op

revision = "notify0014"
down_revision = "notify0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute("CREATE INDEX party_member_by_organization ON party_member (district, organization)")
