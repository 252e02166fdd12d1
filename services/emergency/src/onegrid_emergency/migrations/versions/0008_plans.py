"""Plans, and those that are or were in effect for an incident.

Revision ID: emergency0008
"""

from alembic import op

revision = "emergency0008"
down_revision = "emergency0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE incident_step ADD COLUMN plan_activation text NOT NULL DEFAULT '';

        CREATE TABLE plan (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          display_name text NOT NULL,
          kind smallint NOT NULL,
          level smallint NOT NULL,
          automatic boolean NOT NULL,
          content jsonb NOT NULL,
          elevate_at_most interval NOT NULL,
          definer text NOT NULL,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX plan_automatic ON plan (district, kind, level) WHERE automatic AND retire_time IS NULL;

        CREATE TABLE plan_activation (
          district text NOT NULL,
          id text NOT NULL,
          plan text NOT NULL,
          display_name text NOT NULL,
          incident text NOT NULL,
          activator text NOT NULL,
          guarantor text NOT NULL,
          tasks text[] NOT NULL,
          items jsonb NOT NULL,
          elevations jsonb NOT NULL,
          rosters jsonb NOT NULL,
          notice jsonb,
          activate_time timestamptz NOT NULL,
          expire_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX plan_activation_incident ON plan_activation (district, incident, activate_time, id);
        -- A plan is in effect for an incident once at a time.
        CREATE UNIQUE INDEX plan_activation_open ON plan_activation (district, incident, plan) WHERE end_time IS NULL;
        """
    )
