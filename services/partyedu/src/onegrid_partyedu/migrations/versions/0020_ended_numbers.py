"""Memberships that have ended are found by their number on the roll.

Revision ID: partyedu0020
"""

from alembic import op

revision = "partyedu0020"
down_revision = "partyedu0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE INDEX member_ended_number ON member (district, number) WHERE number <> '' AND end_time IS NOT NULL
        """
    )
