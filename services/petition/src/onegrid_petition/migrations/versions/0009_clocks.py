"""Due times that offices are reminded of.

Revision ID: petition0009
"""

from alembic import op

revision = "petition0009"
down_revision = "petition0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only. The column is added without rewriting the table; the index holds what the job `set clocks` has to
    do, which after an upgrade is all that is open.
    """
    op.execute(
        """
        ALTER TABLE petition ADD COLUMN clock_due_time timestamptz;
        CREATE INDEX petition_other_clock ON petition (id)
          WHERE (CASE WHEN state = 1 THEN accept_due_time WHEN state IN (2, 3, 4) THEN conclude_due_time END)
            IS DISTINCT FROM clock_due_time;
        """
    )
