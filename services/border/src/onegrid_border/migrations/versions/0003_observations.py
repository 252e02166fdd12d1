"""Observations, the incidents that they are part of, and the ground of cells.

Revision ID: border0003
"""

from alembic import op

revision = "border0003"
down_revision = "border0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE cell
          ADD COLUMN boundary jsonb,
          ADD COLUMN west double precision,
          ADD COLUMN south double precision,
          ADD COLUMN east double precision,
          ADD COLUMN north double precision;
        CREATE INDEX cell_box ON cell (district, west, east, south, north) WHERE boundary IS NOT NULL;

        CREATE TABLE observation (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          patrol text NOT NULL,
          unit text COLLATE "C" NOT NULL,
          entry_id text NOT NULL,
          kind smallint NOT NULL,
          hazard smallint NOT NULL,
          text text NOT NULL,
          media text[] NOT NULL,
          asset text NOT NULL,
          longitude double precision,
          latitude double precision,
          place text NOT NULL,
          time timestamptz NOT NULL,
          anchored boolean NOT NULL,
          marks smallint[] NOT NULL,
          create_time timestamptz NOT NULL,
          escalate_time timestamptz,
          incident text NOT NULL DEFAULT '',
          incident_state smallint NOT NULL DEFAULT 0,
          incident_level smallint NOT NULL DEFAULT 0,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 80);
        CREATE INDEX observation_arrived ON observation (district, create_time, id);
        CREATE INDEX observation_incident ON observation (district, incident) WHERE incident <> '';

        CREATE TABLE incident (
          district text NOT NULL,
          name text NOT NULL,
          version bigint NOT NULL,
          state smallint NOT NULL,
          level smallint NOT NULL,
          time timestamptz NOT NULL,
          observations text[] NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX incident_observations ON incident USING gin (observations);
        """
    )
