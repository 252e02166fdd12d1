"""The staff of offices are found among all who hold a role.

Revision ID: notify0008
"""

from alembic import op

revision = "notify0008"
down_revision = "notify0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- Replaces membership_office, which also holds every resident: the release after this one may drop that.
        CREATE INDEX membership_staff ON membership (district, code, user_name) WHERE oa_level <> 0;
        """
    )
