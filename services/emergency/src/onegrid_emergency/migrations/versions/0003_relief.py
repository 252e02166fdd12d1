"""Teams, experts, vehicles, shelters, depots and their supplies, and who has reserved them.

Revision ID: emergency0003
"""

from alembic import op

revision = "emergency0003"
down_revision = "emergency0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        -- Trusted since PostgreSQL 13: the owner of the database may create it.
        CREATE EXTENSION IF NOT EXISTS btree_gist;

        -- Longitude and latitude are where it is now: at home unless it reported something else.
        CREATE TABLE resource (
          district text NOT NULL,
          name text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          kind smallint NOT NULL,
          team_kind smallint NOT NULL,
          display_name text NOT NULL,
          contact text NOT NULL,
          details jsonb NOT NULL,
          place text COLLATE "C" NOT NULL,
          home_longitude double precision,
          home_latitude double precision,
          longitude double precision,
          latitude double precision,
          position_time timestamptz,
          retire_time timestamptz,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, name)
        ) WITH (fillfactor = 80);
        CREATE INDEX resource_place ON resource (district, place, name);
        CREATE INDEX resource_position ON resource (district, latitude, longitude) WHERE retire_time IS NULL;

        -- What can be shared out: the places of a shelter, the units of a stock. `reserved` is the sum of the
        -- reservations whose end is not stored yet; each statement that ends one takes it back.
        CREATE TABLE capacity (
          district text NOT NULL,
          resource text COLLATE "C" NOT NULL,
          total bigint NOT NULL CHECK (total >= 0),
          reserved bigint NOT NULL CHECK (reserved >= 0),
          open boolean NOT NULL,
          PRIMARY KEY (district, resource)
        ) WITH (fillfactor = 20);

        CREATE TABLE stock (
          district text NOT NULL,
          name text COLLATE "C" NOT NULL,
          depot text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          display_name text NOT NULL,
          unit text NOT NULL,
          minimum bigint NOT NULL,
          movements bigint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, name)
        );
        CREATE INDEX stock_depot ON stock (district, depot, name);

        CREATE TABLE stock_movement (
          district text NOT NULL,
          stock text COLLATE "C" NOT NULL,
          number bigint NOT NULL,
          kind smallint NOT NULL,
          change bigint NOT NULL,
          balance bigint NOT NULL CHECK (balance >= 0),
          reservation text NOT NULL,
          note text NOT NULL,
          create_time timestamptz NOT NULL,
          PRIMARY KEY (district, stock, number)
        );

        -- `end_time` is when it ended or, of one that is held, when it expires; null while it is confirmed. So one that
        -- has expired is in nobody's way, whether that is stored already or not.
        CREATE TABLE reservation (
          district text NOT NULL,
          id text COLLATE "C" NOT NULL,
          sequence bigint NOT NULL,
          incident text NOT NULL,
          resource text COLLATE "C" NOT NULL,
          exclusive boolean NOT NULL,
          quantity bigint NOT NULL CHECK (quantity > 0),
          state smallint NOT NULL,
          begin_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, id),
          CONSTRAINT reservation_exclusive EXCLUDE USING gist (
            district WITH =, resource WITH =, tstzrange(begin_time, end_time) WITH &&
          ) WHERE (exclusive)
        );
        CREATE INDEX reservation_newest ON reservation (district, begin_time, id);
        CREATE INDEX reservation_resource ON reservation (district, resource, begin_time, id);
        CREATE INDEX reservation_incident ON reservation (district, incident, begin_time, id);
        CREATE INDEX reservation_held ON reservation (end_time) WHERE state = 1;
        """
    )
