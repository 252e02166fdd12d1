"""Incidents and their reports, and what is known of the ground.

Revision ID: emergency0001
"""

from alembic import op

revision = "emergency0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE incident (
          district text NOT NULL,
          id text NOT NULL,
          sequence bigint NOT NULL,
          kind smallint NOT NULL,
          level smallint NOT NULL,
          confidence smallint NOT NULL,
          state smallint NOT NULL,
          place text COLLATE "C" NOT NULL,
          longitude double precision,
          latitude double precision,
          occur_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 80);
        CREATE INDEX incident_newest ON incident (district, create_time, id);
        CREATE INDEX incident_place ON incident (district, place, create_time, id);

        CREATE TABLE report (
          district text NOT NULL,
          id text NOT NULL,
          incident text NOT NULL,
          kind smallint NOT NULL,
          text text NOT NULL,
          place text COLLATE "C" NOT NULL,
          longitude double precision,
          latitude double precision,
          address text NOT NULL,
          source smallint NOT NULL,
          reporter text NOT NULL,
          occur_time timestamptz NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX report_incident ON report (district, incident, create_time, id);

        -- The corners of a cell in order, and the box around them; null where grid has announced no boundary.
        CREATE TABLE place (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          grid_worker text NOT NULL,
          boundary jsonb,
          west double precision,
          south double precision,
          east double precision,
          north double precision,
          PRIMARY KEY (district, code)
        );
        CREATE INDEX place_box ON place (district, west, east, south, north) WHERE boundary IS NOT NULL;

        CREATE TABLE department (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          display_name text NOT NULL,
          PRIMARY KEY (district, code)
        );
        """
    )
