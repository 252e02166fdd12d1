"""The addresses of attempts whose providers are asked by them.

Revision ID: kit0009
"""

from alembic import op

revision = "kit0009"
down_revision = "kit0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- Sealed; there while its outcome is not known, and its provider is still to be asked.
        ALTER TABLE attempt ADD COLUMN sealed_address bytea;
        """
    )
