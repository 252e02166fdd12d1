"""Sensors, what their readings have made of them, and their alarms.

Revision ID: emergency0004
"""

from alembic import op

revision = "emergency0004"
down_revision = "emergency0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE device (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          kind smallint NOT NULL,
          display_name text NOT NULL,
          place text COLLATE "C" NOT NULL,
          longitude double precision,
          latitude double precision,
          unit text NOT NULL,
          owner text NOT NULL,
          interval interval NOT NULL,
          rules jsonb,
          create_time timestamptz NOT NULL,
          retire_time timestamptz,
          PRIMARY KEY (district, id)
        );
        CREATE INDEX device_place ON device (district, place, id);

        -- Readings change no indexed column, so that the new version of a row fits beside the old one: due_time is
        -- moved when it is reached, not by each reading.
        CREATE TABLE device_state (
          district text NOT NULL,
          device text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          time_ms bigint NOT NULL,
          sequence bigint NOT NULL,
          value double precision NOT NULL,
          value_since_ms bigint NOT NULL,
          condition smallint NOT NULL,
          receive_time timestamptz,
          silent boolean NOT NULL,
          silent_after interval NOT NULL,
          due_time timestamptz,
          detail jsonb,
          incident text NOT NULL,
          PRIMARY KEY (district, device)
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);
        CREATE INDEX device_state_due ON device_state (due_time) WHERE due_time IS NOT NULL;

        CREATE TABLE alarm (
          district text NOT NULL,
          device text COLLATE "C" NOT NULL,
          id text NOT NULL,
          threshold text NOT NULL,
          time_ms bigint NOT NULL,
          sequence bigint NOT NULL,
          value double precision NOT NULL,
          raise_time timestamptz NOT NULL,
          clear_time timestamptz,
          incident text NOT NULL,
          report text NOT NULL,
          rules jsonb NOT NULL,
          "window" jsonb NOT NULL,
          PRIMARY KEY (district, device, id)
        );
        CREATE INDEX alarm_newest ON alarm (district, device, raise_time, id);

        -- Since when readings can arrive, by the way that they take.
        CREATE TABLE receiver (
          name text PRIMARY KEY,
          beat_time timestamptz NOT NULL,
          ready_since timestamptz NOT NULL
        );
        """
    )
