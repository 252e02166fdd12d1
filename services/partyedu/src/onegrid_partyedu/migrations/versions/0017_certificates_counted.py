"""Certificates are counted by the index that lists them.

Revision ID: partyedu0017
"""

from alembic import op

revision = "partyedu0017"
down_revision = "partyedu0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only: the index that goes is a part of the one that comes, and no statement names it."""
    op.execute(
        """
        CREATE INDEX certificate_counted ON certificate (district, member, issue_time DESC, id DESC)
          INCLUDE (scheme, year, expire_time, end_time);
        DROP INDEX certificate_listed
        """
    )
