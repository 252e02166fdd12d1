"""What members completed, and trainings.

Revision ID: partyedu0002
"""

from alembic import op

revision = "partyedu0002"
down_revision = "partyedu0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE completion (
          district text NOT NULL,
          member text COLLATE "C" NOT NULL,
          subject text COLLATE "C" NOT NULL,
          year smallint NOT NULL,
          kind smallint NOT NULL,
          minutes integer NOT NULL,
          percent smallint,
          complete_time timestamptz NOT NULL,
          PRIMARY KEY (district, member, subject, year)
        );
        CREATE INDEX completion_listed ON completion (district, member, complete_time DESC, subject DESC);
        CREATE INDEX completion_subject ON completion (district, subject, year, member);

        CREATE TABLE training (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          minutes integer NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        )
        """
    )
