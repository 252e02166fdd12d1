"""What identity announces of users: whether they can be appointed.

Revision ID: grid0002
"""

from alembic import op

revision = "grid0002"
down_revision = "grid0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE known_user (
          district text NOT NULL,
          name text NOT NULL,
          state smallint NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, name)
        )
        """
    )
