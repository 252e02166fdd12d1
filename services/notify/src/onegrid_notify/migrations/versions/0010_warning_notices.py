"""Which notice warns of what.

Revision ID: notify0010
"""

from alembic import op

revision = "notify0010"
down_revision = "notify0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE warning_notice (
          district text NOT NULL,
          warning text NOT NULL,
          version bigint NOT NULL,
          article text NOT NULL,
          PRIMARY KEY (district, warning)
        );
        """
    )
