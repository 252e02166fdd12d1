"""What a member was granted at quizzes is found by the member.

Revision ID: partyedu0018
"""

from alembic import op

revision = "partyedu0018"
down_revision = "partyedu0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE INDEX attempt_turn_granted_to ON attempt_turn (district, member, quiz)
          WHERE extra_minutes > 0 OR extra_attempts > 0
        """
    )
