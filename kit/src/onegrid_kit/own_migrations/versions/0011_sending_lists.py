"""The order in which sendings of a batch, and those that are unresolved, are listed and counted.

Revision ID: kit0011
"""

from alembic import op

revision = "kit0011"
down_revision = "kit0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only: the index that goes is the beginning of the one that comes."""
    op.execute(
        """
        CREATE INDEX sending_batch_channel ON sending (batch, state, channel, id) WHERE batch <> '';
        DROP INDEX sending_batch;
        CREATE INDEX sending_unresolved_district
          ON sending (district, state, channel, create_time DESC, id DESC) WHERE state IN ('FAILED', 'UNKNOWN');
        """
    )
