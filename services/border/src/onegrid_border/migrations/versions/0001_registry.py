"""Units, routes, assets and their inspections; the codes of cells.

Revision ID: border0001
"""

from alembic import op

revision = "border0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE unit (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          roster text NOT NULL,
          lone boolean NOT NULL,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX unit_roster ON unit (district, roster) WHERE roster <> '';

        CREATE TABLE route (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          revision integer NOT NULL,
          retire_time timestamptz,
          PRIMARY KEY (district, id)
        );

        CREATE TABLE route_revision (
          district text NOT NULL,
          route text COLLATE "C" NOT NULL,
          revision integer NOT NULL,
          display_name text NOT NULL,
          checkpoints jsonb NOT NULL,
          corridor_m integer NOT NULL,
          max_speed_kmh integer NOT NULL,
          effective_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, route, revision)
        );

        -- `inspections` counts them; condition and time are those of the one that was made last.
        CREATE TABLE asset (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          kind smallint NOT NULL,
          display_name text NOT NULL,
          course jsonb NOT NULL,
          condition smallint NOT NULL,
          inspect_time timestamptz,
          inspections integer NOT NULL,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 90);

        CREATE TABLE inspection (
          district text NOT NULL,
          asset text COLLATE "C" NOT NULL,
          number integer NOT NULL,
          condition smallint NOT NULL,
          note text NOT NULL,
          inspector text NOT NULL,
          inspect_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, asset, number)
        );

        CREATE TABLE cell (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          PRIMARY KEY (district, code)
        );
        """
    )
