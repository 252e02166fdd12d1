"""Which address an attempt was made to.

Revision ID: kit0012
"""

from alembic import op

revision = "kit0012"
down_revision = "kit0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- A digest of it: what is learned later is about this address, whatever its person has by then.
        ALTER TABLE attempt ADD COLUMN address_key text NOT NULL DEFAULT '';
        """
    )
