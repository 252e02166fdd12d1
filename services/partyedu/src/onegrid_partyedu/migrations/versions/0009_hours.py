"""How much is to be studied in a year.

Revision ID: partyedu0009
"""

from alembic import op

revision = "partyedu0009"
down_revision = "partyedu0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE hours_duty (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          posts smallint[] NOT NULL,
          minutes integer NOT NULL,
          first_year smallint NOT NULL,
          last_year smallint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        )
        """
    )
