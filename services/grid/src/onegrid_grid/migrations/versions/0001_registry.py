"""Divisions, cells and appointments.

Revision ID: grid0001
"""

from alembic import op

revision = "grid0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Expand only."""
    op.execute(
        """
        CREATE TABLE division (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          level smallint NOT NULL,
          display_name text NOT NULL,
          version bigint NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE cell (
          district text NOT NULL,
          code text COLLATE "C" NOT NULL,
          display_name text NOT NULL,
          boundary jsonb NOT NULL,
          area_m2 double precision NOT NULL,
          version bigint NOT NULL,
          create_time timestamptz NOT NULL,
          update_time timestamptz NOT NULL,
          PRIMARY KEY (district, code)
        );
        CREATE TABLE appointment (
          district text NOT NULL,
          cell text COLLATE "C" NOT NULL,
          id text NOT NULL,
          "user" text NOT NULL,
          post smallint NOT NULL,
          start_time timestamptz NOT NULL,
          end_time timestamptz,
          PRIMARY KEY (district, cell, id)
        );
        CREATE INDEX appointment_user ON appointment ("user") WHERE end_time IS NULL;
        CREATE TABLE ground (district text PRIMARY KEY, version bigint NOT NULL);
        """
    )
