"""Patrols, welfare checks, alarms.

Revision ID: border0002
"""

from alembic import op

revision = "border0002"
down_revision = "border0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        ALTER TABLE unit
          ADD COLUMN shift_route text NOT NULL DEFAULT '',
          ADD COLUMN shift_start interval NOT NULL DEFAULT '0';

        CREATE TABLE shift (
          district text NOT NULL,
          name text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          roster text NOT NULL,
          "user" text NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz NOT NULL,
          cancelled boolean NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX shift_roster ON shift (district, roster, begin_time);

        -- From `state` on: what the log of its entries comes to, computed anew whenever that may have changed.
        CREATE TABLE patrol (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          unit text COLLATE "C" NOT NULL,
          route text NOT NULL,
          route_revision integer NOT NULL,
          planned_leader text NOT NULL,
          lone boolean NOT NULL,
          shift text NOT NULL,
          start_due_time timestamptz NOT NULL,
          grace interval NOT NULL,
          cancel_reason text NOT NULL,
          cancel_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          state smallint NOT NULL,
          leader text NOT NULL,
          start_time timestamptz,
          finish_time timestamptz,
          pause_until_time timestamptz,
          points jsonb NOT NULL,
          covered jsonb NOT NULL,
          longitude double precision,
          latitude double precision,
          position_time timestamptz,
          entry_time timestamptz,
          entries integer NOT NULL,
          marks smallint[] NOT NULL,
          devices text[] NOT NULL,
          outstanding boolean NOT NULL,
          PRIMARY KEY (district, id)
        ) WITH (fillfactor = 70);
        CREATE INDEX patrol_start ON patrol (district, start_due_time, id);
        CREATE INDEX patrol_unit ON patrol (district, unit, start_due_time, id);
        CREATE INDEX patrol_leader ON patrol (leader, start_due_time, id);
        CREATE INDEX patrol_planned_leader ON patrol (planned_leader, start_due_time, id);
        CREATE INDEX patrol_position ON patrol (district, unit, position_time) WHERE longitude IS NOT NULL;
        CREATE INDEX patrol_out ON patrol (district) WHERE state IN (2, 3);
        CREATE INDEX patrol_old_position ON patrol (position_time) WHERE longitude IS NOT NULL;
        CREATE INDEX patrol_route ON patrol (district, route, start_due_time) WHERE state = 1;
        CREATE INDEX patrol_devices ON patrol USING gin (devices);
        CREATE UNIQUE INDEX patrol_shift ON patrol (district, unit, shift) WHERE shift <> '';

        CREATE TABLE welfare_check (
          district text NOT NULL,
          patrol text NOT NULL,
          number integer NOT NULL,
          ask_time timestamptz NOT NULL,
          due_time timestamptz NOT NULL,
          PRIMARY KEY (district, patrol, number)
        );

        CREATE TABLE alarm (
          district text NOT NULL,
          patrol text COLLATE "C" NOT NULL,
          id text COLLATE "C" NOT NULL,
          version bigint NOT NULL,
          kind smallint NOT NULL,
          state smallint NOT NULL,
          unit text COLLATE "C" NOT NULL,
          lone boolean NOT NULL,
          checkpoint text NOT NULL,
          text text NOT NULL,
          since_time timestamptz NOT NULL,
          raise_time timestamptz NOT NULL,
          recipients text[] NOT NULL,
          acknowledger text NOT NULL,
          acknowledge_time timestamptz,
          note text NOT NULL,
          end_time timestamptz,
          longitude double precision,
          latitude double precision,
          PRIMARY KEY (district, patrol, id)
        ) WITH (fillfactor = 80);
        CREATE INDEX alarm_raised ON alarm (district, raise_time, patrol, id);
        CREATE INDEX alarm_position ON alarm (raise_time) WHERE longitude IS NOT NULL;
        -- Those that are open: state 1.
        CREATE INDEX alarm_open ON alarm (district, kind, lone, since_time, patrol, id) WHERE state = 1;
        """
    )
