"""To whom everything that is current was announced.

Revision ID: kit0007
"""

from alembic import op

revision = "kit0007"
down_revision = "kit0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE announced_to (
          event_type text NOT NULL,
          subscriber text NOT NULL,
          PRIMARY KEY (event_type, subscriber)
        )
        """
    )
