"""Inspection rounds, what they found, and the incidents that this is part of.

Revision ID: grid0004
"""

from alembic import op

revision = "grid0004"
down_revision = "grid0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- The id begins with the code of the cell. From `state` on: what the log of its entries comes to.
        CREATE TABLE inspection_round (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          begin_time timestamptz NOT NULL,
          state smallint NOT NULL,
          worker text NOT NULL,
          start_time timestamptz,
          finish_time timestamptz,
          entry_time timestamptz,
          entries integer NOT NULL,
          visits integer NOT NULL,
          findings integer NOT NULL,
          track_m integer NOT NULL,
          duration interval NOT NULL,
          marks smallint[] NOT NULL,
          devices text[] NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 70);
        CREATE INDEX inspection_round_begin ON inspection_round (district, begin_time, id);
        CREATE INDEX inspection_round_devices ON inspection_round USING gin (devices);

        -- The id begins with the code of the place; `derived_id` is the rest of it.
        CREATE TABLE finding (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          derived_id text NOT NULL,
          round text NOT NULL,
          entry_id text NOT NULL,
          kind smallint NOT NULL,
          hazard_level smallint NOT NULL,
          text text NOT NULL,
          media text[] NOT NULL,
          longitude double precision,
          latitude double precision,
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
        CREATE UNIQUE INDEX finding_derived ON finding (district, derived_id);
        CREATE INDEX finding_arrived ON finding (district, create_time, id);
        CREATE INDEX finding_round ON finding (district, round);
        CREATE INDEX finding_incident ON finding (district, incident) WHERE incident <> '';

        CREATE TABLE incident (
          district text NOT NULL,
          name text NOT NULL,
          version bigint NOT NULL,
          state smallint NOT NULL,
          level smallint NOT NULL,
          time timestamptz NOT NULL,
          findings text[] NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX incident_findings ON incident USING gin (findings);
        """
    )
