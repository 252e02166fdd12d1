"""Pages and the handover book.

Revision ID: duty0003
"""

from alembic import op

revision = "duty0003"
down_revision = "duty0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE duty_page (
          district text NOT NULL,
          id text NOT NULL,
          roster text NOT NULL,
          title text NOT NULL,
          author text NOT NULL,
          escalation jsonb NOT NULL,
          supervisors text[] NOT NULL,
          paged text[] NOT NULL,
          acknowledger text NOT NULL,
          create_time timestamptz NOT NULL,
          acknowledge_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX duty_page_roster ON duty_page (district, roster, id);
        CREATE TABLE duty_handover (
          district text NOT NULL,
          id text NOT NULL,
          roster text NOT NULL,
          author text NOT NULL,
          text text NOT NULL,
          following_shift text NOT NULL,
          acknowledger text NOT NULL,
          create_time timestamptz NOT NULL,
          acknowledge_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX duty_handover_roster ON duty_handover (district, roster, create_time, id)
        """
    )
