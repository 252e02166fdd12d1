"""What plans of emergency add to the authority of whoever is on duty.

Revision ID: duty0005
"""

from alembic import op

revision = "duty0005"
down_revision = "duty0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE duty_elevation (
          district text NOT NULL,
          name text NOT NULL,
          roster text NOT NULL,
          role text NOT NULL,
          scope text NOT NULL,
          guarantor text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          ended boolean NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX duty_elevation_roster ON duty_elevation (district, roster) WHERE NOT ended
        """
    )
