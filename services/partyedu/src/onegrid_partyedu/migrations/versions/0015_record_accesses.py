"""Reads are found in the audit trail by what was read.

Revision ID: partyedu0015
"""

from alembic import op

revision = "partyedu0015"
down_revision = "partyedu0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- Reads alone: a save of an answer, of which there are hundreds a second, is audited and needs no entry.
        CREATE INDEX audit_entry_read ON audit_entry (resource COLLATE "C", time, strand, block, position)
          WHERE method ~ '([.](Get|List)[A-Za-z]+|^GET .*)$'
        """
    )
