"""Indexes that hold all that is counted of what many members completed, and of the quizzes that they took.

Revision ID: partyedu0016
"""

from alembic import op

revision = "partyedu0016"
down_revision = "partyedu0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only: the indexes that go are prefixes of those that come, and no statement names them."""
    op.execute(
        """
        CREATE INDEX completion_counted ON completion (district, member, complete_time DESC, subject DESC)
          INCLUDE (kind, minutes);
        DROP INDEX completion_listed;
        -- An index alone answers of what was vacuumed; by default that waits until a fifth of all rows are new.
        ALTER TABLE completion SET (autovacuum_vacuum_insert_scale_factor = 0.01);

        CREATE INDEX quiz_attempt_counted ON quiz_attempt (district, member, id) INCLUDE (quiz, begin_time);
        DROP INDEX quiz_attempt_member
        """
    )
